"""`python -m train compare RECIPE RECIPE …`: several recipes on one split, side by side; each is held against the first.

A recipe whose finished run is in the folder of runs is not trained again. The one to take is named by the validation images;
the test images are read when all are trained, to say what that choice is worth.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeproof.bench.timing import Ratio, Subject, compare, measure_in_turns, round_medians
from edgeproof.errors import UsageError
from edgeproof.input_contract import InputContract
from edgeproof.run_folder import MODEL, RECIPE, RECORD, Answered, read_facts, read_test
from edgeproof.support.files import replace_between, write_atomic
from train.cost import macs
from train.data.own import NAME as OWN
from train.data.samples import load_dataset
from train.fit.fit import as_input
from train.fit.transfer import load_model
from train.recipe import SPLIT, Recipe, load_recipe
from train.run import train

BEGIN, END = "<!-- compared -->", "<!-- /compared -->"
SIGNIFICANT = 0.05  # of McNemar's p
TIMED_IMAGES, TIMED_S = 64, 1.0  # images that take turns; seconds of measuring per model
FACTS = (
    "", "validation accuracy", "test accuracy", "95 % interval", "against the first", "right where the first is wrong",
    "wrong where the first is right", "McNemar's p", "parameters", "`.keras` KB", "multiply-accumulates", "epochs", "minutes",
    "ms per image", "times the first's", "97.9 % interval",
)  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """One recipe's finished run.

    facts: run.json. test: the test images with the answers. multiplies: multiply-accumulates per image, null where a layer's are
    not known. keras_bytes: size of model.keras.
    """

    name: str
    facts: dict[str, Any]
    test: Answered
    model: keras.Model
    multiplies: int | None
    keras_bytes: int


@dataclass(frozen=True)
class Pace:
    """ms: median per image, one at a time, all cores. ratio: to the first recipe's, null for that itself."""

    ms: float
    ratio: Ratio | None


def compare_recipes(
    recipes: Sequence[tuple[Path, Recipe]], runs: Path, *, data_dir: Path | None, plot: Path | None, write: Path | None
) -> None:
    """Train what is not trained yet, each of the `recipes` with its file, and print the table; `write`: a file with markers for
    it, `plot`: a PNG of accuracy against multiply-accumulates.

    Raises UsageError when their splits or classes differ, or a run of that name is of something else.
    """
    if write:
        if not write.is_file():
            raise UsageError(f"{write}: expected a file with the lines {BEGIN} and {END}, found none")
        replace_between(write.read_text(encoding="utf-8"), BEGIN, END, "", str(write))  # before hours of training
    require_one_split([recipe for _, recipe in recipes])
    fingerprints: dict[InputContract, str] = {}
    for _, recipe in recipes:
        require_same_job(recipe, runs, data_dir, fingerprints)
    for file, recipe in recipes:
        if not (runs / recipe.name).exists():
            train(recipe, runs, file.parent, data_dir=data_dir, resume=True)
    found = [_trained(runs / recipe.name) for _, recipe in recipes]
    _require_same_test(found)
    text = "\n".join(_markdown(found, _paces(found)))
    print(f"\n{text}\n\n{_chosen(found)}")
    if write:
        write_atomic(write, replace_between(write.read_text(encoding="utf-8"), BEGIN, END, text, str(write)).encode())
    if plot:
        _plot(found, plot)


# --- what can be compared ---------------------------------------------------------------------------------------------


def require_one_split(recipes: Sequence[Recipe]) -> None:
    """Raises UsageError unless all have names of their own, and learn, choose and are tested on the same images and classes."""
    names = [recipe.name for recipe in recipes]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(f"expected at least two recipes of different names, found {', '.join(names)}")
    first, taken = _split(recipes[0]), {*(f"[data] {key}" for key in SPLIT), "[train] seed"}
    for recipe in recipes[1:]:
        for key, value in _split(recipe).items():
            if value != first[key]:
                raise UsageError(
                    f"{recipe.name} and {names[0]} cannot be compared: expected the same {key}, "
                    f"found {value!r} and {first[key]!r}" + (": --same-split takes the first's" if key in taken else "")
                )


