"""Which kind of host this is, as `pagoda doctor` sees it."""

import json
import pathlib

from benchmark import measure


def doctor(build: pathlib.Path) -> dict:
    pagoda = measure.executable(build / "pagoda")
    return json.loads(measure.output([pagoda, "doctor", "--json", "--edits", "0"]))


def kind(build: pathlib.Path) -> str:
    """For measurements that need no VM: a host without one is still a host."""
    try:
        return doctor(build)["host"]["kind"]
    except (measure.NotMeasured, OSError, ValueError, KeyError):
        return "no kvm"
