"""Files that are damaged, or made to do harm: each is one line with its exit code, and nothing of it is run.

`pytest -s tests/convert/h5/test_hostile.py` prints the table.
"""

from __future__ import annotations

import base64
import builtins
import json
import marshal
import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from convert.h5.child import guarded
from edgeproof.errors import EdgeproofError
from tests.convert.h5.files import Config, graph, layer, small, write

KERNEL = "model_weights/dense/dense/kernel:0"
MARK = "EDGEPROOF_TEST_MARK"  # the environment variable with the file that foreign code would write


def with_code() -> str:
    """A function as Keras 2 keeps that of a Lambda layer: its byte code, which writes a file when it is called."""
    source = f"lambda x: open(__import__('os').environ['{MARK}'], 'w').write('run') and x"
    return base64.b64encode(marshal.dumps(eval(source).__code__)).decode()


def lambda_layer() -> Config:
    return layer("Lambda", "crop", function=[with_code(), None, None], function_type="lambda", arguments={})


def put(path: Path, *layers: Config, weights: Any = None) -> Path:
    """The small model with `layers` at its end."""
    config = small()
    config["config"]["layers"] += layers
    return write(path, config, weights)


def setting(path: Path, **settings: Any) -> Path:
    """The small model with other settings of its Dense layer."""
    config = small()
    config["config"]["layers"][1]["config"] |= settings
    return write(path, config)


def flat(path: Path, **settings: Any) -> Path:
    config = small()
    config["config"]["layers"][0]["config"] |= settings
    return write(path, config)


def kernel(path: Path, make: Callable[[h5py.File], Any]) -> Path:
    """The small model with another thing in the place of its kernel."""
    write(path)
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        make(file)
    return path


def array(path: Path, **settings: Any) -> Path:
    return kernel(path, lambda file: file.create_dataset(KERNEL, **settings))


def linked(path: Path, link: Any) -> Path:
    return kernel(path, lambda file: file.__setitem__(KERNEL, link))


def virtual(path: Path) -> Path:
    other = write(path.with_name("other.h5"))
    layout = h5py.VirtualLayout((16, 3), np.float32)
    layout[:] = h5py.VirtualSource(other, KERNEL, (16, 3))
    return kernel(path, lambda file: file.create_virtual_dataset(KERNEL, layout))


def outside(path: Path) -> Path:
    """External storage: the numbers of another file, whatever that is."""
    secret = path.with_name("secret")
    secret.write_bytes(bytes(192))
    return array(path, shape=(16, 3), dtype=np.float32, external=[(str(secret), 0, 192)])


def outer_group(path: Path) -> Path:
    other = write(path.with_name("other.h5"))
    write(path)
    with h5py.File(path, "a") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(other), "/model_weights")
    return path


def bomb_in_a_chunk(path: Path) -> Path:
    """A chunk that says 192 bytes and unpacks to 50 MB: HDF5 follows the stream, not what it says."""

    def make(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=(16, 3), dtype=np.float32, chunks=(16, 3), compression="gzip")
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(50 << 20), 9))

    return kernel(path, make)


def compound(path: Path) -> Path:
    return array(path, data=np.zeros((16, 3), [("a", "f4"), ("b", "f4")]))


def references(path: Path) -> Path:
    return kernel(
        path, lambda file: file.create_dataset(KERNEL, data=np.full((16, 3), file.ref, object), dtype=h5py.ref_dtype)
    )


def lists(path: Path) -> Path:
    return array(path, shape=(16, 3), dtype=h5py.vlen_dtype(np.float32))


def weights_only(path: Path) -> Path:
    write(path)
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
    return path


def attributes(path: Path, key: str, value: Any) -> Path:
    write(path)
    with h5py.File(path, "a") as file:
        file.attrs[key] = value
    return path


def names(path: Path, *listed: str) -> Path:
    write(path)
    with h5py.File(path, "a") as file:
        file["model_weights/dense"].attrs["weight_names"] = [name.encode() for name in listed]
    return path


