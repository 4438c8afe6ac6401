"""The proof again: does a bundle still answer as its manifest says, on this machine and on all test images?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from convert.options import GateOptions
from convert.proof.evidence import compared, questioned
from convert.proof.gate import judge_proof
from convert.proof.proof_only_backends import FORMATS as PROOF_ONLY
from convert.run_folder import Run
from edgeproof.backends import OWN
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, IntegrityError, UnavailableError
from edgeproof.manifest import Artifact, Manifest
from edgeproof.support.tables import from_table


def count_tolerance(row: Artifact, images: int = 10_000) -> int:
    """By how many right answers of so many test images an artifact may differ between machines; of few as of 10,000.

    Kernels add in another order on another CPU. In float32 that turns a tie at most; float16 weights are widened, but
    not by all kernels at the same place; 8-bit kernels round differently with and without VNNI, and move some tens of
    the answers that were nearly undecided, in both directions.
    """
    of_10_000 = 20 if row.integer else {"fp32": 1, "fp16": 5}[row.precision]
    return math.ceil(of_10_000 * max(1.0, images / 10_000))


def verify_bundle(path: Path, run: Run, *, say: Callable[[str], None] = print) -> None:
    """Check every hash, replay golden, and count the right answers of every usable artifact on all test images of `run`.

    Raises IntegrityError naming the first thing that does not hold, GateError when the gate that it was made with would
    refuse what was found here, UnavailableError when a runtime is missing that a device would take; of the proof-only
    backends, those that are here are asked.
    """
    bundle = load_bundle(path)
    manifest = bundle.manifest
    _check_fit(manifest, run, path)
    gate = from_table(GateOptions, _source(manifest, "gate"), f"{path}: source.gate", IntegrityError)
    pairs: list[tuple[str, str]] = [(choice.artifact, choice.backend) for choice in manifest.ranking]
    pairs += [(row.name, OWN[row.format]) for row in manifest.usable]
    pairs += [(proof.artifact, proof.backend) for proof in manifest.proofs]
    stated = {(proof.artifact, proof.backend): proof.correct for proof in manifest.proofs}
    for name, backend in dict.fromkeys(pairs):
        row, images = manifest.artifact(name), len(run.test.labels)
        try:
            if backend in PROOF_ONLY:
                golden = "not replayed"
            else:
                open_classifier(bundle, name, backend, "cpu").close()  # replays golden
                golden = "unchanged"
            with questioned(bundle, row, backend) as (facts, ask):
                proof = compared(facts, ask(run.test.images), run)
        except UnavailableError as error:
            if backend not in PROOF_ONLY:
                raise
            say(f"   {name} on {backend}: not proven again: {error}")
            continue
        own = backend == OWN[row.format]  # whose count is that of the row
        found, expected = proof.correct, row.correct if own else stated.get((name, backend), row.correct)
        tolerance = count_tolerance(row, images)
        if (row.images, row.accuracy) != (images, row.correct / images) or abs(found - expected) > tolerance:
            raise IntegrityError(
                f"{path}: {name} on {backend}: expected {expected} ± {tolerance} right answers of {row.images} "
                f"(accuracy {row.accuracy:.4f}), found {found} of {images}: convert the run again"
            )
        try:
            reason = judge_proof(proof, gate)
        except GateError as error:
            raise GateError(f"{path}: {name} on {backend}: {error}") from None
        say(
            f"✅ {name} on {backend}: {found} of {images} right, {expected} ± {tolerance} stated; golden "
            f"{golden}; {reason}"
        )


def _source(manifest: Manifest, key: str) -> Mapping[str, Any]:
    """A table of what the manifest says of its source; empty where there is none."""
    table = (manifest.source or {}).get(key)
    return table if isinstance(table, Mapping) else {}


def _check_fit(manifest: Manifest, run: Run, path: Path) -> None:
    stated = _source(manifest, "data").get("fingerprint")
    model = (manifest.source or {}).get("model_sha256", run.model_sha256)  # older bundles do not say
    for field, expected, found in (
        ("classes", run.record.classes, manifest.classes),
        ("input", run.record.input, manifest.input),
        ("source.data.fingerprint", run.record.data.get("fingerprint"), stated),
        ("source.model_sha256", run.model_sha256, model),
    ):
        if expected != found:
            raise IntegrityError(
                f"{path}: {field}: the run says {expected!r}, the bundle {found!r}: give the run it was made of"
            )
