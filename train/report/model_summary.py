"""What a model is made of: its layers as a table, for the report and the terminal, and a drawing of how they meet.

`python -m train summary RECIPE` prints the table of a model that nobody has trained yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import matplotlib

matplotlib.use("Agg")  # files only: a server has no display
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from edgeproof.scores import REJECT
from train.cost import flat_layers, layer_macs
from train.data import datasets, own
from train.data.samples import load_dataset
from train.models import build
from train.recipe import Recipe

HEADERS = ("layer", "kind", "output", "parameters", "multiply-accumulates")

#: Layers that change numbers and no shapes: drawn in the box of the layer that they belong to.
_IN_ONE_BOX = ("BatchNormalization", "ReLU", "Activation", "Dropout", "Rescaling")
_ROWS = 14  # boxes in one column of the drawing
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 3.5, 0.62, 4.5, 1.0  # of a box, and from one to the next


@dataclass(frozen=True)
class LayerRow:
    """One layer. output: its shape for one image. macs: multiply-accumulates for one image; null where not known."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int | None

    @property
    def cells(self) -> tuple[str, ...]:
        macs = "?" if self.macs is None else f"{self.macs:,}" if self.macs else ""
        return self.name, self.kind, _by(self.output), f"{self.parameters:,}" if self.parameters else "", macs


def untrained(recipe: Recipe) -> keras.Model:
    """The recipe's model. Only images of one's own are read for it: what the published sets hold is known."""
    if recipe.data.name == own.NAME:
        data = load_dataset(recipe, None)
        classes, shape = data.classes, data.image_shape
    else:
        classes, shape = datasets.described(recipe.data.name)
    if recipe.data.negatives:
        classes = (*classes, REJECT)
    return build(recipe.model, len(classes), recipe.contract(shape))


