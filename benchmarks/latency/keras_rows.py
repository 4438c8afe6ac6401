"""The same model still in Keras, as people first run it: rows beside those of the files that were made of it.

Only here: what ships never imports TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.bundle import Bundle
from edgeproof.classifier import Facts
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.input_contract import with_channels
from edgeproof.run_folder import MODEL, read_record
from edgeproof.support.native_output import quiet_import

BACKEND = "keras"
Call = Callable[[NDArray[np.uint8]], object]


def rows(run: Path, bundle: Bundle) -> dict[Facts, Call]:
    """Three ways to ask the model of the run folder that `bundle` was made of, on one thread: each takes images uint8 (N, H, W)
    or (N, H, W, 3) and returns numpy. Keras is given float32 (N, H, W, C), raw pixels, as it was trained.

    Raises UnavailableError where Keras or TensorFlow is not installed, IntegrityError where there is no model, UsageError where
    `bundle` is of another run.
    """
    if not (run / MODEL).is_file():
        raise IntegrityError(
            f"--run {run}: expected a run folder with {MODEL}, found none: train one, or keep it with --keep-run"
        )
    _check_same(run, bundle)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        quiet_import("tensorflow")
        import keras
        import tensorflow as tf
    except ImportError as missing:
        raise UnavailableError(f"--run: {missing.name} does not import: make setup installs it") from None
    try:  # as the other rows: one thread, here before the first operation only
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        raise UnavailableError(
            "--run: TensorFlow was used before in this process, with its own threads: start another"
        ) from None
    model = keras.saving.load_model(run / MODEL, compile=False)
    compiled = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    calls: dict[str, Callable[[NDArray[np.float32]], Any]] = {
        "model.predict": lambda images: model.predict(images, verbose=0),
        "model(x)": lambda images: model(images, training=False).numpy(),
        "tf.function": lambda images: compiled(tf.constant(images)).numpy(),
    }
    return {_facts(name): _taking_bytes(call) for name, call in calls.items()}


def _check_same(run: Path, bundle: Bundle) -> None:
    record, manifest = read_record(run), bundle.manifest
    recipe = str((manifest.source or {}).get("recipe_sha256", record.recipe_sha256))
    for what, found, expected in (
        ("input", record.input.shape, manifest.input.shape),
        ("classes", record.classes, manifest.classes),
        ("recipe", record.recipe_sha256[:12], recipe[:12]),
    ):
        if found != expected:
            raise UsageError(
                f"--run {run}: {what}: expected {expected} as bundle {manifest.name} has it, found {found}: "
                "name the run that the bundle was made of"
            )


def _facts(name: str) -> Facts:
    versions = f"{metadata.version('keras')}, TensorFlow {metadata.version('tensorflow')}"
    return Facts(artifact=name, backend=BACKEND, provider="TensorFlow on the CPU", version=versions, requested="cpu")


def _taking_bytes(call: Callable[[NDArray[np.float32]], Any]) -> Call:
    return lambda images: call(with_channels(images).astype(np.float32))
