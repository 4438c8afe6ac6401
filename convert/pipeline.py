"""The whole job: a run folder in, a proven bundle out, or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.gate import check_calibration, judge
from convert.keras_model import keras_logits, load_model
from convert.proof import Proof, draft_bundle, glyph_crops, prove
from convert.rank import rank
from convert.report import HEADERS, html_report, table_rows, text_table
from convert.run_folder import Run
from convert.specs import read_specs
from convert.variants import VARIANTS, Variant, choose
from edgeproof.bundle import Artifact, Manifest, write_bundle
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.tables import to_table

NEARLY_FULL = 2**20  # bytes left on the disk of temporary files: converters write a few copies of the model there
_LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "onnxruntime-gpu", "ai-edge-litert", "numpy")
#: What of run.json goes into the manifest, where it is there.
_PROVENANCE = ("recipe_sha256", "seed", "data", "metrics", "parameters", "versions", "git_commit")


def convert_run(
    run: Run,
    target: Path,
    *,
    variants: tuple[Variant, ...] = VARIANTS,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Manifest:
    """Make, prove, rank and publish the artifacts of `run` as the bundle `target`; `say` is told of each as it is done.

    Raises GateError, and publishes nothing, when the calibration images are poisoned or no artifact passes; UsageError
    when `target` exists and `overwrite` is false.
    """
    if os.path.lexists(target) and not overwrite:  # before minutes of work, not after
        raise UsageError(f"{target} already exists: choose another --name or give --overwrite")
    chosen = choose(variants, run.options.convert.artifacts)
    model = load_model(run)
    check_calibration(run, keras_logits(model, run.calibration.images).argmax(axis=1))
    crops = glyph_crops(run)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows, proofs = [], {}
        for variant in chosen:
            start = time.perf_counter()
            row, proof = _make(variant, model, run, crops, folder)
            say(f"{row.status} {row.name}: {row.reason} ({time.perf_counter() - start:.1f} s)")
            rows.append(row)
            if proof:
                proofs[row.name] = proof
        usable = [row for row in rows if row.status == "✅"]
        if not usable:
            reasons = "; ".join(f"{row.name}: {row.reason}" for row in rows)
            raise GateError(f"no artifact of {run.record.name} may be used, nothing was published: {reasons}")
        golden = {row.name: proofs[row.name].golden for row in usable}
        draft = draft_bundle(run, folder, tuple(rows), golden, ())
        manifest = replace(draft.manifest, name=target.name, ranking=rank(draft, run.test.images), source=_source(run))
        say("\n" + text_table(HEADERS, table_rows(run, manifest, proofs)))
        models = {row.name: (folder / row.name).read_bytes() for row in usable}
        write_bundle(
            target, manifest, models, draft.golden, html_report(run, manifest, proofs), overwrite=overwrite
        )  # fmt: skip
    return manifest


def _make(
    variant: Variant, model: Any, run: Run, crops: NDArray[np.uint8] | None, folder: Path
) -> tuple[Artifact, Proof | None]:
    """The row of one variant, its file in `folder`, and its proof, if it got so far.

    A file that failed its proof (❎) is not named in the row, so that it never reaches a device.
    """
    row, proof = Artifact(variant.name, variant.format, variant.precision, "❌", ""), None
    try:
        content = variant.export(model, run.calibration.images)
    except OSError:  # the machine's fault (disk full), not the model's
        raise
    except Exception as error:  # converters raise whatever they like, also when they only lack a place to write
        if shutil.disk_usage(folder).free < NEARLY_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir()) from error
        return replace(row, reason=f"{type(error).__name__}: {_first_line(error)}"), None
    (folder / variant.name).write_bytes(content)
    row = replace(row, status="❎", file=variant.name, bytes=len(content))
    try:
        source, target = read_specs(content, variant.format)
        proof = prove(replace(row, input=source, output=target), folder, run, crops)
        row = proof.row
        reason = judge(proof, run.test.correct, run.options.gate)
    except (GateError, IntegrityError) as error:
        return replace(row, reason=str(error), file=None), proof
    return replace(row, status="✅", reason=reason), proof


def _source(run: Run) -> dict[str, Any]:
    installed = {name: version for name in _LIBRARIES if (version := _version(name))}
    return {
        "run": run.record.name,
        **{key: run.table[key] for key in _PROVENANCE if key in run.table},
        "keras": {"correct": run.test.correct, "images": len(run.test.labels)},
        "gate": to_table(run.options.gate),
        "converted_with": installed,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
