"""One small run taken down the whole road, once per session: the network of `subject/make.py`, its run folder, its bundle."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.keras_model import keras_logits, quiet_tensorflow
from convert.pipeline import convert_run
from convert.run_folder import Run, read_run
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest_file import checksum_of
from edgeproof.run_folder import MODEL, Answered, Images, clearly_right, write_run_folder
from edgeproof.support import files

SUBJECT = Path(__file__).parent / "subject"
RECIPE = b'[data]\nname = "drawn"\n\n[gate]\nmax_drop_points = 1.0\n'
TEST_IMAGES, HELD_OUT, CALIBRATION, GOLDEN = 1000, 400, 200, 64
MISLABELLED = 50  # one image in so many has another digit's label: an error that no kernel undoes

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def subject() -> Any:
    """The module `subject/make.py`."""
    spec = importlib.util.spec_from_file_location("subject_of_convert", SUBJECT / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model(subject: Any, seed: int) -> Any:
    """The network, Sequential: with the committed weights or, where a seed was asked for, with weights trained here."""
    quiet_tensorflow()
    weights = subject.train(seed) if "EDGEPROOF_TEST_SEED" in os.environ else subject.read(SUBJECT / "weights.npz")
    network = subject.network()
    network.set_weights(weights)
    return network


@pytest.fixture(scope="session")
def folder(model: Any, subject: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder as train writes it."""
    folder = tmp_path_factory.mktemp("runs") / "drawn"
    folder.mkdir()
    model.save(folder / MODEL)
    images, labels = subject.draw_digits(TEST_IMAGES, seed=2)
    labels[::MISLABELLED] = (labels[::MISLABELLED] + 1) % 10
    logits = keras_logits(model, images)
    sure = np.flatnonzero(clearly_right(labels, logits))[:GOLDEN]
    facts = {
        "name": folder.name, "recipe_sha256": files.sha256(RECIPE), "classes": list("0123456789"), "input": GLYPHS,
        "data": {"name": "drawn", "fingerprint": "drawn"}, "seed": 1, "metrics": {},
    }  # fmt: skip
    held_out, mistaken = subject.draw_digits(HELD_OUT, seed=4)
    mistaken[::MISLABELLED] = (mistaken[::MISLABELLED] + 1) % 10
    write_run_folder(
        folder,
        facts,
        recipe=RECIPE,
        calibration=Images(*subject.draw_digits(CALIBRATION, seed=3)),
        golden=Answered(images[sure], labels[sure], logits[sure]),
        test=Answered(images, labels, logits),
        deciding=Images(held_out, mistaken),
    )
    return folder


@pytest.fixture(scope="session")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="session")
def target(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of `run`, with every artifact that takes no training. Tests that change it take `copy`."""
    target = tmp_path_factory.mktemp("bundle") / "drawn"
    convert_run(run, target)
    return target


@pytest.fixture
def copied_run(folder: Path, tmp_path: Path) -> Path:
    """The run folder, for a test to damage."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


@pytest.fixture
def copy(target: Path, tmp_path: Path) -> Path:
    """The bundle as plain files that a test may damage."""
    return Path(shutil.copytree(target, tmp_path / "copy"))


@pytest.fixture(scope="session")
def convert() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m convert …` as a user types it."""

    def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "convert", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    return command


@pytest.fixture(scope="session")
def rewrite() -> Callable[[Path, Change], None]:
    """Change the manifest and give it a right checksum again: what a careless tool, not a damaged disk, would do."""

    def rewritten(folder: Path, change: Change) -> None:
        table = json.loads((folder / "manifest.json").read_bytes())
        table.pop("checksum")
        change(table)
        table["checksum"] = checksum_of(table)
        (folder / "manifest.json").write_text(json.dumps(table))

    return rewritten


@pytest.fixture(scope="session")
def slow() -> Callable[[Any], None]:
    """Changes an ONNX model: 400 steps more before the first layer, none of which changes a pixel."""

    def slowed(model: Any) -> None:
        import onnx

        source = model.graph.input[0].name
        steps = [onnx.helper.make_node("Abs", [f"step{i}" if i else source], [f"step{i + 1}"]) for i in range(400)]
        for node in model.graph.node:
            node.input[:] = ["step400" if name == source else name for name in node.input]
        later = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*steps, *later])

    return slowed
