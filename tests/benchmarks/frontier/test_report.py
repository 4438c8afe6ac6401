"""Which points no other beats, on figures made up for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from benchmarks.frontier.report import FrontierReport, Point, by_macs, by_time, frontier

MakePoint = Callable[..., Point]


def names(points: tuple[Point, ...]) -> list[str]:
    return [point.bundle for point in points]


def by_us(point: Point) -> float:
    return point.p50_us


def test_what_another_beats_in_both_is_left_out_in_any_order(make_point: MakePoint) -> None:
    points = [
        make_point("quick", 1, 10, 980),
        make_point("worse-and-slower", 1, 20, 970),
        make_point("middle", 1, 20, 990),
        make_point("slower", 1, 30, 990),  # as right as another, and slower
        make_point("best", 1, 40, 999),
    ]
    for order in permutations(points):
        assert names(frontier(order, by_us)) == ["quick", "middle", "best"]


def test_of_the_same_cost_the_better_one_stays_and_equals_stay_together(make_point: MakePoint) -> None:
    worse, one, twin = (make_point(name, 1, 10, right) for name, right in (("w", 980), ("one", 990), ("twin", 990)))
    assert names(frontier([worse, one, twin], by_us)) == ["one", "twin"]


def test_a_single_point_is_the_frontier_and_nothing_has_none(make_point: MakePoint) -> None:
    assert frontier([], by_us) == ()
    assert names(frontier([make_point("alone", 1, 10, 500)], by_us)) == ["alone"]


def test_arithmetic_is_compared_among_the_8_bit_points_and_time_among_all(report: FrontierReport) -> None:
    assert [point.bits for point in report.leaders] == [8] * 4
    assert names(report.leaders) == ["mlp", "digits-nano", "digits", "slow"]
    assert names(by_macs(report)) == ["mlp", "digits-nano", "digits"]
    assert [(point.bundle, point.bits) for point in by_time(report)] == [("mlp", 8), ("digits-nano", 8), ("digits", 8)]


def test_a_bundle_without_8_bits_is_led_by_its_float(make_point: MakePoint, report: FrontierReport) -> None:
    whole = (*report.points, make_point("float-only", 5, 5, 990, 32))
    alone = FrontierReport(1, "frontier", report.time, whole, (), report.environment)
    assert alone.leaders[-1].bits == 32
    assert len(alone.leaders) == 5
