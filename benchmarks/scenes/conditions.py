"""The conditions of the robustness table: what is done to one and the same scenes, and the scenes made for one purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.scenes import layout
from benchmarks.scenes.layout import Style, Written
from benchmarks.scenes.photograph import lens, light, moves
from benchmarks.scenes.photograph.camera import Look, photograph
from benchmarks.scenes.photograph.light import Disturbance
from benchmarks.scenes.photograph.moves import Move
from benchmarks.scenes.scene import Matrix, Scene
from benchmarks.scenes.writer import Digits, Writer

Size = tuple[int, int]

SIZE: Size = (800, 600)
DIGIT = 44  # pixels
LARGEST: Size = (2400, 1800)  # of pictures with large digits
LARGE_SCENES = 3  # of these, at most: they take long to draw


@dataclass(frozen=True)
class Base:
    """An undisturbed scene, and what it takes to photograph the same writing again."""

    seed: int
    written: tuple[Written, ...]
    size: Size
    digit: float
    scene: Scene

    def again(self, look: Look) -> Scene:
        """The same writing, camera and light; another paper or pen."""
        return photograph(self.written, self.size, self.digit, look, self.seed)


@dataclass(frozen=True)
class Condition:
    """One row of the table. make: the disturbed scene, and the homography from the undisturbed one's pixels to its."""

    group: str
    name: str
    make: Callable[[Base], tuple[Scene, Matrix]]


BASE = Condition("undisturbed", "plain paper, blue gel pen", lambda base: (base.scene, np.eye(3)))


def bases(digits: Digits, count: int, seed: int) -> list[Base]:
    """`count` scenes with digits, the kinds of writing in turn."""
    return [make_base(layout.WITH_DIGITS[i % len(layout.WITH_DIGITS)], digits, seed + i) for i in range(count)]


def make_base(  # noqa: PLR0917 (one scene's whole description)
    style: Style, digits: Digits, seed: int, size: Size = SIZE, digit: float = DIGIT, look: Look | None = None
) -> Base:
    look = look or Look()
    writer = Writer(*digits, np.random.default_rng([seed, 0]))
    written = layout.compose(style, size, digit, writer)
    return Base(seed, written, size, digit, photograph(written, size, digit, look, seed))


def _looks(group: str, **looks: Look) -> Iterator[Condition]:
    for name, look in looks.items():
        yield Condition(group, name.replace("_", " "), lambda base, look=look: (base.again(look), np.eye(3)))  # type: ignore[misc]


def _disturbed(group: str, name: str, *steps: tuple[Disturbance, float], first: Look | None = None) -> Condition:
    def make(base: Base) -> tuple[Scene, Matrix]:
        scene = base.scene if first is None else base.again(first)
        picture, rng = scene.picture, np.random.default_rng([base.seed, 3])
        for disturb, strength in steps:
            picture = disturb(picture, strength, rng)
        return replace(scene, picture=picture), np.eye(3)

    return Condition(group, name, make)


def _moved(name: str, move: Move, strength: float) -> Condition:
    return Condition(
        "camera", name, lambda base: moves.moved(base.scene, move, strength, np.random.default_rng([base.seed, 3]))
    )


def _on_its_side(name: str, turns: int) -> Condition:
    return Condition("camera", name, lambda base: moves.quarter_turned(base.scene, turns))


