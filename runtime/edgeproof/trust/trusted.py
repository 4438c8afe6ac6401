"""Which keys are trusted: those that a call names, or else those that were installed on this machine.

    /etc/edgeproof/trusted/*.pub                 for everybody
    $XDG_CONFIG_HOME/edgeproof/trusted/*.pub     for this user; ~/.config without that variable

Where neither folder holds a key, every bundle that is whole is taken. What is in such a folder and is no key that can be read is
an error: a damaged file must not open the device.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeproof.errors import IntegrityError
from edgeproof.trust.keys import PublicKey, read_public

SYSTEM = Path("/etc/edgeproof/trusted")
SUFFIX = ".pub"


@dataclass(frozen=True)
class Trust:
    """Whose bundles are taken. keys: theirs; none: everybody's. named: whether a call named them, and not this machine: then the
    bundle that edgeproof carries has to be signed too, which else is taken as the code is that it came with."""

    keys: tuple[PublicKey, ...] = ()
    named: bool = False


EVERYBODY = Trust()


def trust_of(named: Sequence[Path] | None) -> Trust:
    """The keys in the files that a call names, and these alone; without any, those that are installed. Raises IntegrityError for
    a file that holds none, UnavailableError without the package cryptography."""
    return Trust(tuple(map(read_public, named)), named=True) if named else installed()


def installed() -> Trust:
    """The keys of this machine and this user. Raises IntegrityError for what is none, UnavailableError where there are keys and
    the package cryptography is not."""
    return Trust(tuple(read_public(file) for folder in folders() for file in _files(folder)))


def told() -> str:
    """What is trusted here, for the doctor. Raises what `installed` does."""
    keys = installed().keys
    return ", ".join(map(str, keys)) or "no key is installed: every bundle that is whole is taken"


def folders() -> list[Path]:
    """Where keys are installed: the machine's folder, and the user's where this process may enter the user's settings."""
    stated = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        settings = Path(stated) if Path(stated).is_absolute() else Path.home() / ".config"
        settings.stat()
    except (PermissionError, RuntimeError):  # a service, which has no home, or may not enter it
        return [SYSTEM]
    except OSError:
        pass  # what is wrong with it is said when the folder is read
    return [SYSTEM, settings / "edgeproof" / "trusted"]


def _files(folder: Path) -> list[Path]:
    """All files that are to be keys. Raises IntegrityError for a folder that cannot be read, and for another kind of name."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        if any(path.is_symlink() for path in (folder, folder.parent)):
            raise IntegrityError(f"{folder}: expected a folder of keys, found a link to nothing: remove it") from None
        return []
    except OSError as error:
        raise IntegrityError(
            f"{folder}: expected a folder of keys that can be read, found: {error.strerror}: give the right to read it, or "
            "remove it"
        ) from None
    for file in found:
        if file.suffix != SUFFIX:
            raise IntegrityError(
                f"{file}: expected nothing but public keys ({SUFFIX}) here: rename it, or move it away"
            )
    return found
