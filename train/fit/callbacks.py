"""What happens beside the training steps: the guard against NaN, the checkpoints, what a person sees meanwhile."""

from __future__ import annotations

import importlib.util
import math
import time
from pathlib import Path
from typing import Any

import keras
from tqdm import tqdm

from edgeproof.errors import EdgeproofError, UnavailableError
from train.fit.checkpoints import Checkpoints


class LossNotFiniteError(EdgeproofError):
    """The loss is no number any more."""


class StopOnNaN(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training with an error at the step where the loss stops being a number."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (Keras names it)
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            kept = self._checkpoints.progress.epochs
            left = f"the weights after epoch {kept} are in {self._checkpoints.folder}" if kept else "no epoch was done"
            raise LossNotFiniteError(
                f"the loss became {loss} in epoch {self._epoch + 1}, step {batch + 1}: lower [train] learning_rate; {left}"
            )


class KeepCheckpoints(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps each epoch that is done, and ends the training after `patience` epochs without a better one (0: never)."""

    def __init__(self, checkpoints: Checkpoints, patience: int) -> None:
        super().__init__()
        self._checkpoints, self._patience = checkpoints, patience

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._checkpoints.save(self.model, {name: float(value) for name, value in logs.items()})
        if self._checkpoints.progress.stale(self._patience):
            self.model.stop_training = True


class ShowProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """One line per epoch with the time left; on a terminal also a bar over the steps of all epochs."""

    def __init__(self, first_epoch: int, epochs: int, steps: int) -> None:
        super().__init__()
        self._first, self._epochs, self._steps = first_epoch, epochs, steps

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._bar = tqdm(
            total=self._epochs * self._steps,
            initial=self._first * self._steps,
            unit="step",
            disable=None,  # unless stderr is a terminal
            leave=False,
        )
        self._began = self._epoch_began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._epoch_began = time.monotonic()
        self._bar.set_description(f"epoch {epoch + 1}/{self._epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now, done = time.monotonic(), epoch + 1
        left = (now - self._began) / (done - self._first) * (self._epochs - done)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self._bar.write(f"epoch {done}/{self._epochs}: {figures}; {now - self._epoch_began:.0f} s{_left(left)}")

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        self._bar.close()


def tensorboard(folder: Path) -> keras.callbacks.TensorBoard:
    """Writes curves, graph and weight histograms into `folder`. Raises UnavailableError without the package."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UnavailableError(
            "--tensorboard needs the package tensorboard, found none: pip install tensorboard, or leave the flag away "
            "(history.csv and report.html have the curves)"
        )
    return keras.callbacks.TensorBoard(folder, histogram_freq=1)


def _left(seconds: float) -> str:
    """ ", about 7 min left", or nothing at the end."""
    if not seconds:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"
