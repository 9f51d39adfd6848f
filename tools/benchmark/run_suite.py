"""What `tools/bench run` measures: CPU-bound work, system calls, and the way to the first instruction."""

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmark import host, measure
from benchmark.measure import Options, Part, Row, Samples

HERE = pathlib.Path(__file__).parent
PYTHON = "/usr/bin/python3"  # Debian's own, so that figures of two machines compare


@dataclass(frozen=True)
class Bench:
    build: pathlib.Path
    rounds: int
    host: str
    bare_exit: dict[str, float]  # the cost of a system call that does nothing, as `pagoda doctor` measured it

    def guest(self, command: list[str]) -> list[str]:
        return [str(self.build / "pagoda"), "run", *command]

    def program(self, name: str) -> str:
        return measure.executable(self.build / "guests" / name)

    def against_native(self, name: str, unit: str, side: Callable[[list[str]], float], command: list[str]) -> Row:
        ours, native = measure.interleaved(lambda: side(self.guest(command)), lambda: side(command), self.rounds)
        return Row(name, ours, native, "native", unit, self.host)


def parts(options: Options) -> Iterator[Part]:
    report = host.doctor(options.build)
    costs = {cost["name"]: cost for cost in report["exit_costs"]}
    bench = Bench(options.build, options.rounds, report["host"]["kind"], costs["system call"])
    for name in ("sha256", "loop", "sqlite"):
        yield lambda name=name: [
            bench.against_native(f"python {name}", "s", measure.printed, [PYTHON, str(HERE / f"{name}.py")])
        ]
    yield lambda: [bench.against_native("python3 -c pass", "s", measure.wall, [PYTHON, "-c", "pass"])]
    yield lambda: [bench.against_native("start to first instruction", "ms", measure.start, [bench.program("bench_start")])]
    yield lambda: calls(bench)


def calls(bench: Bench) -> list[Row]:
    """Calls timed inside one program; the plain system call also against doctor's bare exit."""
    command = [bench.program("bench_calls")]
    pairs = [(measure.named(bench.guest(command)), measure.named(command)) for _ in range(bench.rounds)]
    found = []
    for name in pairs[0][1]:
        ours, native = (Samples([pair[side][name] for pair in pairs]) for side in (0, 1))
        found.append(Row(name, ours, native, "native", "ns", bench.host))
        if name == "getppid":
            bare = Samples([bench.bare_exit[key] for key in ("p10_ns", "median_ns", "p90_ns")])
            found.append(Row("system call", ours, bare, "bare exit of pagoda doctor", "ns", bench.host))
    return found
