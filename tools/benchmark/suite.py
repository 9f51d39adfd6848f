"""The suites of `tools/bench`, by the word that names them on the command line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmark import phys_suite, run_suite
from benchmark.measure import Options, Part


@dataclass(frozen=True)
class Suite:
    summary: str
    parts: Callable[[Options], Iterator[Part]]  # each part can fail by itself without taking the others along
    footnote: str = ""


SUITES = {
    "run": Suite("programs in a guest against the same programs natively", run_suite.parts),
    "phys": Suite("frames and slab objects against other allocators", phys_suite.parts, phys_suite.FOOTNOTE),
}
