"""Outcomes written as JUnit come back as the same counts; a broken file is an error, not a zero."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import junit

COUNTS = pathlib.Path(junit.__file__).with_name("junit-counts")
CTEST = """<?xml version="1.0"?><testsuite name="x" tests="3" failures="1" skipped="1">
<testcase name="a" status="run"/><testcase name="b" status="fail"><failure message="no"/></testcase>
<testcase name="c" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase></testsuite>"""


class JunitCounts(unittest.TestCase):
    def setUp(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.path = pathlib.Path(self._directory.name) / "sub" / "results.xml"

    def counts(self, *paths: pathlib.Path) -> subprocess.CompletedProcess:
        command = [sys.executable, str(COUNTS), *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_round_trip(self) -> None:
        junit.write(self.path, "suite", [("a", "passed", ""), ("b", "failed", "why <>&"), ("c", "skipped", "no kvm")])
        self.assertEqual(self.counts(self.path).stdout, "1 passed, 1 failed, 1 skipped\n")

    def test_files_add_up_with_what_ctest_writes(self) -> None:
        junit.write(self.path, "suite", [("a", "passed", "")])
        other = self.path.with_name("ctest.xml")
        other.write_text(CTEST)
        self.assertEqual(self.counts(self.path, other).stdout, "2 passed, 1 failed, 1 skipped\n")

    def test_missing_or_broken_file_is_an_error(self) -> None:
        self.assertEqual(self.counts(self.path).returncode, 1)
        self.path.parent.mkdir()
        self.path.write_text("<testsuite>")
        self.assertEqual(self.counts(self.path).returncode, 1)
