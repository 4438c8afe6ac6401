"""A training that is killed at a moment of our choice: a signal from outside comes too late where epochs take a second."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

#: `python -m train …`, whose process is killed at the fourth batch of epoch KILLED_IN. Keras' own trainer and ours both tell
#: this class of each batch.
KILLED = """
import os, signal, sys
from keras.callbacks import CallbackList

def on_train_batch_begin(self, batch, logs=None):
    global epoch
    epoch += batch == 0
    if (epoch, batch) == (KILLED_IN, 3):
        os.kill(os.getpid(), signal.SIGKILL)
    usual(self, batch, logs)

epoch = 0
usual, CallbackList.on_train_batch_begin = CallbackList.on_train_batch_begin, on_train_batch_begin
from edgeproof.support import command
from train.__main__ import parser
sys.exit(command.run(parser()))
"""


@pytest.fixture
def killed_in_epoch() -> Callable[[int], list[str]]:
    """`killed_in_epoch(n)`: what to type instead of `python -m train`."""
    return lambda number: [sys.executable, "-c", f"KILLED_IN = {number}\n{KILLED}"]
