"""What a killed training leaves behind, so that it can go on: the epoch in which it died is all that is lost.

    runs/.<name>-checkpoints/
        progress.json     the job, the epochs that are done, and which of them was best
        epoch-0007.keras  weights and optimizer after the last of them
        epoch-0005.keras  … and after the best
        history.csv       the same epochs, for people

progress.json is replaced last and in one rename, and names files that are whole by then: whenever the process dies,
it describes a state that can be loaded. A file that it does not name is a left-over, and the next save removes it.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from edgeproof.errors import EdgeproofError, IntegrityError, UsageError
from edgeproof.support.files import write_atomic
from edgeproof.support.tables import from_table, to_table
from train.recipe import upgraded_job

PROGRESS = "progress.json"


@dataclass(frozen=True)
class Progress:
    """What progress.json says."""

    job: dict[str, Any]
    """All that decides the weights, flat: "train.epochs": 20. Another job may not continue these epochs."""
    history: tuple[dict[str, float], ...] = ()
    """Keras' metrics of each epoch that is done."""
    best: int = 0
    """The epoch with the highest validation accuracy, of equals (a small set has many) the one with the lowest loss.

    Counted from 1, 0 before the first."""
    random_states: tuple[tuple[int, ...], ...] = ()
    """Where each Dropout's random numbers are; Keras leaves them out of its files."""
    seconds: float = 0.0
    """Spent so far, interruptions left out."""

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.history)

    def stale(self, patience: int) -> bool:
        """Whether the last `patience` epochs brought nothing better; never for 0."""
        return 0 < patience <= self.epochs - self.best

    def after(self, metrics: dict[str, float], states: tuple[tuple[int, ...], ...], seconds: float) -> Progress:
        """With one more epoch done."""
        better = not self.best or _merit(metrics) > _merit(self.history[self.best - 1])
        return Progress(self.job, (*self.history, metrics), self.epochs + 1 if better else self.best, states, seconds)


def _merit(metrics: dict[str, float]) -> tuple[float, float]:
    return metrics["val_accuracy"], -metrics["val_loss"]


class Checkpoints:
    """The checkpoint folder of one run; `progress` is what it holds."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self._began = time.monotonic() - progress.seconds

    def save(self, model: keras.Model, metrics: dict[str, float]) -> None:
        """Keep `model` as it is after one more epoch. A full disk is one clear error, and the last epoch stays."""
        states = tuple(tuple(int(word) for word in state.numpy()) for state in _random_states(model))
        progress = self.progress.after(metrics, states, self.seconds)
        with said_when_full(
            f"{self.folder}: epoch {progress.epochs} could not be kept, epoch {self.progress.epochs} is"
        ):
            _save_model(model, self._file(progress.epochs))
            write_atomic(self.folder / "history.csv", _as_csv(progress.history))
            write_atomic(self.folder / PROGRESS, json.dumps(to_table(progress)).encode())
        self.progress = progress
        named = {PROGRESS, "history.csv", self._file(progress.epochs).name, self._file(progress.best).name}
        for path in self.folder.iterdir():
            if path.name not in named:
                path.unlink()

    def restore_last(self, model: keras.Model) -> None:
        """Give the compiled `model` the weights and the optimizer of the last epoch that is done, if there is one."""
        if self.progress.epochs:
            _load_weights(model, self._file(self.progress.epochs))
            for state, words in zip(_random_states(model), self.progress.random_states, strict=True):
                state.assign(words)

    def restore_best(self, model: keras.Model) -> None:
        """Give the compiled `model` the weights of the best epoch, their moving average where the optimizer has one.

        There must be such an epoch."""
        _load_weights(model, self._file(self.progress.best))
        model.optimizer.finalize_variable_values(model.trainable_variables)

    @property
    def best_file(self) -> Path:
        return self._file(self.progress.best)

    @property
    def seconds(self) -> float:
        """Of this process and of those that were interrupted."""
        return time.monotonic() - self._began

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04}.keras"


def open_checkpoints(folder: Path, job: dict[str, Any], *, resume: bool, overwrite: bool) -> Checkpoints:
    """The checkpoints in `folder`: those of an interrupted run with `resume`, else none.

    Raises UsageError when there is an interrupted run and neither `resume` nor `overwrite` says what to do with it, or
    when it was another job; IntegrityError when progress.json is damaged.
    """
    job = json.loads(json.dumps(job))  # as it will be read back: tuples are lists
    path = folder / PROGRESS
    if path.is_file() and not overwrite:
        progress = _read(path)
        if not resume:
            raise UsageError(
                f"{folder} holds an interrupted run with {progress.epochs} epochs done: "
                "give --resume to go on with it, or --overwrite to begin anew"
            )
        kept = upgraded_job(progress.job)
        changed = [key for key in {**job, **progress.job} if job.get(key) != kept.get(key)]
        if changed:
            was, now = kept.get(changed[0]), job.get(changed[0])
            raise UsageError(
                f"{folder}: expected the job that was interrupted, found another {', '.join(changed)} "
                f"({was!r} became {now!r}): undo that, or give --overwrite to begin anew"
            )
        return Checkpoints(folder, replace(progress, job=job))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Checkpoints(folder, Progress(job))


def _read(path: Path) -> Progress:
    try:
        table = json.loads(path.read_bytes())
    except ValueError:
        raise IntegrityError(f"{path}: expected JSON, found something else: give --overwrite to begin anew") from None
    return from_table(Progress, table, str(path), IntegrityError)


def _load_weights(model: keras.Model, path: Path) -> None:
    """Into the model that the recipe builds, rather than one built from the file: nothing in the file is executed."""
    model.optimizer.build(model.trainable_variables)  # without its variables Keras would skip the optimizer's state
    try:
        model.load_weights(path)
    except Exception as error:  # zip, HDF5 and Keras each have their own
        raise IntegrityError(
            f"{path}: expected the checkpoint that {PROGRESS} names, found a damaged one ({error}): "
            "give --overwrite to begin anew"
        ) from error


def _random_states(model: keras.Model) -> list[Any]:
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]


def _save_model(model: keras.Model, path: Path) -> None:
    """Whole or absent, as `write_atomic` would, for a writer that wants a path."""
    temporary = path.with_name(f".writing-{path.name}")
    try:
        model.save(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)  # on a full disk that is the space to go on with
        raise
    temporary.replace(path)


def _as_csv(history: tuple[dict[str, float], ...]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["epoch", *history[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"epoch": epoch, **metrics} for epoch, metrics in enumerate(history))
    return text.getvalue().encode()


@contextlib.contextmanager
def said_when_full(what: str) -> Iterator[None]:
    """HDF5 tells of a full disk in words only, others by number: here it is one sentence and the way on."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
        if not full:
            raise
        raise EdgeproofError(f"{what}: the disk is full; free some space and go on with --resume") from error