CHANGES: tuple[Condition, ...] = (
    *_looks("paper", squared=Look("squared"), ruled=Look("ruled"), dotted=Look("dotted"), folded=Look(shape="folded"),
            creased=Look(shape="creased"), back_shines_through=Look(back=0.15), on_a_table=Look(edge=True)),
    *_looks("pen", **{pen: Look(pen=pen) for pen in ("black ballpoint", "blue ballpoint", "pencil", "black felt",
                                                           "green felt", "red marker")}),
    *_looks("colour alone", **{
        "pink on brown card": Look("brown card", pen="pink paint"), "green on yellow": Look("yellow", pen="green paint"),
        "orange on wood": Look("wood", pen="orange paint"), "orange on white": Look(pen="orange felt")}),
    *_looks("board", blackboard=Look("blackboard", pen="chalk")),
    _disturbed("board", "whiteboard, a lamp in it", (light.glare, 0.6), first=Look("whiteboard", pen="board marker")),
    _disturbed("light", "from one side, ⅓ is left", (light.gradient, 0.48)),
    _disturbed("light", "from one side, ⅒ is left", (light.gradient, 1)),
    _disturbed("light", "soft shadow", (light.soft_shadow, 1)),
    _disturbed("light", "hard shadow", (light.hard_shadow, 1)),
    _disturbed("light", "hard shadow over two thirds", (light.wide_shadow, 1)),
    _disturbed("light", "dark corners", (light.vignette, 1)),
    _disturbed("light", "glare", (light.glare, 1)),
    _disturbed("light", "colour cast", (light.colour_cast, 1)),
    _disturbed("light", "darker, ⅓ of the light", (light.darker, 0.5)),
    _disturbed("light", "darker, ⅛ of the light", (light.darker, 1)),
    _disturbed("light", "brighter, 1.6 times the light", (light.brighter, 0.5)),
    _disturbed("light", "brighter, 2.5 times the light", (light.brighter, 1)),
    _disturbed("light", "inverted", (light.inverted, 1)),
    _disturbed("lens and file", "out of focus, radius 1.5 pixels", (lens.defocus, 1.5)),
    _disturbed("lens and file", "out of focus, radius 3 pixels", (lens.defocus, 3)),
    _disturbed("lens and file", "shaken, 4 pixels", (lens.shaken, 4)),
    _disturbed("lens and file", "shaken, 8 pixels", (lens.shaken, 8)),
    _disturbed("lens and file", "noise of 8 levels", (lens.noisy, 8)),
    _disturbed("lens and file", "noise of 16 levels", (lens.noisy, 16)),
    _disturbed("lens and file", "JPEG, quality 40", (lens.compressed, 60)),
    _disturbed("lens and file", "JPEG, quality 15", (lens.compressed, 85)),
    _moved("turned 5°", moves.turned, 5),
    _moved("turned 15° to the right", moves.turned, 15),
    _moved("turned 15° to the left", moves.turned, -15),
    *(_on_its_side(name, turns) for name, turns in
      (("turned 90° to the right", 1), ("upside down", 2), ("turned 90° to the left", -1))),
    _moved("far edge 15 % smaller", moves.tilted, 0.15),
    _moved("far edge 30 % smaller", moves.tilted, 0.30),
    _moved("half the size", moves.scaled, 0.5),
    _moved("twice the size", moves.scaled, 2),
    _moved("three times the size", moves.scaled, 3),
    _disturbed("together", "ballpoint on squares, shadow, noise, JPEG 40", (light.soft_shadow, 0.8), (lens.defocus, 1),
               (lens.noisy, 6), (lens.compressed, 60), first=Look("squared", pen="blue ballpoint")),
    _disturbed("together", "pencil on ruled paper, light from one side, noise", (light.gradient, 0.5),
               (lens.noisy, 5), (lens.compressed, 40), first=Look("ruled", pen="pencil")),
)  # fmt: skip

SIZES = (8, 12, 16, 24, 100, 200, 400, 800)
SMALL_AND_LARGE = "8 and 800 pixels in one picture"


def sized(digits: Digits, height: int, count: int, seed: int) -> list[Scene]:
    """Scenes with digits `height` pixels high, on paper that shows as much writing as the picture's size allows."""
    factor = height / DIGIT
    size = min(round(SIZE[0] * factor), LARGEST[0]), min(round(SIZE[1] * factor), LARGEST[1])
    large = size == LARGEST
    look = Look(oversampled=1 if height >= 100 else 1.5)  # large strokes need no finer page
    return [
        make_base("numbers", digits, seed + i, size, height, look).scene
        for i in range(min(count, LARGE_SCENES) if large else count)
    ]


def small_and_large(digits: Digits, count: int, seed: int) -> list[Scene]:
    """Large numbers above a few lines of small print."""
    scenes = []
    for i in range(min(count, LARGE_SCENES)):
        writer = Writer(*digits, np.random.default_rng([seed + i, 0]))
        width, height = LARGEST
        large = layout.compose("numbers", (width, round(height * 0.8)), 800, writer)
        small = layout.compose("numbers", (width // 4, height // 12), 8, writer)
        first_line, first_number = (1 + max(getattr(one, what) for one in large) for what in ("line", "number"))
        below = tuple(
            replace(one, line=one.line + first_line, number=one.number + first_number,
                    centre=(one.centre[0] + width / 3, one.centre[1] + height * 0.88))
            for one in small
        )  # fmt: skip
        scenes.append(photograph((*large, *below), LARGEST, 200, Look(oversampled=1), seed + i))
    return scenes


def empty(style: Style, digits: Digits, count: int, seed: int) -> list[Scene]:
    """Scenes without digits, each on another paper."""
    looks = (
        Look(),
        Look("squared", pen="black ballpoint"),
        Look("ruled", "folded", edge=True),
        Look(shape="creased", edge=True),
    )
    return [make_base(style, digits, seed + i, look=looks[i % len(looks)]).scene for i in range(count)]
