"""`convert import-h5` as a user types it: exit codes, lines, and the process that reads the file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from convert.h5 import child
from convert.h5.reading import read_description
from convert.keras_model import open_keras
from convert.verbs.import_h5 import import_h5
from edgeproof.errors import EdgeproofError, IntegrityError, SourceError, UsageError
from edgeproof.support.npz import npz_bytes
from tests.convert.h5.files import layer, small, write
from tests.convert.h5.test_hostile import MARK, lambda_layer, put

pytestmark = pytest.mark.slow

Convert = Callable[..., subprocess.CompletedProcess[str]]


def test_the_way_from_refusal_to_a_model(convert: Convert, tmp_path: Path) -> None:
    """`convert run` names the verb, the verb names `convert run`, and the model computes what the file says."""
    file = write(tmp_path / "old model.h5")
    images, labels = np.random.default_rng(1).integers(0, 256, (40, 28, 28), np.uint8), np.arange(40) % 10
    data = {"x_train": images[:20], "y_train": labels[:20], "x_test": images[20:], "y_test": labels[20:]}
    (tmp_path / "any.npz").write_bytes(npz_bytes(data))
    refused = convert("run", "--model", file, "--data", tmp_path / "any.npz")
    assert refused.returncode == 2
    assert re.search(r"python -m convert import-h5 '.*old model\.h5'", refused.stderr)
    result = convert("import-h5", file)
    assert (result.returncode, result.stderr) == (0, "")
    target = tmp_path / "old model.keras"
    first, second = result.stdout.splitlines()
    assert first.startswith(
        f"{target}: 2 layers, 51 parameters, (None, 4, 4, 1) → (None, 3); written by Keras 2.4.0, built anew"
    )
    assert second == f"next: python -m convert run --model '{target}' --data FILE.npz"
    image = np.random.default_rng(2).random((2, 4, 4, 1), np.float32)
    kernel = np.random.default_rng(1).normal(size=(16, 3)).astype(np.float32)
    np.testing.assert_allclose(open_keras(target)(image), image.reshape(2, 16) @ kernel + np.arange(3), atol=1e-5)
    before = target.read_bytes()
    again = convert("import-h5", file)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert "already exists: choose another --out or give --overwrite" in again.stderr
    assert target.read_bytes() == before


def test_foreign_code_is_not_run(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, str(tmp_path / "run"))
    result = convert("import-h5", put(tmp_path / "hostile.h5", lambda_layer()))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "layer crop (Lambda): carries code, which is not run" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.h5"]


def test_control_characters_do_not_reach_the_terminal(convert: Convert, tmp_path: Path) -> None:
    """Nor does half a character end it in another way."""
    result = convert("import-h5", put(tmp_path / "hostile.h5", layer("Mine", "a\n\x1b[31mred\ud800")))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    with h5py.File(write(tmp_path / "old.h5"), "a") as file:
        file.attrs["keras_version"] = "2\n\x1b[31mred"
        assert read_description(file).version == ""


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    """Of holes: it takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(child.MAX_FILE_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda _: None, SourceError, "expected an .h5 file, found nothing"),
        (folder, SourceError, "found a folder or a device"),
        (pipe, SourceError, "found a folder or a device"),
        (huge, IntegrityError, "expected at most 700,000,000 bytes, found 700,000,001"),
    ],
)
def test_what_is_no_file(
    make: Callable[[Path], None], error: type[EdgeproofError], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "old.h5")
    with pytest.raises(error, match=message):
        import_h5(tmp_path / "old.h5", tmp_path / "new.keras", overwrite=False)
    assert not (tmp_path / "new.keras").exists()


@pytest.mark.parametrize("name", ["new.h5", "folder.keras", "source.keras"])
def test_targets_that_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.keras").mkdir()
    source = write(tmp_path / "source.keras")
    before = source.read_bytes()
    with pytest.raises(UsageError, match="--out"):
        import_h5(source, tmp_path / name, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.soak  # TensorFlow waits ten seconds for another part of the program to give memory back
def test_more_memory_than_permitted_is_one_line(tmp_path: Path) -> None:
    """Dense of 10⁷ units behind 1.6 · 10⁷ pixels: 640 TB of weights, which the child asks for and does not get."""
    config = small()
    config["config"]["layers"][:1] = [
        layer("UpSampling2D", "up", size=1000, batch_input_shape=[None, 4, 4, 1]), layer("Flatten", "flat")
    ]  # fmt: skip
    config["config"]["layers"][-1]["config"]["units"] = 10**7
    with pytest.raises(IntegrityError, match=r"old\.h5: layer dense \(Dense\): asks for more memory than is permitted"):
        import_h5(write(tmp_path / "old.h5", config), tmp_path / "new.keras", overwrite=False)


def probe(code: str) -> subprocess.CompletedProcess[str]:
    program = f"from convert.h5.child import *\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has namespaces of networks")
def test_the_child_has_no_network_where_the_system_permits() -> None:
    code = """
import socket
if without_network():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        try:
            there.connect(("127.0.0.1", 9))
        except OSError as error:
            print("refused", error)
        else:
            print("reached")
else:
    print("not permitted")
"""
    said = probe(code)
    assert said.returncode == 0, said.stderr
    if said.stdout.startswith("not permitted"):
        pytest.skip("this system does not let a process give up the network")
    assert said.stdout.startswith("refused")


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux'")
@pytest.mark.parametrize(("code", "ends"), [("bytearray(MAX_MEMORY_BYTES)", "MemoryError"), ("while True: pass", "")])
def test_the_child_is_bounded(code: str, ends: str) -> None:
    said = probe(f"import convert.h5.child as child\nchild.MAX_CPU_S = 1\nchild.limit()\n{code}")
    assert said.returncode != 0
    assert ends in said.stderr


def test_a_child_that_dies_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a fault in HDF5 would do: the process is ended by a signal."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'convert.h5.child' in sys.orig_argv: os.kill(os.getpid(), 11)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(IntegrityError, match=r"old\.h5: reading it ended with signal 11") as caught:
        import_h5(write(tmp_path / "old.h5"), tmp_path / "new.keras", overwrite=False)
    assert caught.value.exit_code == 6
    assert not (tmp_path / "new.keras").exists()


def test_a_users_keras_json_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels first and float16 by default would be another model. The file is a link, as in caches of models."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "keras.json").write_text(json.dumps({"floatx": "float16", "image_data_format": "channels_first"}))
    monkeypatch.setenv("KERAS_HOME", str(own))
    config = small()
    config["config"]["layers"].insert(0, layer("MaxPooling2D", "pool", pool_size=1, batch_input_shape=[None, 4, 4, 1]))
    (tmp_path / "old.h5").symlink_to(write(tmp_path / "blob", config))
    import_h5(tmp_path / "old.h5", tmp_path / "new.keras", overwrite=False, say=lambda _: None)
    monkeypatch.delenv("KERAS_HOME")
    pool = open_keras(tmp_path / "new.keras").get_layer("pool")
    assert (pool.data_format, pool.compute_dtype) == ("channels_last", "float32")