def cut(path: Path) -> Path:
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def content(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def nested(path: Path, depth: int) -> Path:
    config = small()
    for _ in range(depth):
        config = {"class_name": "Sequential", "config": {"name": "outer", "layers": [config]}}
    return write(path, config)


def other_weights(path: Path, **changed: Any) -> Path:
    arrays = {"dense/kernel:0": np.zeros((16, 3), np.float32), "dense/bias:0": np.zeros(3, np.float32), **changed}
    return write(path, weights={"flat": {}, "dense": arrays})


def swapped(path: Path) -> Path:
    """The two weights of a Normalization in the wrong order: their shapes alone would not tell."""
    arrays = {name: np.ones(1, np.float32) for name in ("n/variance:0", "n/mean:0")}
    config = small()
    config["config"]["layers"].insert(1, layer("Flatten", "again"))
    config["config"]["layers"][0] = layer("Normalization", "n", axis=-1, batch_input_shape=[None, 4, 4, 1])
    dense = {"dense/kernel:0": np.zeros((16, 3), np.float32), "dense/bias:0": np.zeros(3, np.float32)}
    return write(path, config, {"n": {**arrays, "n/count:0": np.array(1)}, "dense": dense})


TABLE: dict[str, tuple[Callable[[Path], Path], int, str]] = {
    # code, and what is no layer of Keras
    "Lambda with byte code": (lambda p: put(p, lambda_layer()), 2, r"layer crop \(Lambda\): carries code, which is not run"),
    "Lambda inside a model": (
        lambda p: put(p, {"class_name": "Sequential", "config": {"name": "inner", "layers": [lambda_layer()]}}),
        2, r"layer crop \(Lambda\)"),
    "Lambda inside a wrapper": (
        lambda p: put(p, layer("TimeDistributed", "each", layer=lambda_layer())), 2, r"layer crop \(Lambda\)"),
    "custom class": (lambda p: put(p, layer("MyLayer", "mine")), 2, r"layer mine \(MyLayer\): is no layer .* --import MODULE"),
    "custom class under a known name": (
        lambda p: put(p, {**layer("Dense", "mine", units=3), "registered_name": "Custom>Dense"}), 2, r"mine \(Dense\): is no"),
    "class of a module of its own": (
        lambda p: put(p, {**layer("Dense", "mine", units=3), "module": "os"}), 2, r"layer mine \(Dense\): is no layer"),
    "subclassed model": (lambda p: write(p, layer("MyModel", "mine")), 2, r"layer mine \(MyModel\): is no layer"),
    "TFOpLambda": (lambda p: put(p, layer("TFOpLambda", "tf.math.add", function="math.add")), 2, r"operation of TensorFlow"),
    "activation by another name": (lambda p: setting(p, activation="os.system"), 2, r"dense \(Dense\): activation 'os.system'"),
    "activation that is an object": (
        lambda p: setting(p, activation={"class_name": "function", "module": "os", "config": "system"}), 2, r"activation \{"),
    "unknown setting": (lambda p: setting(p, secret=1), 2, r"layer dense \(Dense\): its setting 'secret' is unknown"),
    "channels first": (lambda p: flat(p, data_format="channels_first"), 2, r"data_format 'channels_first' is not supported"),
    "hard_sigmoid of Keras 2": (lambda p: setting(p, activation="hard_sigmoid"), 2, r"another function in Keras 3"),
    "trained on Theano": (lambda p: attributes(p, "backend", "theano"), 2, r"was trained on Theano"),
    "weights only": (weights_only, 2, r"holds weights only, not the layers"),
    # what leads out of the file
    "external link": (lambda p: linked(p, h5py.ExternalLink("/etc/passwd", "/x")), 6, r"found a link to another file"),
    "external link for all weights": (outer_group, 6, r"model_weights: expected its numbers in the file, found a link"),
    "soft link": (lambda p: linked(p, h5py.SoftLink("/model_weights/dense/dense/bias:0")), 6, r"found a soft link"),
    "virtual data set": (virtual, 6, r"found a virtual data set"),
    "external storage": (outside, 6, r"found external storage"),
    "path that climbs": (lambda p: names(p, "../../x", "dense/bias:0"), 6, r"weight \.\./\.\./x: expected names parted by"),
    # what is larger than it looks
    "100,000 brackets": (lambda p: write(p, "[" * 100_000 + "]" * 100_000), 6, r"at most 100 brackets in each other, found more"),
    "500 brackets": (lambda p: write(p, "[" * 500 + "]" * 500), 6, r"at most 100 brackets in each other, found more"),
    "configuration of 9 MB": (lambda p: write(p, '"' + "x" * (9 << 20) + '"'), 6, r"expected at most 8,388,608 bytes"),
    "3,000 layers": (lambda p: put(p, *[layer("Flatten", f"f{i}") for i in range(3000)]), 6, r"at most 2,000 layers"),
    "20 models in each other": (lambda p: nested(p, 20), 6, r"8 models in each other, found more"),
    "array that claims 1 TB": (
        lambda p: array(p, shape=(1 << 20, 1 << 18), dtype=np.float32, chunks=(256, 256)), 6, r"at most 600,000,000 bytes"),
    "array that was never written": (
        lambda p: array(p, shape=(16, 3), dtype=np.float32, chunks=(16, 3)), 6, r"claims 192 bytes and holds 0"),
    "chunk larger than its array": (
        lambda p: array(p, shape=(16, 3), maxshape=(None, 3), dtype=np.float32, chunks=(1 << 28, 3)), 6, r"at most 600,000,000"),
    "gzip bomb": (
        lambda p: array(p, data=np.zeros((20, 1 << 20), np.float32), chunks=(1, 1 << 20), compression="gzip"),
        6, r"claims 83,886,080 bytes and holds 8\d,\d\d\d: expected about as many"),
    "gzip bomb in a chunk of 192 bytes": (bomb_in_a_chunk, 6, r"claims 192 bytes and holds 5\d,\d\d\d"),
    "gzip twice": (lambda p: kernel(p, gzip_twice), 6, r"found filters \[1, 1\]"),
    "filter that is a plugin": (
        lambda p: array(p, data=np.zeros((16, 3), np.float32), chunks=(16, 3), compression="lzf"), 6, r"found filters \[32000\]"),
    "Dense of 10¹² units": (lambda p: setting(p, units=10**12), 2, r"units: expected numbers up to 10,000,000"),
    # what is no model
    "object dtype (lists)": (lists, 6, r"expected numbers, found object"),
    "object dtype (references)": (references, 6, r"expected numbers, found object"),
    "compound dtype": (compound, 6, r"expected numbers, found \[\('a'"),
    "strings": (lambda p: array(p, data=np.full((16, 3), b"1")), 6, r"expected numbers, found \|S1"),
    "group for a weight": (lambda p: kernel(p, lambda file: file.create_group(KERNEL)), 6, r"expected an array, found a group"),
    "weights of another shape": (
        lambda p: other_weights(p, **{"dense/kernel:0": np.zeros((16, 4), np.float32)}),
        6, r"layer dense \(Dense\): dense/kernel:0: expected shape \(16, 3\), found \(16, 4\)"),
    "weights that are NaN": (
        lambda p: other_weights(p, **{"dense/bias:0": np.full(3, np.nan, np.float32)}), 6, r"found NaN or infinity"),
    "weights beyond float32": (lambda p: other_weights(p, **{"dense/bias:0": np.full(3, 1e300)}), 6, r"found NaN or infinity"),
    "weights in another order": (swapped, 6, r"layer n \(Normalization\): expected mean, found n/variance:0 in its place"),
    "too few weights": (lambda p: names(p, "dense/kernel:0"), 6, r"layer dense \(Dense\): expected 2 weights, found 1"),
    "a weight that is missing": (lambda p: names(p, "dense/kernel:0", "dense/b:0"), 6, r"weight dense/b:0: missing in the file"),
    "weights of no layer": (
        lambda p: write(p, graph(layer("Flatten", "flat"))), 6, r"layer dense: has weights in the file, but is none"),
    "NaN for a size": (lambda p: flat(p, batch_input_shape=[None, float("nan"), 4, 1]), 6, r"expected numbers, found NaN"),
    "size below 0": (lambda p: flat(p, batch_input_shape=[None, -4, 4, 1]), 6, r"layer flat: expected a shape of an input"),
    "Dense of -3 units": (lambda p: setting(p, units=-3), 2, r"layer dense \(Dense\): Keras 3 cannot build it"),
    "input of no shape": (lambda p: flat(p, batch_input_shape=None), 2, r"does not say which input the model takes"),
    "layers that take each other": (
        lambda p: write(p, graph(
            {**layer("Flatten", "a"), "inbound_nodes": [[["b", 0, 0, {}]]]},
            {**layer("Flatten", "b"), "inbound_nodes": [[["a", 0, 0, {}]]]})), 6, r"takes what no layer gives"),
    "layers of one name": (lambda p: put(p, layer("Dense", "dense", units=3)), 6, r"expected layers of different names"),
    "configuration that is no JSON": (lambda p: write(p, "{"), 6, r"model_config: expected JSON"),
    "configuration that is a list": (lambda p: write(p, "[]"), 6, r"model_config: expected an object"),
    "configuration that is a number": (lambda p: attributes(p, "model_config", 7), 6, r"model_config: expected a text"),
    "classes that are numbers": (
        lambda p: write(p, json.dumps({"class_name": 7, "config": {}})), 6, r"model_config: expected class_name"),
    "truncated": (cut, 6, r"expected an HDF5 file, found a truncated or damaged one"),
    "not HDF5": (lambda p: content(p, b"PK\x03\x04" + bytes(100)), 6, r"expected an HDF5 file, found another format"),
    "empty": (lambda p: content(p, b""), 6, r"expected an HDF5 file, found another format"),
}  # fmt: skip


BUILT = {
    "weights of another shape", "weights in another order", "too few weights", "weights of no layer", "Dense of -3 units",
    "input of no shape", "layers that take each other",
}  # fmt: skip


def gzip_twice(file: h5py.File) -> None:
    """A ratio of a million instead of a thousand."""
    space = h5py.h5s.create_simple((16, 3))
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((16, 3))
    for _ in range(2):
        settings.set_deflate(9)
    data = h5py.h5d.create(file["model_weights/dense/dense"].id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, settings)
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((16, 3), np.float32))


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that foreign code would write."""
    monkeypatch.setenv(MARK, str(tmp_path / "run"))
    return tmp_path / "run"


def rows() -> list[Any]:
    """The names of the table; those are slow that are refused only when Keras builds the model."""
    return [pytest.param(name, marks=pytest.mark.slow if name in BUILT else ()) for name in TABLE]


@pytest.mark.parametrize("name", rows())
@pytest.mark.target("T6")
def test_hostile_files_are_one_line(name: str, tmp_path: Path, mark: Path) -> None:
    make, code, message = TABLE[name]
    file = make(tmp_path / "hostile.h5")
    with pytest.raises(EdgeproofError, match=message) as caught:
        guarded(file.read_bytes(), tmp_path)
    line = str(caught.value)
    print(f"\n{name} | {caught.value.exit_code} | {line}", end="")
    assert caught.value.exit_code == code
    assert "\n" not in line
    assert len(line) < 400
    assert not mark.exists()
    assert not (tmp_path / "model.keras").exists()


def test_the_code_in_the_lambda_layer_would_have_run(mark: Path) -> None:
    """What a loader that trusts the file does with it."""
    function = types.FunctionType(marshal.loads(base64.b64decode(with_code())), vars(builtins))
    assert function("x") == "x"
    assert mark.read_text() == "run"
