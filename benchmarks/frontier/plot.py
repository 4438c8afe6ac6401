"""The frontier as a picture: accuracy upwards, multiply-accumulates and time across, side by side."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import published
from benchmarks.frontier.report import FrontierReport, Point, by_macs, by_time
from benchmarks.latency.plot import COLOURS, OTHER

_DOTS = 120  # per inch: 1200 pixels wide
_WIDE, _HIGH = 10.0, 5.6  # inches
_FRONT, _PAIR = "#888888", "#bbbbbb"
MARKED = {"digits": "the flagship", "digits-nano": "nano, for microcontrollers"}  # bundles that have a star
_TICKS = (90, 95, 96, 97, 98, 98.5, 99, 99.2, 99.4, 99.5, 99.6, 99.7, 99.8, 99.9)  # accuracy in percent
_AWAY = (7.0, 14.0, 24.0, 36.0, 50.0, 66.0, 84.0)  # of a name from its point, tried in this order
_SIDES = (
    (1, 0),
    (-1, 0),
    (1, 0.7),
    (1, -0.7),
    (-1, 0.7),
    (-1, -0.7),
    (0, 1),
    (0, -1),
    (0.5, 1),
    (-0.5, 1),
    (0.5, -1),
    (-0.5, -1),
)

Cost = Callable[[Point], float]
Box = tuple[float, float, float, float]  # left, bottom, right, top


def draw(report: FrontierReport) -> bytes:
    """PNG bytes, 1200 pixels wide."""
    figure = published.new_figure(_WIDE, _HIGH)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_panel(left, report.leaders, by_macs(report), _macs)
    _draw_pairs(right, report)
    _draw_panel(right, report.points, by_time(report), _us)
    left.set_xlabel("multiply-accumulates per image")
    right.set_xlabel("p50, µs per image, one thread")
    left.set_ylabel("right of the test images, %, with 95 % interval")
    _set_heights(left, report.points)
    handles = _handles(report)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    figure.suptitle(
        "Accuracy against arithmetic and against time, and what no other bundle beats in both\n"
        f"{report.environment.cpu}, {report.environment.system}, {report.time[:10]}",
        fontsize=10,
    )
    figure.draw_without_rendering()  # the layout is settled: from here on distances are known
    _name(left, report, report.leaders, by_macs(report), _macs)
    _name(right, report, report.points, by_time(report), _us)
    return published.png(figure, _DOTS)


def _macs(point: Point) -> float:
    return point.macs


def _us(point: Point) -> float:
    return point.p50_us


def _draw_panel(panel: Any, points: Sequence[Point], front: Sequence[Point], cost: Cost) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(labelsize=9)
    panel.grid(which="major", color="#eeeeee", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.margins(x=0.1)
    panel.plot([cost(one) for one in front], [_wrong(one) for one in front], color=_FRONT, linewidth=1.4, zorder=2)
    for point in points:
        colour, star = COLOURS.get(point.backend, OTHER), point.bundle in MARKED
        low, high = _whisker(point)
        panel.vlines(cost(point), low, high, color=colour, linewidth=1, alpha=0.55, zorder=2.5)
        panel.scatter(
            [cost(point)], [_wrong(point)], marker="*" if star else "o", s=170 if star else 42, linewidths=1.4, zorder=3,
            facecolors=colour if point.bits == 8 else "white", edgecolors=colour,
        )  # fmt: skip
    panel.spines[["top", "right"]].set_visible(False)


def _draw_pairs(panel: Any, report: FrontierReport) -> None:
    """A dotted line between the two artifacts of a bundle: only one of them has the name."""
    for leader in report.leaders:
        own = [point for point in report.points if point.bundle == leader.bundle]
        panel.plot([_us(one) for one in own], [_wrong(one) for one in own], ":", color=_PAIR, linewidth=1, zorder=1.5)


def _wrong(point: Point) -> float:
    """Percent of the test images. Half an image where none is wrong: a logarithmic axis has no zero."""
    return 100 * max(point.wrong, 0.5 / point.images)


def _whisker(point: Point) -> tuple[float, float]:
    """Percent wrong, of the interval's better and worse end."""
    return 100 * max(1 - point.accuracy_high, 0.25 / point.images), 100 * (1 - point.accuracy_low)


def _set_heights(panel: Any, points: Sequence[Point]) -> None:
    """Errors on a logarithmic axis that grows downwards, so that half the errors is a step of the same height everywhere; its
    ticks say accuracy."""
    from matplotlib.ticker import NullLocator

    ends = [end for point in points for end in _whisker(point)]
    panel.set_yscale("log")
    panel.set_ylim(max(ends) * 1.08, min(ends) / 1.08)
    low, high = sorted(panel.get_ylim())
    ticks = [tick for tick in _TICKS if low <= 100 - tick <= high]
    panel.yaxis.set_minor_locator(NullLocator())
    panel.set_yticks([100 - tick for tick in ticks], [f"{tick:g}" for tick in ticks])