def layer_rows(model: keras.Model) -> list[LayerRow]:
    """The layers of `model` in their order, without its input."""
    return [
        LayerRow(layer.name, _kind(layer), _shape(layer), layer.count_params(), layer_macs(layer))
        for layer in flat_layers(model)
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def table_rows(model: keras.Model) -> list[tuple[str, ...]]:
    """What stands under HEADERS, the sums in the last row."""
    rows = layer_rows(model)
    unknown = any(row.macs is None for row in rows)
    macs = f"{'at least ' if unknown else ''}{sum(row.macs or 0 for row in rows):,}"
    return [*(row.cells for row in rows), ("all", "", "", f"{model.count_params():,}", macs)]


def summary(model: keras.Model) -> str:
    """The table for a terminal: names to the left, numbers to the right."""
    lines = [HEADERS, *table_rows(model)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADERS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column > 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def drawing(model: keras.Model) -> Figure:
    """The layers from top to bottom, column by column, each with what belongs to it; ways around others in orange."""
    boxes, edges = _graph(model)
    columns = -(-len(boxes) // _ROWS)
    figure, axis = plt.subplots(figsize=(1.1 * _ACROSS * columns, 0.62 * min(len(boxes), _ROWS) + 0.3))
    for index, box in enumerate(boxes):
        x, y = _place(index)
        outline = FancyBboxPatch(
            (x, y), _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.1", facecolor="#eef3f8", edgecolor="#5b7083"
        )
        axis.add_patch(outline)
        for line, height, size in ((" · ".join(map(_kind, box)), 0.66, 7.5), (_by(_shape(box[-1])), 0.27, 7)):
            axis.text(x + _WIDTH / 2, y + height * _HEIGHT, line, ha="center", va="center", fontsize=size)
    for start, end in edges:
        axis.add_patch(_arrow(start, end))
    _frame(axis, len(boxes), columns)
    return figure


def _frame(axis: Axes, boxes: int, columns: int) -> None:
    axis.set(xlim=(-0.2, _ACROSS * columns), ylim=(-_DOWN * min(boxes, _ROWS) + _HEIGHT - 0.3, _HEIGHT + 0.2))
    axis.axis("off")


def _place(index: int) -> tuple[float, float]:
    """The lower left corner of a box."""
    column, row = divmod(index, _ROWS)
    return column * _ACROSS, -row * _DOWN


def _arrow(start: int, end: int) -> FancyArrowPatch:
    """Straight down to the next box, on to the next column, or around the boxes between."""
    (x, y), (to_x, to_y) = _place(start), _place(end)
    style, color = "arc3", "#5b7083" if end == start + 1 else "#d9730d"
    if end == start + 1 and x == to_x:
        places = (x + _WIDTH / 2, y), (to_x + _WIDTH / 2, to_y + _HEIGHT)
    elif x == to_x:
        places = (x + _WIDTH, y + _HEIGHT / 2), (to_x + _WIDTH, to_y + _HEIGHT / 2)
        style = f"arc3,rad={-min(0.45, 0.9 / (end - start)):.2f}"  # about as far out, whatever lies between
    else:
        places = (x + _WIDTH, y + _HEIGHT / 2), (to_x, to_y + _HEIGHT / 2)
    return FancyArrowPatch(*places, arrowstyle="-|>", mutation_scale=9, connectionstyle=style, color=color)


def _graph(model: keras.Model) -> tuple[list[list[Any]], list[tuple[int, int]]]:
    """Boxes of layers, and between which of them, by number, something goes."""
    boxes: list[list[Any]] = []
    box_of: dict[int, int] = {}
    edges: list[tuple[int, int]] = []
    layers = flat_layers(model)
    parents = {id(layer): _parents(layer, layers) for layer in layers}
    children = [id(parent) for found in parents.values() for parent in found]
    for layer in layers:
        above = parents[id(layer)]
        if type(layer).__name__ in _IN_ONE_BOX and len(above) == 1 and children.count(id(above[0])) == 1:
            box_of[id(layer)] = box_of[id(above[0])]
            boxes[box_of[id(layer)]].append(layer)
        else:
            box_of[id(layer)] = len(boxes)
            boxes.append([layer])
            edges += [(box_of[id(parent)], box_of[id(layer)]) for parent in above if id(parent) in box_of]
    return boxes, edges


def _parents(layer: Any, among: Sequence[Any]) -> list[Any]:
    """The layers whose outputs `layer` takes; none where a model does not say it."""
    known = {id(other) for other in among}
    nodes = [parent for node in getattr(layer, "_inbound_nodes", ()) for parent in node.parent_nodes]
    return list({id(node.operation): node.operation for node in nodes if id(node.operation) in known}.values())


def _kind(layer: Any) -> str:
    """A layer's kind with the settings that a reader looks for: "Conv2D 3×3, stride 2"."""
    kind = {"InputLayer": "image", "BatchNormalization": "BatchNorm"}.get(type(layer).__name__, type(layer).__name__)
    config = layer.get_config()
    size = config.get("kernel_size") or config.get("pool_size")
    if isinstance(size, Sequence):
        kind += f" {_by(size)}"
    if "kernel_size" in config and max(config["strides"]) > 1:
        kind += f", stride {_by(sorted(set(config['strides'])))}"
    if config.get("activation", "linear") != "linear" and isinstance(config["activation"], str):
        kind = config["activation"] if kind == "Activation" else f"{kind}, {config['activation']}"
    if config.get("rate") and "Dropout" in kind:
        kind += f" {config['rate']:g}"
    return "ReLU6" if kind == "ReLU" and config["max_value"] == 6 else kind


def _shape(layer: Any) -> tuple[int, ...]:
    """Of a layer's output for one image; empty where it does not say."""
    shape = getattr(getattr(layer, "output", None), "shape", ())
    return tuple(shape[1:])


def _by(lengths: Sequence[int]) -> str:
    return "×".join(map(str, lengths))
