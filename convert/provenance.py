"""Where a bundle comes from, and which of its files are still good: what is made of the same need not be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from convert.export.variants import Variant
from convert.run_folder import Run
from edgeproof.backends import BACKENDS, OWN
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.errors import EdgeproofError
from edgeproof.scorer import Scorer
from edgeproof.support import files
from edgeproof.support.machine import environment
from edgeproof.support.npz import npz_bytes
from edgeproof.support.tables import to_table

#: All code that an exported file depends on: `convert.export` says what it may import.
EXPORTERS = Path(__file__).parent / "export"
#: What decides a file's content: the converters, and the runtimes that calibrate.
_RUNTIMES = [package for name in sorted(OWN.values()) for package in BACKENDS[name].packages]
_LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", *_RUNTIMES, "numpy")
#: What of run.json goes into the manifest, where it is there.
_PROVENANCE = ("recipe_sha256", "seed", "data", "metrics", "parameters", "versions", "git_commit")


def export_key(variant: Variant, run: Run) -> str:
    """Everything that an exported file depends on: model, calibration images, exporter, libraries, instruction set."""
    calibration = npz_bytes({"images": run.calibration.images, "labels": run.calibration.labels})
    made_of = {
        "variant": [variant.name, variant.export.__module__, variant.export.__qualname__, variant.settings],
        "model": files.sha256(run.model),
        "calibration": files.sha256(calibration),
        "exporters": {file.name: files.sha256(file) for file in sorted(EXPORTERS.glob("*.py"))},
        "libraries": _installed(),
        "isa": list(environment().isa),
    }
    return files.sha256(json.dumps(made_of, sort_keys=True).encode())


def earlier_exports(target: Path) -> dict[str, bytes]:
    """The usable files of the bundle that stands at `target`, by their key; none where it does not verify."""
    old = _earlier(target)
    keys = (old.manifest.source or {}).get("exports") if old else None
    if old is None or not isinstance(keys, Mapping):
        return {}
    return {str(keys[row.name]): old.content(row) for row in old.manifest.usable if row.name in keys}


def earlier_scorer(target: Path, models: Mapping[str, bytes]) -> Scorer | None:
    """The page scorer of the bundle that stands at `target`, if it was fitted on the answers of one of `models`."""
    old = _earlier(target)
    if old is None or old.scorer is None:
        return None
    return old.scorer if old.scorer.artifact in map(files.sha256, models.values()) else None


def _earlier(target: Path) -> Bundle | None:
    """The bundle that stands at `target`; none where it does not verify."""
    try:
        return load_bundle(target) if target.is_dir() else None
    except EdgeproofError:
        return None


def provenance(run: Run, variants: Sequence[Variant]) -> dict[str, Any]:
    """What the manifest says of where a bundle comes from. `variants`: those whose file was executed."""
    return {
        "run": run.record.name,
        **{key: run.table[key] for key in _PROVENANCE if key in run.table},
        "model_sha256": run.model_sha256,
        "keras": {"correct": run.test.correct, "images": len(run.test.labels)},
        "gate": to_table(run.options.gate),
        "converted_with": _installed(),
        "exports": {variant.name: export_key(variant, run) for variant in variants},
    }


def _installed() -> dict[str, str]:
    return {name: version for name in _LIBRARIES if (version := _version(name))}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
