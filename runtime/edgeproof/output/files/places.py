"""Where goes what a run writes: never onto what the run reads, never onto what is there, each file whole or absent.

`Inputs` is what a run reads; `Folder` gives every picture, crop and video in a folder a name of its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeproof.bundle import default_bundle
from edgeproof.errors import UsageError
from edgeproof.sources.source import Source

STEM_BYTES = 200  # of the 255 that a name may have: the rest is for numbers and the suffix
TEMPORARY = ".writing-"  # how the name of a file begins that is not whole yet
ABANDONED_S = 3600  # such a file lives for milliseconds: an older one is of a run that was killed
_SEPARATORS = '/\\:*?"<>|'  # on a FAT memory card too

Identity = tuple[int, int]


@dataclass(frozen=True)
class Inputs:
    """What a run reads and therefore never writes. things: device and inode of each file, and what it is, for the error."""

    things: Mapping[Identity, str]

    def refuse(self, path: Path, flag: str) -> None:
        """Raises UsageError when `path` is one of them, by whatever name or link, or lies in the bundle."""
        for place in (path, *path.resolve().parents):
            if thing := self.things.get(_identity(place) or (0, 0)):
                where = f"found {path}, which {'is' if place == path else 'lies in'} {thing}"
                raise UsageError(f"{flag}: expected a place that nothing is read from, {where}: choose another")

    def hold(self, path: Path) -> bool:
        """Whether `path` is one of them."""
        return _identity(path) in self.things

    def and_also(self, path: Path, thing: str) -> Inputs:
        """These and one more."""
        return Inputs({**self.things, **_known([path], thing)})


def inputs_of(sources: Iterable[Source], bundle: Path | None) -> Inputs:
    """The files among `sources`, and the bundle: None is the one that edgeproof carries."""
    things: dict[Identity, str] = {}
    for source in sources:
        if source.kind in ("picture", "video", "replay"):
            things |= _known([Path(source.location)], f"the source {source.name}")
    folder = bundle or default_bundle()
    return Inputs(things | _known([folder, *folder.glob("*")], f"the bundle {folder.name}"))


def safe_stem(name: str) -> str:
    """`name` as the beginning of a file's name: nothing in it that a terminal or file system minds, `STEM_BYTES` at most."""
    safe = "".join(c if c.isprintable() and c not in _SEPARATORS else "_" for c in name)
    return safe.encode()[:STEM_BYTES].decode(errors="ignore") or "unnamed"


class Folder:
    """A folder that a run writes into.

    A name that is taken, by this run, an earlier one or another process, gets a number: n.png, n-2.png. With `overwrite`
    only names of this run and of `inputs` are taken, and what else has the name is replaced.
    """

    def __init__(self, path: Path, inputs: Inputs, *, overwrite: bool) -> None:
        path.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        self.path = path
        self._inputs, self._overwrite = inputs, overwrite
        there = [] if overwrite else os.listdir(path)  # noqa: PTH208 (names alone)
        self._begun = sorted(name.casefold() for name in there)  # some file systems take A and a for one
        self._written: set[str] = set()  # by this run, where it overwrites
        self._numbers: dict[tuple[str, str], int] = {}  # the next one to try, of names that got one

    def stem(self, stem: str) -> str:
        """`stem`, with a number where this run gave it before or something there begins with it: for files of one set."""
        return self._first(stem, "", self._begins).name

    def write(self, stem: str, suffix: str, content: bytes, *, lasting: bool = True) -> Path:
        """A new file, whole or absent, also when two processes ask for one name. Raises OSError that names it.

        lasting: also when the machine loses power in the next seconds, which on a memory card costs some 10 ms.
        """
        temporary = self.path / f"{TEMPORARY}{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            return self._first(stem, suffix, lambda path: self._appears(temporary, path))
        except OSError as error:
            error.filename, error.filename2 = str(self.path / f"{stem}{suffix}"), None
            raise
        finally:
            temporary.unlink(missing_ok=True)

    def link(self, source: Path, stem: str, suffix: str) -> Path:
        """A second name for the file `source`. Raises FileNotFoundError when it is gone, OSError on a disk without hard links."""
        return self._first(stem, suffix, lambda path: _linked(source, path))

    def create(self, stem: str, suffix: str) -> tuple[int, Path]:
        """A new, empty file: its descriptor, for reading and writing, and its path."""
        path = self._first(stem, suffix, self._created)
        return os.open(path, os.O_RDWR), path

    def _first(self, stem: str, suffix: str, take: Callable[[Path], bool]) -> Path:
        """The plain name, or the first with a number, that may be written and that `take` gets."""
        number = self._numbers.get((stem, suffix), 1)
        while True:
            path = self.path / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
            number += 1
            if self._may_be(path) and take(path):
                break
        if number > 2:
            self._numbers[stem, suffix] = number
        if self._overwrite:
            self._written.add(path.name.casefold())
        return path

    def _may_be(self, path: Path) -> bool:
        """Where nothing is overwritten, any: `take` finds out what is there."""
        return not self._overwrite or not (path.name.casefold() in self._written or self._inputs.hold(path))

    def _begins(self, path: Path) -> bool:
        begin = f"{path.name}-".casefold()
        place = bisect_left(self._begun, begin)
        if "".join(self._begun[place : place + 1]).startswith(begin):
            return False
        self._begun.insert(place, begin)
        return True

    def _appears(self, temporary: Path, path: Path) -> bool:
        """Give a whole file its name; false when that is taken."""
        if self._overwrite:
            temporary.replace(path)
            return True
        try:
            return _linked(temporary, path)
        except OSError:  # no hard links on a FAT memory card: take the name first
            if not self._created(path):
                return False
            temporary.replace(path)
        return True

    def _created(self, path: Path) -> bool:
        if self._overwrite:
            path.unlink(missing_ok=True)  # whoever has it open, or links to it, keeps the old one
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            return False
        return True


def _linked(source: Path, path: Path) -> bool:
    """Whether `path` was free to become a name of `source`."""
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for left in folder.glob(TEMPORARY + 16 * "[0-9a-f]"):
        with contextlib.suppress(OSError):  # another run may sweep too
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                left.unlink()


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except (OSError, ValueError):  # not there, or no name for a file at all
        return None
    return found.st_dev, found.st_ino


def _known(paths: Iterable[Path], thing: str) -> dict[Identity, str]:
    return {identity: thing for path in paths if (identity := _identity(path))}
