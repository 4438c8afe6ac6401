"""The rankings in the user's cache, `tuned/<fingerprint>.json`.

An entry may only order what the bundle ranks. One that is damaged, or says anything else, is passed over with a reason, for a
cache must not keep anybody from reading.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from edgeproof import user_cache
from edgeproof.bundle import Bundle
from edgeproof.errors import EdgeproofError, IntegrityError, UnavailableError
from edgeproof.manifest import Manifest, Name, Sentence
from edgeproof.support import tables
from edgeproof.support.command import MOST_THREADS
from edgeproof.support.tables import Range
from edgeproof.tuned.fingerprint import Fingerprint, fingerprint_of

SCHEMA: Literal[1] = 1
REMEDY = "edgeproof tune --forget removes it, edgeproof tune measures anew"


@dataclass(frozen=True)
class Ranked:
    """An artifact on a backend. threads: with which it is fastest, none more than needed. p50_us: of the measured call,
    microseconds, for orientation only."""

    artifact: Name
    backend: Name
    threads: Annotated[int, Range(1, MOST_THREADS)]
    p50_us: Annotated[float, Range(0, 1e9)]


@dataclass(frozen=True)
class Tuned:
    """What `edgeproof tune` found. time: when, ISO 8601, UTC. reason: for the first of the ranking, which is best first."""

    schema: Literal[1]
    time: Name
    fingerprint: Fingerprint
    reason: Sentence
    ranking: tuple[Ranked, ...]

    @property
    def threads(self) -> dict[tuple[str, str], int]:
        """How many for each (artifact, backend), best first."""
        return {(row.artifact, row.backend): row.threads for row in self.ranking}

    @property
    def choice(self) -> str:
        """The first of the ranking, in words."""
        return described(*next(iter(self.threads.items())))


def described(pair: tuple[str, str], threads: int) -> str:
    """An artifact, a backend and threads, in words."""
    return f"{pair[0]} on {pair[1]}, {threads} thread{'s' if threads > 1 else ''}"


def read_tuned(bundle: Bundle) -> tuple[Tuned | None, str]:
    """What was measured on this machine for `bundle`, None where nothing was; and why an entry is passed over, or nothing."""
    folder = _folder()
    if folder is None or not user_cache.is_folder(folder):
        return None, ""
    path = folder
    try:
        fingerprint = fingerprint_of(bundle)
        path = _path(folder, fingerprint)
        if not os.path.lexists(path):
            return None, ""
        entry = user_cache.read(Tuned, path)
        tables.require(entry.fingerprint == fingerprint, "fingerprint", fingerprint.name, entry.fingerprint.name)
        _check(entry, bundle.manifest)
    except OSError as error:
        return None, f"{path}: {error.strerror}: passed over; {REMEDY}"
    except (IntegrityError, ValueError):  # whose messages are about bundles
        return None, f"{path}: damaged, or not what edgeproof tune wrote: passed over; {REMEDY}"
    return entry, ""


def others(bundle: Bundle) -> list[Tuned]:
    """What was measured for `bundle` on another machine, or with other versions, the newest first."""
    mine, here = [], fingerprint_of(bundle)
    for path in _entries():
        try:
            entry = user_cache.read(Tuned, path)
        except (IntegrityError, OSError):
            continue
        if entry.fingerprint.manifest_sha256 == here.manifest_sha256 and entry.fingerprint != here:
            mine.append(entry)
    return sorted(mine, key=lambda entry: entry.time, reverse=True)


def told(bundle: Bundle) -> str:
    """What is chosen on this machine, in a line. Raises UnavailableError, which says why nothing measured here is used."""
    entry, ignored = read_tuned(bundle)
    if entry:
        return f"{bundle.manifest.name}: {entry.choice}, measured here at {entry.time}"
    if ignored:
        raise UnavailableError(ignored)
    stale = others(bundle)
    if stale:
        differs = stale[0].fingerprint.differences(fingerprint_of(bundle))
        raise UnavailableError(f"{bundle.manifest.name}: what was measured at {stale[0].time} does not hold: {differs}")
    raise UnavailableError(f"{bundle.manifest.name}: not measured here, the bundle's own ranking is followed")


def check_writable() -> None:
    """Before seconds of measuring. Raises EdgeproofError without a home, or when nothing can be kept there."""
    folder = _existing(_required())
    if not user_cache.is_folder(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "it cannot be written to")


def keep(entry: Tuned) -> Path:
    """Write `entry` into the cache, whole or not at all. Raises EdgeproofError when it cannot be kept there."""
    path = _path(_required(), entry.fingerprint)
    try:
        user_cache.write(path, entry)
    except OSError as error:
        raise _unwritable(path, str(error.strerror)) from None
    return path


def forget(bundle: Bundle) -> list[Path]:
    """Remove all that was measured for `bundle`, and what of its entry is damaged. Returns what was removed.

    Raises EdgeproofError, at the end, for what cannot be removed.
    """
    here = fingerprint_of(bundle)
    gone, stuck = [], []
    for path in _entries():
        try:
            of_this = user_cache.read(Tuned, path).fingerprint.manifest_sha256 == here.manifest_sha256
        except (IntegrityError, OSError):
            of_this = path.stem == here.name
        if not of_this:
            continue
        try:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            gone.append(path)
        except OSError as error:
            stuck.append(f"{path} ({error.strerror})")
    if stuck:
        raise EdgeproofError(f"expected to remove {', '.join(stuck)}, could not: delete by hand")
    return gone


def _folder() -> Path | None:
    """None where the user has no home."""
    return user_cache.folder_of("tuned")


def _required() -> Path:
    folder = _folder()
    if folder is None:
        raise EdgeproofError(
            "the cache: expected a home folder, found none: set XDG_CACHE_HOME to a folder of your own"
        )
    return folder


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest of the folders above it that is there."""
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path))


def _unwritable(path: Path, why: str) -> EdgeproofError:
    return EdgeproofError(f"{path}: {why}: set XDG_CACHE_HOME to a folder of your own, or change the owner of this one")


def _path(folder: Path, fingerprint: Fingerprint) -> Path:
    return folder / f"{fingerprint.name}.json"


def _entries() -> list[Path]:
    folder = _folder()
    return sorted(folder.glob("*.json")) if folder and user_cache.is_folder(folder) else []


def _check(entry: Tuned, manifest: Manifest) -> None:
    """Raises ValueError unless it orders what the bundle ranks, which passed its proof, and nothing else."""
    proven = {(choice.artifact, choice.backend) for choice in manifest.ranking}
    tables.require(len(entry.ranking) > 0, "ranking", "one row or more", 0)
    for row in entry.ranking:
        pair = (row.artifact, row.backend)
        tables.require(pair in proven, "ranking", "what the bundle ranks", f"{row.artifact} on {row.backend}")
