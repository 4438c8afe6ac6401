"""What a wheel was built from and by what: an in-toto statement with SLSA's predicate. Unsigned, it tells and does not prove."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from supply import materials

TOOLS = ("setuptools", "wheel", "cyclonedx-python-lib")
LOCKS = ("build.txt", *materials.LOCKS.values())
_GIT_S = 60


def statement(project: Path, wheel: Path, epoch: int) -> str:
    """The statement as JSON. project: where it is built. wheel: unpacked, its files as setuptools made them. epoch: of
    SOURCE_DATE_EPOCH.

    The subjects are the files in the wheel, for no file can hold the hash of what it is packed into.
    """
    locks = [project / "requirements" / name for name in LOCKS]
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_hashed(file, wheel) for file in _files(wheel)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:edgeproof:make-wheel:1",
                "externalParameters": {"target": "wheel"},
                "internalParameters": {"SOURCE_DATE_EPOCH": epoch},
                "resolvedDependencies": [_source(project), *(_hashed(lock, project) for lock in locks)],
            },
            "runDetails": {"builder": {"id": "urn:edgeproof:make", "version": _builder()}},
        },
    }
    return json.dumps(said, indent=1) + "\n"


def _files(wheel: Path) -> Iterable[Path]:
    return (file for file in sorted(wheel.rglob("*")) if file.is_file() and file.name != "RECORD")


def _hashed(file: Path, base: Path) -> dict[str, Any]:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": file.relative_to(base).as_posix(), "digest": {"sha256": digest}}


def _builder() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in TOOLS}


def _source(project: Path) -> dict[str, Any]:
    """The commit, and whether files differ from it; or that there is none."""
    top = _git(project, "rev-parse", "--show-toplevel")
    commit, changed = _git(project, "rev-parse", "HEAD"), _git(project, "status", "--porcelain")
    if top is None or commit is None or changed is None or Path(top).resolve() != project.resolve():
        return {"name": "source", "annotations": {"commit": "not a git checkout"}}
    return {"name": "source", "digest": {"gitCommit": commit}, "annotations": {"modified": bool(changed)}}


def _git(project: Path, *words: str) -> str | None:
    try:
        asked = subprocess.run(
            ["git", "-C", project, *words], capture_output=True, text=True, timeout=_GIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # no git here, or none that answers
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
