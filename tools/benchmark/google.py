"""Runs a Google Benchmark binary with its repetitions interleaved at random, and collects the counters of each."""

import json
import pathlib
import subprocess

from benchmark import measure
from benchmark.measure import NotMeasured, Samples

TIMEOUT = 1800  # seconds; a whole family takes a few minutes on a slow machine


class Results:
    """Samples by case, allocator, number of threads and counter, one a repetition."""

    def __init__(self, report: dict) -> None:
        self.values: dict[tuple[str, str, int, str], list[float]] = {}
        for run in report["benchmarks"]:
            if run["run_type"] != "iteration" or run.get("error_occurred"):
                continue
            case, allocator = run["run_name"].split("/")[:2]
            for counter in ("alloc_ns", "free_ns", "pair_ns"):
                if counter in run:
                    key = (case, allocator, run["threads"], counter)
                    self.values.setdefault(key, []).append(run[counter])

    def samples(self, case: str, allocator: str, threads: int = 1, counter: str = "pair_ns") -> Samples:
        try:
            return Samples(self.values[case, allocator, threads, counter])
        except KeyError as error:
            raise NotMeasured(f"{case} with {threads} threads: {allocator} gave no {counter}") from error


def run(binary: pathlib.Path, cases: list[str], rounds: int) -> Results:
    """`cases` are the beginnings of names: letters and spaces."""
    command = [
        measure.executable(binary),
        f"--benchmark_filter=^({'|'.join(cases)})",
        f"--benchmark_repetitions={rounds}",
        "--benchmark_enable_random_interleaving=true",
        "--benchmark_format=json",
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{binary}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    try:
        return Results(json.loads(done.stdout))
    except ValueError as error:
        raise NotMeasured(f"{binary} printed no JSON: {done.stdout[:80]!r} {done.stderr.strip()[-200:]!r}") from error
