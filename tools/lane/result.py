"""Reads what a lane printed: one outcome per case, per GoogleTest test, and for the mode that was asked for."""

import re
from dataclasses import dataclass, field

GTEST_LINE = re.compile(r"^\[ *(RUN|OK|FAILED|SKIPPED) *\] ([\w/]+\.[\w/]+)(?:$| \(|,)")
OUTCOMES = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}


@dataclass(frozen=True)
class Outcome:
    name: str
    result: str  # "passed", "failed" or "skipped"
    detail: str = ""


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    text: str = ""  # what the cases printed, without the marks
    complete: bool = False  # the last mark was seen

    def count(self, result: str) -> int:
        return sum(outcome.result == result for outcome in self.outcomes)


class Reader:
    """A small state machine over the lines of the second serial port."""

    def __init__(self, nonce: str, nested_paging: bool) -> None:
        self._mark = f"@@{nonce} "
        self._wanted_npt = "Y" if nested_paging else "N"
        self._suite = ""
        self._running = ""
        self._tests = 0
        self.report = Report()

    def read(self, output: str) -> Report:
        text = []
        for line in output.splitlines():
            if line.startswith(self._mark):
                self._on_mark(line.removeprefix(self._mark))
            else:
                text.append(line)
                if self._suite:
                    self._on_test_line(line)
        self.report.text = re.sub(r"\n{3,}", "\n\n", "\n".join(text)).strip()
        return self.report

    def _add(self, name: str, passed: bool, detail: str = "") -> None:
        self.report.outcomes.append(Outcome(name, "passed" if passed else "failed", detail))

    def _on_mark(self, mark: str) -> None:
        word, _, rest = mark.partition(" ")
        if word == "npt":
            self._add(f"npt={self._wanted_npt}", rest.strip() == self._wanted_npt, f"the module says {rest!r}")
        elif word == "case":
            name, code, begin, end = rest.split()
            seconds = float(end) - float(begin)
            self._add(name, code == "0", f"exit code {code}, {seconds:.1f} s in the lane")
        elif word == "suite":
            self._suite, self._tests = rest, 0
        elif word == "suite-end":
            self._end_suite(rest.split()[1])
        elif word == "kernel":
            self._add("kernel-log", False, rest)
        elif word == "end":
            self.report.complete = True

    def _on_test_line(self, line: str) -> None:
        found = GTEST_LINE.match(line)
        if not found:
            return
        word, test = found.groups()
        if word == "RUN":
            self._running = test
        elif test == self._running:  # the summary at the end names failed tests a second time
            self.report.outcomes.append(Outcome(test, OUTCOMES[word]))
            self._running, self._tests = "", self._tests + 1

    def _end_suite(self, code: str) -> None:
        if self._running:
            self._add(self._running, False, f"{self._suite} ended in it with exit code {code}")
        elif self._tests == 0:
            self._add(self._suite, False, f"ran no test, exit code {code}")
        elif code != "0" and not self.report.count("failed"):
            self._add(self._suite, False, f"every test passed, yet the exit code is {code}")
        self._suite = self._running = ""