def _handles(report: FrontierReport) -> list[Any]:
    from matplotlib.lines import Line2D

    def dot(marker: str, filled: str, words: str) -> Any:
        return Line2D(
            [], [], linestyle="", marker=marker, markerfacecolor=filled, markeredgecolor="#444444", label=words
        )

    backends = dict.fromkeys(point.backend for point in report.points)
    stars = [words for bundle, words in MARKED.items() if any(point.bundle == bundle for point in report.points)]
    return [
        *(published.patch(COLOURS.get(backend, OTHER), backend) for backend in backends),
        dot("o", "#444444", "fastest in 8 bits"),
        dot("o", "white", "fp32.onnx (right)"),
        *([dot("*", "#444444", " and ".join(stars))] if stars else []),
        Line2D([], [], color=_FRONT, linewidth=1.4, label="frontier"),
    ]


# ---- names -------------------------------------------------------------------------------------------------------------


def _name(panel: Any, report: FrontierReport, points: Sequence[Point], front: Sequence[Point], cost: Cost) -> None:
    """The name of each bundle beside its leader, so that none lies on another, on one of `points`, a leader's whisker or the
    frontier."""
    texts = [
        panel.annotate(
            point.bundle, (cost(point), _wrong(point)), (0, 0), textcoords="offset points", fontsize=8, zorder=4,
            fontweight="bold" if point.bundle in MARKED else "normal", annotation_clip=False,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
        for point in report.leaders
    ]  # fmt: skip
    scale = 72 / panel.figure.dpi
    anchors = [_on_paper(panel, text.xy) for text in texts]
    extents = [text.get_window_extent() for text in texts]
    sizes = [(extent.width * scale, extent.height * scale) for extent in extents]
    taken = [box for point in points for box in _around(panel, cost(point), point, whisker=point in report.leaders)]
    taken += _along([_on_paper(panel, (cost(point), _wrong(point))) for point in front])
    left, bottom, right, top = (float(value) * scale for value in panel.get_window_extent().extents)
    corners = place(anchors, sizes, taken, (left, bottom, right, top))
    for text, anchor, size, corner in zip(texts, anchors, sizes, corners, strict=True):
        text.set_position((corner[0] - anchor[0], corner[1] - anchor[1]))
        text.set_in_layout(False)
        _lead(panel, text, anchor, (*corner, corner[0] + size[0], corner[1] + size[1]))


def _on_paper(panel: Any, where: tuple[float, float]) -> tuple[float, float]:
    """In points (1/72 inch) from the figure's lower left corner."""
    across, upwards = panel.transData.transform(where)
    scale = 72 / panel.figure.dpi
    return float(across) * scale, float(upwards) * scale


def _around(panel: Any, x: float, point: Point, *, whisker: bool) -> list[Box]:
    """The boxes of a point and of its whisker, in points. A name may lie on the whisker of a point that has no name."""
    (across, upwards), half = _on_paper(panel, (x, _wrong(point))), 6.5 if point.bundle in MARKED else 4.0
    boxes = [(across - half, upwards - half, across + half, upwards + half)]
    if whisker:
        low, high = sorted(_on_paper(panel, (x, end))[1] for end in _whisker(point))
        boxes.append((across - 1.5, low, across + 1.5, high))
    return boxes


def _along(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """Small boxes along the line through `corners`."""
    boxes = []
    for (x, y), (to_x, to_y) in itertools.pairwise(corners):
        steps = 1 + int(max(abs(to_x - x), abs(to_y - y)) / 3)
        for share in (step / steps for step in range(steps + 1)):
            across, upwards = x + share * (to_x - x), y + share * (to_y - y)
            boxes.append((across - 1, upwards - 1, across + 1, upwards + 1))
    return boxes


def _lead(panel: Any, text: Any, anchor: tuple[float, float], box: Box) -> None:
    """A thin line from a point to its name, where that stands away from it."""
    near = min(max(anchor[0], box[0]), box[2]), min(max(anchor[1], box[1]), box[3])
    if (near[0] - anchor[0]) ** 2 + (near[1] - anchor[1]) ** 2 > 12**2:
        panel.annotate(
            "", text.xy, (near[0] - anchor[0], near[1] - anchor[1]), textcoords="offset points", in_layout=False,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
        )  # fmt: skip


def place(
    anchors: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], taken: Sequence[Box], bounds: Box
) -> list[tuple[float, float]]:
    """The lower left corner of each name: the nearest place beside its anchor that lies in `bounds` and meets nothing that is
    taken and no name before it. Where there is none, the place that meets the fewest."""
    held = list(taken)
    corners = []
    for anchor, size in zip(anchors, sizes, strict=True):
        tried = [_beside(anchor, size, away, side) for away, side in itertools.product(_AWAY, _SIDES)]
        inside = [box for box in tried if _contains(bounds, box)] or tried
        best = min(inside, key=lambda box: sum(meet(box, other) for other in held))
        held.append(best)
        corners.append(best[:2])
    return corners


def _beside(anchor: tuple[float, float], size: tuple[float, float], away: float, side: tuple[float, float]) -> Box:
    (wide, high), (across, upwards) = size, side
    left = anchor[0] + across * away - wide * (1 - across) / 2
    bottom = anchor[1] + upwards * away - high * (1 - upwards) / 2
    return left, bottom, left + wide, bottom + high


def _contains(outer: Box, inner: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
