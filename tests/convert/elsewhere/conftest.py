"""Models as other people save them, of one network: the committed one of `subject/make.py`, behind another input or output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from convert.elsewhere.keras_import import import_keras
from convert.run_folder import Run
from edgeproof.support.npz import npz_bytes

TRAIN, TEST = 200, 100


@dataclass
class Foreign:
    """Makes files in `folder`, and imports them. said: what import told of the last."""

    folder: Path
    arrays: dict[str, NDArray[Any]]
    said: str = ""
    count: int = 0

    def data(self, **others: NDArray[Any] | None) -> Path:
        """The .npz, with `others` in the place of its arrays, or without those that are None."""
        file = self.folder / "data.npz"
        arrays = {name: values for name, values in {**self.arrays, **others}.items() if values is not None}
        file.write_bytes(npz_bytes(arrays))
        return file

    def run(self, model: Any, data: Path | None = None, **options: Any) -> Run:
        """`model` saved as foreign.keras and imported with `data`, by default `arrays`."""
        file = self.folder / "foreign.keras"
        model.save(file)
        self.count += 1
        said: list[str] = []
        try:
            return import_keras(file, data or self.data(), self.folder / f"run{self.count}", say=said.append, **options)
        finally:
            self.said = "\n".join(said)


@pytest.fixture(scope="session")
def arrays(subject: Any) -> dict[str, NDArray[Any]]:
    (x_train, y_train), (x_test, y_test) = subject.draw_digits(TRAIN, seed=31), subject.draw_digits(TEST, seed=32)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@pytest.fixture
def foreign(tmp_path: Path, arrays: dict[str, NDArray[Any]]) -> Foreign:
    return Foreign(tmp_path, arrays)


@pytest.fixture(scope="session")
def body(model: Any) -> Callable[[Any], Any]:
    """From a tensor (N, 28, 28, 1) in 0..1 to logits: the network without its scaling."""

    def called(tensor: Any) -> Any:
        for layer in model.layers[1:]:
            tensor = layer(tensor)
        return tensor

    return called
