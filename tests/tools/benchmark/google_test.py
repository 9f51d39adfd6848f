"""Counters of a Google Benchmark report by case, allocator and threads; the suites by their names."""

import json
import pathlib
import stat
import tempfile
import unittest

from benchmark import google, measure, suite


def run(name: str, threads: int = 1, **counters: float) -> dict:
    return {"run_type": "iteration", "run_name": name, "threads": threads, **counters}


class Results(unittest.TestCase):
    def test_repetitions_are_gathered(self) -> None:
        report = {
            "benchmarks": [
                run("slab pair 16/ours/16/iterations:1", pair_ns=3.0),
                run("slab pair 16/ours/16/iterations:1", pair_ns=5.0),
                run("slab pair 16/ours/16/iterations:1/threads:2", threads=2, pair_ns=9.0),
                run("slab pair 16/mimalloc/16/iterations:1", pair_ns=7.0, alloc_ns=2.0),
                {"run_type": "aggregate", "run_name": "slab pair 16/ours/16", "threads": 1, "pair_ns": 100.0},
                run("slab pair 32/ours/32", pair_ns=1.0, error_occurred=True),
            ]
        }
        results = google.Results(report)
        self.assertEqual(results.samples("slab pair 16", "ours").values, [3.0, 5.0])
        self.assertEqual(results.samples("slab pair 16", "ours", 2).values, [9.0])
        self.assertEqual(results.samples("slab pair 16", "mimalloc", 1, "alloc_ns").values, [2.0])
        with self.assertRaisesRegex(measure.NotMeasured, "ours gave no pair_ns"):
            results.samples("slab pair 32", "ours")

    def test_a_binary_that_fails_is_not_measured(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            binary = pathlib.Path(folder) / "bench"
            with self.assertRaisesRegex(measure.NotMeasured, "is not there"):
                google.run(binary, ["frames"], 1)
            binary.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
            with self.assertRaisesRegex(measure.NotMeasured, "exit code 3: broken"):
                google.run(binary, ["frames"], 1)
            binary.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps({'benchmarks': [run('a/b', pair_ns=1.0)]})}\nE\n")
            self.assertEqual(google.run(binary, ["a"], 1).samples("a", "b").values, [1.0])


class Suites(unittest.TestCase):
    def test_phys_needs_its_binary(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(measure.NotMeasured, "pagoda_bench_phys"):
            list(suite.SUITES["phys"].parts(measure.Options(pathlib.Path(folder), 1)))

    def test_rows_of_nothing_have_no_ratio(self) -> None:
        row = measure.Row("x", measure.Samples([0.0, 0.0]), measure.Samples([0.5, 0.5]), "buddy", "", "pvm")
        self.assertIsNone(row.as_json()["ratio"])
        self.assertEqual(row.ours.spread, 0.0)