def _split(recipe: Recipe) -> dict[str, Any]:
    """What decides which images a recipe learns from, is chosen by and tested on, and what its classes are."""
    data = recipe.data
    drawn = data.name == OWN or data.per_class
    return {
        **{f"[data] {key}": getattr(data, key) for key in ("name", "path", "strict", *SPLIT)},
        "[train] seed": recipe.train.seed if drawn else None,
        'classes, with "reject" or without': "with" if data.negatives else "without",
    }


def require_same_job(
    recipe: Recipe, runs: Path, data_dir: Path | None = None, fingerprints: dict[InputContract, str] | None = None
) -> None:
    """Raises UsageError when there is a run of the recipe's name that other settings, or other pictures, gave.

    fingerprints: of the same pictures, by what they were made into; who asks about several recipes lets them be kept here, for
    all pictures are read to know one. Raises IntegrityError for a damaged run.
    """
    run = runs / recipe.name
    if not run.exists():
        return
    if not (run / RECORD).is_file():
        raise UsageError(f"{run}: expected a run, found no {RECORD} in it: move it away, or give --runs another folder")
    facts = read_facts(run)
    known = load_recipe(run / RECIPE, **facts.get("overrides", {})).job
    differing = [key for key, value in recipe.job.items() if known.get(key) != value]
    if recipe.data.name == OWN:
        known_as, contract = {} if fingerprints is None else fingerprints, recipe.contract()
        if contract not in known_as:
            known_as[contract] = load_dataset(recipe, data_dir).fingerprint
        if known_as[contract] != facts["data"]["fingerprint"]:
            differing.append("pictures")  # at the same path, or at another
    if differing:
        raise UsageError(
            f"{run}: expected a run of {recipe.name} as it is now, found one with other {', '.join(differing[:3])}: "
            "move it away, or give --runs another folder"
        )


def _require_same_test(found: Sequence[Trained]) -> None:
    """What can be told only when all are trained: the test images are the same, in the same order."""
    first = found[0]
    for other in found[1:]:
        if other.facts["classes"] != first.facts["classes"]:
            raise UsageError(f"{other.name} and {first.name} cannot be compared: their classes differ")
        same = np.array_equal(other.test.labels, first.test.labels)
        if same and other.facts["input"] == first.facts["input"]:
            same = other.facts["data"]["fingerprint"] == first.facts["data"]["fingerprint"]
        if not same:
            raise UsageError(
                f"{other.name} and {first.name} cannot be compared: they were tested on other images; train both again"
            )


def _trained(run: Path) -> Trained:
    model = load_model(run / MODEL)
    return Trained(run.name, read_facts(run), read_test(run), model, macs(model), (run / MODEL).stat().st_size)


# --- what is said -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paired:
    """Two sets of answers to the same images: `lost` only the first has right, `gained` only the other. p: McNemar's, exact."""

    lost: int
    gained: int
    p: float

    @property
    def verdict(self) -> str:
        if self.p >= SIGNIFICANT:
            return "not distinguishable"
        return "worse" if self.lost > self.gained else "better"


def paired(first: NDArray[np.bool_], other: NDArray[np.bool_]) -> Paired:
    """From which answers are right, each (n,)."""
    from scipy.stats import binomtest

    lost, gained = int((first & ~other).sum()), int((other & ~first).sum())
    return Paired(lost, gained, float(binomtest(lost, lost + gained, 0.5).pvalue) if lost + gained else 1.0)


def _paces(found: Sequence[Trained]) -> list[Pace]:
    """How long each model takes for one image, measured by turns."""
    subjects = [Subject(_caller(each.model), itertools.cycle(_single(each.test.images))) for each in found]
    measure_in_turns(subjects, TIMED_S, lambda _: None)
    first = subjects[0].rounds
    return [
        Pace(float(np.median(round_medians(subject.rounds))) / 1e6, compare(subject.rounds, first) if number else None)
        for number, subject in enumerate(subjects)
    ]


