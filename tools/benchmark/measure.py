"""Interleaved measurements: one sample of each side a round, so that a slow spell hits both alike."""

import os
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

Side = Callable[[], float]
Part = Callable[[], "list[Row]"]


class NotMeasured(Exception):
    """A side could not be run; the text is the cause."""


@dataclass(frozen=True)
class Options:
    build: pathlib.Path
    rounds: int
    operations: int = 100_000_000  # of the fragmentation trace


@dataclass(frozen=True)
class Samples:
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a part of the median."""
        if self.median == 0:
            return 0.0
        if len(self.values) < 4:
            return (max(self.values) - min(self.values)) / 2 / self.median
        first, _, third = statistics.quantiles(self.values, n=4)
        return (third - first) / 2 / self.median


@dataclass(frozen=True)
class Row:
    name: str
    ours: Samples
    reference: Samples
    reference_name: str
    unit: str
    host: str

    @property
    def ratio(self) -> float:
        """Above 1: better than the reference. In all rows less is better."""
        return self.reference.median / self.ours.median if self.ours.median else float("inf")

    def as_json(self) -> dict:
        return {
            "name": self.name,
            "ours": self.ours.median,
            "ours_spread": self.ours.spread,
            "reference": self.reference.median,
            "reference_spread": self.reference.spread,
            "reference_name": self.reference_name,
            "ratio": self.ratio if self.ours.median else None,
            "unit": self.unit,
            "samples": len(self.ours.values),
            "host": self.host,
        }


def interleaved(ours: Side, reference: Side, rounds: int) -> tuple[Samples, Samples]:
    """One unrecorded round first: caches and the host's own lazy backing settle in it."""
    pairs = [(ours(), reference()) for _ in range(rounds + 1)][1:]
    return Samples([pair[0] for pair in pairs]), Samples([pair[1] for pair in pairs])


def output(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def printed(command: list[str]) -> float:
    """The number that the program printed: timed inside."""
    text = output(command)
    try:
        return float(text)
    except ValueError as error:
        raise NotMeasured(f"{' '.join(command)} printed {text[:80]!r}, not a number") from error


def wall(command: list[str]) -> float:
    """Seconds from launch to exit."""
    begin = time.monotonic_ns()
    output(command)
    return (time.monotonic_ns() - begin) / 1e9


def start(command: list[str]) -> float:
    """Milliseconds from launch to the clock reading that the program prints first."""
    begin = time.monotonic_ns()
    first = printed(command)
    if first < begin:
        raise NotMeasured(f"{' '.join(command)}: its clock is not the host's monotonic one")
    return (first - begin) / 1e6


def named(command: list[str]) -> dict[str, float]:
    """Lines of "NAME number"."""
    pairs = (line.split() for line in output(command).splitlines())
    return {name: float(value) for name, value in pairs}


def executable(path: pathlib.Path) -> str:
    if not os.access(path, os.X_OK):
        raise NotMeasured(f"{path} is not there")
    return str(path)
