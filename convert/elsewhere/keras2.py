"""A .keras file of Keras 2 written as HDF5, which Keras 3 reads; run as a child process: FILE TARGET."""

from __future__ import annotations

import sys
from pathlib import Path

from convert.keras_model import quiet_tensorflow, refuse_code


def main(file: str, target: str) -> None:
    refuse_code(Path(file))
    quiet_tensorflow()
    import tf_keras

    model = tf_keras.saving.load_model(file, compile=False, safe_mode=True)
    model.save(target, include_optimizer=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
