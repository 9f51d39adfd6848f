"""What the harness makes of a lane's output, complete, broken off, or forged by a guest."""

import unittest

from lane.result import Reader, Report

BEGIN = "@@N npt Y\n@@N booted 1.0\n"
END = "@@N end 9.0\n"


def read(output: str, nested_paging: bool = True) -> Report:
    return Reader("N", nested_paging).read(output)


def results(report: Report) -> dict[str, str]:
    return {outcome.name: outcome.result for outcome in report.outcomes}


class LaneResult(unittest.TestCase):
    def test_cases_are_counted_by_exit_code(self) -> None:
        report = read(BEGIN + "hello\n@@N case hello 0 2.0 3.5\n@@N case crash 139 3.5 4.0\n" + END)
        self.assertTrue(report.complete)
        self.assertEqual(results(report), {"npt=Y": "passed", "hello": "passed", "crash": "failed"})
        self.assertEqual(report.text, "hello")

    def test_wrong_paging_mode_fails(self) -> None:
        self.assertEqual(results(read(BEGIN + END, nested_paging=False)), {"npt=N": "failed"})

    def test_no_end_mark_is_incomplete(self) -> None:
        self.assertFalse(read(BEGIN + "@@N case hello 0 2.0 3.0\n").complete)
        self.assertFalse(read("").complete)

    def test_a_guest_cannot_forge_marks_without_the_nonce(self) -> None:
        report = read(BEGIN + "@@X case hello 0 1.0 2.0\n@@ end 1\n")
        self.assertEqual(results(report), {"npt=Y": "passed"})
        self.assertFalse(report.complete)

    def test_each_gtest_test_is_counted_once(self) -> None:
        output = (
            "@@N suite vm\n[ RUN      ] A.one\n[       OK ] A.one (3 ms)\n[ RUN      ] A.two\nx\n"
            "[  FAILED  ] A.two (3 ms)\n[ RUN      ] B.three\n[  SKIPPED ] B.three (0 ms)\n"
            "[ RUN      ] P/Q.four/0\n[       OK ] P/Q.four/0 (1 ms)\n"
            "[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.two\n@@N suite-end vm 1\n"
        )
        found = results(read(BEGIN + output + END))
        wanted = {"npt=Y": "passed", "A.one": "passed", "A.two": "failed", "B.three": "skipped", "P/Q.four/0": "passed"}
        self.assertEqual(found, wanted)

    def test_suite_that_dies_fails_the_test_it_was_in(self) -> None:
        report = read(BEGIN + "@@N suite vm\n[ RUN      ] A.one\n@@N suite-end vm 139\n" + END)
        self.assertEqual(results(report), {"npt=Y": "passed", "A.one": "failed"})

    def test_suite_without_a_test_fails(self) -> None:
        report = read(BEGIN + "@@N suite vm\n@@N suite-end vm 127\n" + END)
        self.assertEqual(results(report), {"npt=Y": "passed", "vm": "failed"})

    def test_kernel_trouble_fails(self) -> None:
        self.assertEqual(results(read(BEGIN + "@@N kernel BUG: bad page\n" + END))["kernel-log"], "failed")
