"""What listens to a training."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from edgeproof.errors import UnavailableError
from train.fit.callbacks import tensorboard


def test_tensorboard_logs_or_says_what_is_missing(tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        with pytest.raises(UnavailableError, match="needs the package tensorboard, found none: pip install"):
            tensorboard(tmp_path)
        return
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0, callbacks=[tensorboard(tmp_path)])
    assert list(tmp_path.rglob("events.out.tfevents.*"))
