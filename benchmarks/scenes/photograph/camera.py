"""A page on a table, seen by a phone: ink on paper, light, lens and sensor.

All is computed as shares of reflected light; only the last step makes the picture's values of it (gamma 2.2). The same seed gives
the same pixels with the same versions of numpy and OpenCV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import scene
from benchmarks.scenes.layout import Written
from benchmarks.scenes.pen_lines import ink
from benchmarks.scenes.photograph import paper as sheets
from benchmarks.scenes.photograph import printing
from benchmarks.scenes.photograph.printing import Printed
from benchmarks.scenes.photograph.texture import fractal, grain
from benchmarks.scenes.scene import Mark, Matrix, Picture, Scene

Floats = NDArray[np.float32]
Random = np.random.Generator

AROUND = 0.14  # of paper around what the camera sees, share of the picture's side
INK_VISIBLE = 0.35  # share of full ink from which a pixel belongs to a mark's outline
GAMMA = 2.2


@dataclass(frozen=True)
class Pen:
    """width: of the stroke, share of a digit's height. through: share of light (BGR) that full ink lets through.

    tooth: share of the ink that the paper's hollows miss. flow: how much the ink comes now more, now less (share).
    covers: whether it hides what is below it, as paint and chalk do; `through` is then what it reflects.
    """

    width: float
    through: tuple[float, float, float]
    tooth: float = 0.0
    flow: float = 0.1
    covers: bool = False


PENS = {
    "blue gel": Pen(0.080, (0.42, 0.13, 0.07)),
    "black ballpoint": Pen(0.055, (0.09, 0.08, 0.08), tooth=0.25, flow=0.2),
    "blue ballpoint": Pen(0.055, (0.50, 0.19, 0.15), tooth=0.25, flow=0.25),
    "pencil": Pen(0.075, (0.20, 0.20, 0.21), tooth=0.38, flow=0.2),
    "black felt": Pen(0.120, (0.05, 0.045, 0.045), flow=0.05),
    "red marker": Pen(0.190, (0.10, 0.07, 0.62), flow=0.10),
    "green felt": Pen(0.100, (0.16, 0.30, 0.06), flow=0.12),
    "pale pencil": Pen(0.060, (0.44, 0.44, 0.45), tooth=0.35, flow=0.2),
    "orange felt": Pen(0.110, (0.10, 0.62, 1.00), flow=0.08),
    "pink paint": Pen(0.110, (0.42, 0.16, 0.66), flow=0.08, covers=True),
    "green paint": Pen(0.110, (0.38, 0.93, 0.42), flow=0.08, covers=True),
    "orange paint": Pen(0.110, (0.03, 0.17, 0.58), flow=0.08, covers=True),
    "chalk": Pen(0.110, (0.72, 0.75, 0.75), tooth=0.45, flow=0.2, covers=True),
    "board marker": Pen(0.130, (0.50, 0.14, 0.08), flow=0.2),
}


@dataclass(frozen=True)
class Look:
    """What the page is and how it lies there. back: how strongly the other side's writing shines through (share).

    edge: whether the paper's edge and the table are in the picture. oversampled: page pixels per picture pixel.
    """

    paper: sheets.Kind = "plain"
    shape: sheets.Shape = "flat"
    pen: str = "blue gel"
    back: float = 0.0
    edge: bool = False
    oversampled: float = 1.5


@dataclass(frozen=True)
class View:
    """Where the camera is. turn: of the page, degrees, clockwise. zoom: times the size that the picture is made for.

    tilt: share by which the right edge is seen smaller than the left, and the bottom than the top. shift: of the page in
    the picture, pixels, (x, y).
    """

    turn: float = 0.0
    zoom: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def handheld(cls, rng: Random) -> View:
        """A hand holds the phone a little turned and a little tilted."""
        return cls(rng.normal(0, 0.8), 1.0, (rng.normal(0, 0.015), -abs(rng.normal(0, 0.02))))


@dataclass(frozen=True)
class Light:
    """What falls on the page, and how the camera is set. lamp: where it stands, radians from the right, clockwise.

    fall: share of the light lost across the picture. warmth: share of more red and less blue. exposure: share of white that
    white paper gets.
    """

    lamp: float
    fall: float
    warmth: float
    exposure: float

    @classmethod
    def indoors(cls, rng: Random) -> Light:
        return cls(rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.18), rng.normal(0, 0.035), rng.uniform(0.62, 0.80))


@dataclass(frozen=True)
class Sheet:
    """A written sheet before the camera. size: of the picture that shows it, (width, height) pixels. marks: in page pixels.

    reflected: share of light that it sends back, float32 (H, W, 3) BGR. oversampled: page pixels per picture pixel.
    """

    size: tuple[int, int]
    reflected: Floats
    marks: tuple[Mark, ...]
    oversampled: float


def photograph(  # noqa: PLR0917 (one picture's whole description)
    written: Sequence[Written],
    size: tuple[int, int],
    digit: float,
    look: Look,
    seed: int,
    printed: Sequence[Printed] = (),
) -> Scene:
    """The page as a phone sees it, in even light, from nearly straight above. `size`: (width, height), pixels.

    `seed` decides the camera, the light and the paper; not the writing.
    """
    rng = np.random.default_rng([seed, 1])
    view = View.handheld(rng)
    sheet = write_sheet(written, size, digit, look, np.random.default_rng([seed, 2]), printed)
    return shoot(sheet, view, Light.indoors(rng), rng)


def write_sheet(  # noqa: PLR0917 (one sheet's whole description)
    written: Sequence[Written],
    size: tuple[int, int],
    digit: float,
    look: Look,
    rng: Random,
    printed: Sequence[Printed] = (),
) -> Sheet:
    """What is written, on paper that bears what is `printed`. `digit`: height of the writing, picture pixels."""
    layer = blank_layer(size, look)
    marks = tuple(_write(layer, one, size, look) for one in written)
    return ink_sheet(layer, marks, size, digit, look, rng, printed)


def blank_layer(size: tuple[int, int], look: Look) -> Floats:
    """An ink layer, float32 (H, W) page pixels, 1 for full ink, for a picture of `size`."""
    width, height = (round(side * (1 + 2 * AROUND) * look.oversampled) for side in size)
    return np.zeros((height, width), np.float32)


def stamp(
    layer: Floats, ink: Floats, centre: tuple[float, float], size: tuple[int, int], look: Look
) -> tuple[int, int]:
    """Put `ink`, page pixels, onto the layer with its middle at `centre`, picture pixels; returns its corner, page pixels."""
    tall, wide = ink.shape
    x = round((centre[0] + AROUND * size[0]) * look.oversampled - wide / 2)
    y = round((centre[1] + AROUND * size[1]) * look.oversampled - tall / 2)
    spot = layer[y : y + tall, x : x + wide]
    np.maximum(spot, ink, out=spot)
    return x, y


def _write(layer: Floats, one: Written, size: tuple[int, int], look: Look) -> Mark:
    part = ink(one.path, one.height * look.oversampled, PENS[look.pen].width, one.turn)
    corner = stamp(layer, part, one.centre, size, look)
    rows, columns = np.nonzero(part >= INK_VISIBLE)
    corners = np.concatenate([np.stack([columns + dx, rows + dy], axis=1) for dx in (0, 1) for dy in (0, 1)])
    hull = cv2.convexHull((corners + np.asarray(corner)).astype(np.float32)).reshape(-1, 2)
    return Mark(one.text, one.line, one.number, hull.astype(np.float32))


def ink_sheet(  # noqa: PLR0917 (one sheet's whole description)
    layer: Floats,
    marks: tuple[Mark, ...],
    size: tuple[int, int],
    digit: float,
    look: Look,
    rng: Random,
    printed: Sequence[Printed] = (),
) -> Sheet:
    """Paper with what is `printed`, and the ink of `layer` (see `blank_layer`) on it. marks: what that ink is."""
    shape = layer.shape[0], layer.shape[1]
    page = sheets.reflectance(look.paper, shape, digit * look.oversampled, rng)
    if look.back:
        page *= sheets.shine_through(layer, look.back)
    corner = AROUND * size[0] * look.oversampled, AROUND * size[1] * look.oversampled
    marks = (*marks, *printing.print_onto(page, printed, corner, look.oversampled))
    pen = PENS[look.pen]
    if pen.tooth:  # the pen's ball or lead rides over the hollows between the fibres
        layer = layer * np.clip(1 - pen.tooth * (0.5 + grain(shape, 0.7 * look.oversampled, rng)), 0, 1)
    layer = layer * np.clip(1 - pen.flow * (0.5 + 0.5 * fractal(shape, digit, 2, rng)), 0, 1)
    if pen.covers:
        page += layer[..., None] * (np.asarray(pen.through, np.float32) - page)
    else:
        page *= 1 - layer[..., None] * (1 - np.asarray(pen.through, np.float32))
    page *= sheets.shading(look.shape, shape, rng)[..., None]
    if look.edge:
        _lay_on_table(page, rng)
    return Sheet(size, page, marks, look.oversampled)


def _lay_on_table(page: Floats, rng: Random) -> None:
    """Replace two sides of the page by the table on which it lies; the sheet throws a narrow shadow."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    seen = AROUND / (1 + 2 * AROUND)  # where the picture begins
    left = x - width * (seen + rng.uniform(0.02, 0.05)) + y * np.float32(rng.normal(0, 0.012))
    top = y - height * (seen + rng.uniform(0.02, 0.05)) + x * np.float32(rng.normal(0, 0.012))
    inside = np.minimum(left, top)
    wood = sheets.table(page.shape[:2], rng)
    wood *= (1 - 0.55 * np.exp(np.minimum(inside, 0) / 9))[..., None]
    cover = np.clip(inside, 0, 1)[..., None]
    page *= cover
    page += wood * (1 - cover)


