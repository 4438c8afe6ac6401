"""What a crop may be called, and by which key: the bundle's classes, and "reject" for what is none of them."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeproof.errors import UsageError
from edgeproof.output.files.places import safe_stem
from edgeproof.scores import REJECT

#: As browsers name them. Those of one letter give way to a class of that name.
REJECT_KEYS = ("x", "r", "Delete")
UNDO_KEYS = ("u", "Backspace")
SKIP_KEYS = (" ", "ArrowRight")
BACK_KEYS = ("ArrowLeft",)
_TYPED = string.digits + string.ascii_letters + string.punctuation
_FREE = "1234567890" + string.ascii_lowercase


@dataclass(frozen=True)
class Choice:
    """name: of the class, and of its folder. keys: each files a crop as this class; none where the keyboard has too few."""

    name: str
    keys: tuple[str, ...]


def choices_of(classes: Sequence[str]) -> tuple[Choice, ...]:
    """The classes in their order, "reject" last.

    A class that is one character is its own key; another gets a letter of its name, or the first key that is free. Raises
    UsageError for a class that cannot be a folder.
    """
    names = [name for name in classes if name != REJECT]
    for name in names:
        if safe_stem(name) != name or name.startswith((".", "__MACOSX")):  # training passes over such folders
            raise UsageError(
                f"expected classes that can be names of folders, found {name[:40]!r}: give another --bundle"
            )
    keys = {name: name for name in names if name in _TYPED and len(name) == 1}
    reject = _left(REJECT_KEYS, keys.values())
    taken = {*map(str.lower, keys.values()), *REJECT_KEYS, *UNDO_KEYS}
    for name in names:
        if name not in keys:
            wanted = [letter for letter in name.casefold() if letter in _FREE]
            keys[name] = next((key for key in (*wanted, *_FREE) if key not in taken), "")
            taken.add(keys[name])
    return (*(Choice(name, (keys[name],) if keys[name] else ()) for name in names), Choice(REJECT, reject))


def undo_keys(choices: Sequence[Choice]) -> tuple[str, ...]:
    """The keys of "undo" that are no class's."""
    return _left(UNDO_KEYS, (key for choice in choices for key in choice.keys))


def _left(keys: Sequence[str], taken: Iterable[str]) -> tuple[str, ...]:
    """Those of `keys` that are not taken, as a capital or a small letter: who types X for a class may leave Shift out."""
    small = {key.lower() for key in taken}
    return tuple(key for key in keys if key.lower() not in small)
