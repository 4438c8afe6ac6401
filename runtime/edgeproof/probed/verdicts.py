"""What is concluded of a model file on a backend, and kept in the user's cache, `probed/<name>.json`, for this very machine.

An entry that is damaged, too large or about something else counts as none: the model is tried again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from edgeproof import user_cache
from edgeproof.backends import BACKENDS
from edgeproof.errors import IntegrityError
from edgeproof.manifest import Name, Sentence, Sha256
from edgeproof.support import machine
from edgeproof.support.terminal import printable

SCHEMA: Literal[1] = 1  # counted up too when more is tried, or other limits hold


@dataclass(frozen=True)
class Outcome:
    """kind: "harmless"; "refused", by the runtime with an error of its own; "harmful", what it did instead; "untried", which says
    nothing of the model. reason: in words; of "harmful" it completes "found one that …".
    lasting: whether it would be so again: false where the moment may have been to blame. seen: when, ISO 8601; empty: just now.
    """

    kind: Literal["harmless", "refused", "harmful", "untried"]
    reason: str = ""
    lasting: bool = True
    seen: str = ""


@dataclass(frozen=True)
class Subject:
    """All on which a verdict hangs.

    model_sha256: of the model file. versions: of edgeproof and of the backend's packages, by the package's name.
    cpu, architecture, isa: as in `edgeproof.support.machine.Processor`.
    """

    model_sha256: Sha256
    backend: Name
    device: Name
    versions: dict[str, str]
    cpu: str
    architecture: str
    isa: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """kind, reason: as in `Outcome`. time: when, ISO 8601, UTC."""

    schema: Literal[1]
    time: Name
    subject: Subject
    kind: Literal["harmless", "harmful"]
    reason: Sentence


def subject_of(model_sha256: str, backend: str, device: str) -> Subject:
    """Of this machine."""
    processor = machine.processor()
    return Subject(
        model_sha256, backend, device, machine.versions_of(("edgeproof", *BACKENDS[backend].packages)),
        processor.cpu, processor.architecture, processor.isa,
    )  # fmt: skip


def path_of(subject: Subject) -> Path | None:
    """Where its verdict is kept; None where the user has no home."""
    folder = user_cache.folder_of("probed")
    return folder / f"{user_cache.name_of(subject)}.json" if folder else None


def read(subject: Subject) -> Outcome | None:
    """What is kept, None where nothing is."""
    path = path_of(subject)
    try:
        entry = user_cache.read(Verdict, path) if path else None
    except (IntegrityError, OSError):
        return None
    return Outcome(entry.kind, entry.reason, seen=entry.time) if entry and entry.subject == subject else None


def keep(subject: Subject, outcome: Outcome) -> None:
    """For the next start, if it lasts and can be written; else the model will be tried again."""
    match path_of(subject), outcome.kind:
        case Path() as path, ("harmless" | "harmful") as kind if outcome.lasting:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            with contextlib.suppress(OSError):
                user_cache.write(path, Verdict(SCHEMA, when, subject, kind, printable(outcome.reason)))
