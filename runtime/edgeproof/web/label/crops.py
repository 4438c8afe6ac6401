"""The crops of a folder that wait for a label, and those that got one: a file is at no moment absent from both places."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeproof.errors import IntegrityError, SourceError
from edgeproof.output.files.places import Folder, Inputs
from edgeproof.support import files
from edgeproof.support.terminal import printable
from edgeproof.web.label.choices import Choice

SUFFIX = ".png"
MOST_BYTES = 16 * 2**20  # of a crop that is shown; one of `read` has some kB
UNKNOWN = "unknown"  # the guess in the name of a crop of which nothing was guessed
MOST_LISTED = 1000  # at a time: what `read` keeps in a folder
#: As `SavedUncertain` names them, a number behind it where the name was taken: guess and score in percent.
_NAME = re.compile(r".+-\d{6,}-\d{3,}-([^-]+)-(\d{2})(?:-\d+)?\.png", re.DOTALL)


class TakenError(SourceError):
    """Somebody else was quicker."""


class GoneError(SourceError):
    """It is not, or no longer, there."""


@dataclass(frozen=True)
class Waiting:
    """id: what a page calls it, of no meaning elsewhere. name: its file's, as it may be shown. guess: the reader's, "" where
    the name tells none. percent: 0..99, the guess's score; 0 where there is none.
    """

    id: str
    name: str
    guess: str
    percent: int


@dataclass(frozen=True)
class _Labelled:
    path: Path
    name: str  # that it had when it waited
    label: int


class Crops:
    """Not to be shared by threads. Other processes may add, label and remove crops meanwhile."""

    def __init__(self, folder: Path, out: Path, choices: Sequence[Choice]) -> None:
        """folder: of the crops. out: of the folders, one per class, for the labelled ones; made with the first.

        Raises SourceError when `folder` is none, OSError when it cannot be read.
        """
        if not folder.is_dir():
            raise SourceError(
                f"{folder}: expected a folder with crops, found none: edgeproof read SOURCE --save-uncertain DIR makes one"
            )
        self.folder, self.out, self.choices = folder, out, tuple(choices)
        self._waiting: dict[str, str] = {}  # by id, names of files
        self._labelled: dict[str, _Labelled] = {}  # by id, in the order in which they were
        self._short = _shortened(self.choices)
        self.counts = [0] * len(self.choices)  # files in the folder of each class
        self.look()

    def look(self) -> None:
        """See what has come and gone. Raises OSError when the folder cannot be read."""
        with os.scandir(self.folder) as entries:
            there = sorted(entry.name for entry in entries if _is_crop(entry))
        known = {name: id for id, name in self._waiting.items()}
        # Ids that cannot be guessed, and are others after a restart: a page left open must not label what it does not show.
        self._waiting = {known.get(name) or secrets.token_urlsafe(9): name for name in there}
        self.counts = [_files_in(self.out / choice.name) for choice in self.choices]

    @property
    def left(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def now(self) -> Counter[str]:
        """How many were labelled by this object, by class."""
        return Counter(self.choices[crop.label].name for crop in self._labelled.values())

    @property
    def last(self) -> str | None:
        """The id of the one that was labelled last."""
        return next(reversed(self._labelled), None)

    def waiting(self) -> list[Waiting]:
        """The first `MOST_LISTED`, in the order of their names."""
        return [self._described(id) for id in list(self._waiting)[:MOST_LISTED]]

    def picture(self, id: str) -> bytes:
        """A crop's file. Raises GoneError."""
        try:
            return files.read_bounded(self.folder / self._name(id), MOST_BYTES)
        except IntegrityError:  # no file any more, or by now a link to another one
            raise _gone() from None

    def label(self, id: str, label: int) -> None:
        """Move a crop into the folder of a class, under a name of its own. label: index of the choice.

        Raises TakenError when it was labelled already, GoneError when there is no such crop, OSError when it could not be
        moved: then it is where it was.
        """
        name = self._name(id)
        folder = self.out / self.choices[label].name
        try:
            path = _moved(self.folder / name, folder)
        except (GoneError, OSError) as error:
            _remove_if_empty(folder)
            if isinstance(error, GoneError):
                del self._waiting[id]
            raise
        del self._waiting[id]
        self._labelled[id] = _Labelled(path, name, label)
        self.counts[label] += 1

    def undo(self, id: str) -> Waiting:
        """Move a labelled crop back. Raises GoneError when it was not labelled here or is gone, OSError as `label` does."""
        labelled = self._labelled.get(id)
        if labelled is None:
            raise GoneError("expected a crop that was labelled, found none: nothing was changed")
        try:
            path = _moved(labelled.path, self.folder, labelled.name)
        except GoneError:
            del self._labelled[id]
            raise
        del self._labelled[id]
        self.counts[labelled.label] -= 1
        self._waiting = {id: path.name} | self._waiting
        _remove_if_empty(labelled.path.parent)
        return self._described(id)

    def _name(self, id: str) -> str:
        """Of its file, which waits. Raises TakenError and GoneError."""
        if labelled := self._labelled.get(id):
            raise TakenError(f"this crop was labelled {self.choices[labelled.label].name} already")
        if id not in self._waiting:
            raise _gone()
        return self._waiting[id]

    def _described(self, id: str) -> Waiting:
        name = self._waiting[id]
        found = _NAME.fullmatch(name)
        guess, percent = (found[1], int(found[2])) if found and found[1] != UNKNOWN else ("", 0)
        return Waiting(id, printable(name), printable(self._short.get(guess, guess)), percent)


def _shortened(choices: Sequence[Choice]) -> dict[str, str]:
    """The class that each guess in a name stands for, which has only the first letters of it; of two that begin alike, none."""
    short = {choice.name: "".join(c for c in choice.name if c.isalnum())[:8] for choice in choices}
    often = Counter(short.values())
    return {brief: name for name, brief in short.items() if often[brief] == 1}


def _is_crop(entry: os.DirEntry[str]) -> bool:
    """A picture itself: no link, which may lead anywhere."""
    hidden = entry.name.startswith(".")
    return not hidden and entry.name.lower().endswith(SUFFIX) and entry.is_file(follow_symlinks=False)


def _files_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.is_file() and not entry.name.startswith(".") for entry in entries)
    except OSError:  # none was labelled so yet
        return 0


def _remove_if_empty(folder: Path) -> None:
    """Of a class: training refuses an empty one."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _gone() -> GoneError:
    return GoneError("this crop is gone: it was labelled elsewhere or removed")


def _moved(source: Path, target: Path, name: str | None = None) -> Path:
    """`source` in the folder `target`, under its name or `name`, with a number where that is taken.

    Of two who move one file, one gets it. Raises GoneError when it is not there, OSError when it could not be moved.
    """
    name = name or source.name
    stem, suffix = name[: -len(SUFFIX)], name[-len(SUFFIX) :]
    folder = Folder(target, Inputs({}), overwrite=False)
    try:
        try:
            path = folder.link(source, stem, suffix)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or one that has no hard links
            path = folder.write(stem, suffix, files.read_bounded(source, MOST_BYTES))
    except (FileNotFoundError, IntegrityError):
        raise _gone() from None
    try:
        source.unlink()
    except OSError as error:  # mostly since another was quicker
        path.unlink(missing_ok=True)
        if isinstance(error, FileNotFoundError):
            raise _gone() from None
        raise
    return path
