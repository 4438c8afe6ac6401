"""What is kept of a deployment here, and how several are told: a folder for each, a table for all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgeproof.support import files

OK, THERE, FAILED = "deployed", "was there", "failed"


@dataclass(frozen=True)
class Outcome:
    """host: as it was named. result: one of `OK`, `THERE` (nothing was copied), `FAILED`. release: its name; empty where it did
    not come to one. copied: bytes of wheels and bundle. seconds: all of it. checks: exit code of each that ran there, by name.
    reason: of a failure, one line. code: exit code of the whole."""

    host: str
    result: str
    release: str = ""
    copied: int = 0
    seconds: float = 0.0
    checks: Mapping[str, int] | None = None
    reason: str = ""
    code: int = 0


def folder_for(out: Path, name: str) -> Path:
    """A new folder HOST-TIME in `out`; the time is UTC."""
    base = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    for number in range(1, 1000):
        folder = out / (base if number == 1 else f"{base}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # the second within a second
            continue
        return folder
    raise FileExistsError(f"{out / base}: taken")


def keep(folder: Path, name: str, text: str) -> None:
    """A report that a host gave."""
    files.write_atomic(folder / name, text.encode())


def keep_outcome(folder: Path, outcome: Outcome) -> None:
    """As deployment.json, which begins as the record that the host has."""
    keep(folder, "deployment.json", json.dumps(asdict(outcome), indent=1, ensure_ascii=False) + "\n")


def table(outcomes: Sequence[Outcome]) -> str:
    """One line a host, in the order in which they were deployed to."""
    width = max(len("host"), *(len(outcome.host) for outcome in outcomes))
    lines = [f"{'host':<{width}}  {'result':<9}  {'release':<20}  {'MB copied':>9}  {'s':>5}"]
    for one in outcomes:
        release = one.release or "-"
        lines.append(
            f"{one.host:<{width}}  {one.result:<9}  {release:<20}  {one.copied / 1e6:>9.1f}  {one.seconds:>5.0f}"
            + (f"  exit code {one.code}" if one.code else "")
        )
    return "\n".join(lines)
