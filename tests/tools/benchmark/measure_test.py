"""Medians, spreads and ratios; a program that fails is not measured."""

import itertools
import unittest

from benchmark import measure


class Measure(unittest.TestCase):
    def test_sides_alternate_and_the_first_round_is_dropped(self) -> None:
        order: list[str] = []
        clock = itertools.count(100)

        def side(name: str):
            return lambda: order.append(name) or float(next(clock))

        ours, reference = measure.interleaved(side("ours"), side("reference"), rounds=3)
        self.assertEqual(order, ["ours", "reference"] * 4)
        self.assertEqual(ours.values, [102.0, 104.0, 106.0])
        self.assertEqual(reference.values, [103.0, 105.0, 107.0])

    def test_ratio_above_one_is_faster(self) -> None:
        fast, slow = measure.Samples([1.0, 1.0, 9.0]), measure.Samples([2.0, 2.0, 2.0])
        self.assertEqual(measure.Row("x", fast, slow, "native", "s", "pvm").ratio, 2.0)

    def test_spread_is_relative(self) -> None:
        self.assertEqual(measure.Samples([5.0] * 9).spread, 0.0)
        self.assertAlmostEqual(measure.Samples([90.0, 100.0, 110.0]).spread, 0.1)

    def test_failing_program_is_not_measured(self) -> None:
        with self.assertRaisesRegex(measure.NotMeasured, "exit code 1"):
            measure.wall(["/bin/false"])
        with self.assertRaisesRegex(measure.NotMeasured, "not a number"):
            measure.printed(["/bin/echo", "hello"])