def shoot(sheet: Sheet, view: View, light: Light, rng: Random) -> Scene:
    """The sheet as a camera at `view` sees it in this light; `rng`: its noise."""
    to_picture = way_to_picture(sheet, view)
    soft = softened(sheet)
    seen = cv2.warpPerspective(soft, to_picture, sheet.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Scene(develop(np.asarray(seen, np.float32), light, rng), scene.moved(sheet.marks, to_picture))


def softened(sheet: Sheet) -> Floats:
    """What the sheet reflects, as a camera sees it whose pixel is an area and no point."""
    return np.asarray(cv2.GaussianBlur(sheet.reflected, (0, 0), 0.45 * sheet.oversampled), np.float32)


def way_to_picture(sheet: Sheet, view: View) -> Matrix:
    """The homography (3, 3) from page to picture pixels."""
    (width, height), (page_height, page_width) = sheet.size, sheet.reflected.shape[:2]
    angle, scale = np.deg2rad(view.turn), view.zoom / sheet.oversampled
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    centre = np.array([[1, 0, -page_width / 2], [0, 1, -page_height / 2], [0, 0, 1]])
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [view.tilt[0] / width, view.tilt[1] / height, 1]])
    back = np.array([[1, 0, width / 2 + view.shift[0]], [0, 1, height / 2 + view.shift[1]], [0, 0, 1]])
    matrix: Matrix = back @ tilt @ turn @ centre
    return matrix