def _caller(model: keras.Model) -> Any:
    graph = tf.function(lambda image: model(image, training=False))
    return lambda image: graph(image).numpy()


def _single(images: NDArray[np.uint8]) -> list[tf.Tensor]:
    return [tf.constant(image[np.newaxis]) for image in as_input(images[:TIMED_IMAGES])]


def _right(each: Trained) -> NDArray[np.bool_]:
    return np.asarray(each.test.logits.argmax(axis=1) == each.test.labels)


def _interval(each: Trained) -> tuple[float, float]:
    """Wilson's 95 % interval of the test accuracy."""
    from scipy.stats import binomtest

    interval = binomtest(each.test.correct, len(each.test)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _markdown(found: Sequence[Trained], paces: Sequence[Pace]) -> Iterator[str]:
    """A column per recipe: a table that is read on a terminal and in a document alike."""
    columns = [FACTS, *(_column(each, found[0], pace) for each, pace in zip(found, paces, strict=True))]
    widths = [max(map(len, column)) for column in columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{'-' * (widths[0] + 2)}|{''.join('-' * (width + 1) + ':|' for width in widths[1:])}"


def _column(each: Trained, first: Trained, pace: Pace) -> tuple[str, ...]:
    low, high = _interval(each)
    pairs, ratio = paired(_right(first), _right(each)), pace.ratio
    return (
        f"`{each.name}`",
        f"{100 * each.facts['metrics']['validation_accuracy']:.2f} %",
        f"{100 * each.test.correct / len(each.test):.2f} %",
        f"{100 * low:.2f}–{100 * high:.2f} %",
        *(("",) * 4 if each is first else (pairs.verdict, f"{pairs.gained:,}", f"{pairs.lost:,}", f"{pairs.p:.2g}")),
        f"{each.facts['parameters']:,}",
        f"{each.keras_bytes / 1000:,.0f}",
        "not known" if each.multiplies is None else f"{each.multiplies:,}",
        str(each.facts["epochs"]["done"]),
        f"{each.facts['wall_s'] / 60:.1f}",
        f"{pace.ms:.3f}",
        "" if ratio is None else f"{'' if ratio.distinguishable else '≈ '}{ratio.value:.2f}",
        "" if ratio is None else f"{ratio.low:.2f}–{ratio.high:.2f}",
    )


def _chosen(found: Sequence[Trained]) -> str:
    best = max(found, key=lambda each: float(each.facts["metrics"]["validation_accuracy"]))
    count = best.facts["data"]["validation"]
    return (
        f"By the {count:,} validation images: {best.name}. The {len(best.test):,} test images had no say in that: who chooses by "
        "them needs others to tell how good the choice is.\n"
        "Minutes are of each run's own day; times per image are Keras', by turns, and ≈ is no difference that was shown."
    )


def _plot(found: Sequence[Trained], file: Path) -> None:
    """Accuracy with its interval against multiply-accumulates, of those whose are known."""
    import io

    import matplotlib

    matplotlib.use("Agg")  # files only: a server has no display
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for each in found:
        if each.multiplies:
            share, (low, high) = each.test.correct / len(each.test), _interval(each)
            axes.errorbar(
                each.multiplies, 100 * share, [[100 * (share - low)], [100 * (high - share)]], fmt="o", capsize=3
            )
            axes.annotate(each.name, (each.multiplies, 100 * share), xytext=(6, 4), textcoords="offset points")
    axes.set(xscale="log", xlabel="multiply-accumulates per image", ylabel="test accuracy, %, with 95 % interval")
    axes.margins(x=0.25)  # for the names
    axes.grid(alpha=0.3)
    content = io.BytesIO()
    figure.savefig(content, dpi=120, bbox_inches="tight", format="png")
    plt.close(figure)
    write_atomic(file, content.getvalue())