def develop(seen: Floats, light: Light, rng: Random) -> Picture:
    """What a phone makes of the light: exposure, white balance, noise, gamma, sharpening, JPEG at quality 92."""
    size = seen.shape[1], seen.shape[0]
    x = np.linspace(-0.5, 0.5, size[0], dtype=np.float32)[None]
    y = np.linspace(-0.5, 0.5, size[1], dtype=np.float32)[:, None]
    slope = 1 + light.fall * (np.cos(light.lamp) * x + np.sin(light.lamp) * y)
    corners = 1 - 0.18 * (x**2 + y**2)  # which every lens darkens
    seen = seen * np.float32(light.exposure) * np.asarray(slope * corners, np.float32)[..., None]
    seen *= np.asarray((1 - light.warmth, 1.0, 1 + light.warmth), np.float32)
    # Shot noise grows with light, read noise does not; demosaicking smears both, colour most.
    shot = np.sqrt(np.clip(seen, 0, 1) * 0.00012 + 0.000004).astype(np.float32)
    colour = np.stack([grain(seen.shape, 1.6, rng) for _ in range(3)], axis=2)
    seen = seen + shot * grain(seen.shape, 0.6, rng)[..., None] + np.float32(0.004) * colour
    tone = np.power(np.clip(seen, 0, 1), 1 / GAMMA).astype(np.float32)
    sharp = tone + 0.5 * (tone - cv2.GaussianBlur(tone, (0, 0), 1.2))
    values = np.asarray(np.clip(sharp, 0, 1) * 255 + 0.5, np.uint8)
    coded = cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
