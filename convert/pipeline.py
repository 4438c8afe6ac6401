"""The whole job: a run folder in, a proven bundle out, or nothing."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from convert.choose.choice import Wishes, choose_default
from convert.choose.latency import measure
from convert.choose.pruning_benefit import refuse_without_benefit
from convert.export.unsupported import explain
from convert.export.variants import Variant, choose, offered
from convert.keras_model import keras_logits, load_model
from convert.proof.evidence import Evidence, Examination, Told, draft_bundle, examination, prove
from convert.proof.gate import check_budget, check_calibration, judge, judge_proof
from convert.proof.layer_error import LayerError, layer_errors
from convert.proof.proof_only_backends import FORMATS as WITNESSES
from convert.proof.specs import read_specs
from convert.report.model_card import CARD, model_card
from convert.report.page import html_report
from convert.report.tables import ARTIFACT_HEADERS, artifact_rows
from convert.report.text_table import text_table
from convert.run_folder import Run
from edgeproof.backends import BACKENDS, OWN
from edgeproof.bundle import load_bundle, write_bundle
from edgeproof.errors import EdgeproofError, GateError, IntegrityError, UsageError
from edgeproof.manifest import Artifact, Manifest, Proof
from edgeproof.support import files
from edgeproof.support.machine import environment
from edgeproof.support.npz import npz_bytes
from edgeproof.support.tables import to_table

NEARLY_FULL = 2**20  # bytes left on the disk of temporary files: converters write a few copies of the model there
EXPORTERS = (
    Path(__file__).parent / "export"
)  # all that an exported file depends on: `convert.export` says what it may import
#: What decides a file's content: the converters, and the runtimes that calibrate.
_RUNTIMES = [package for name in sorted(OWN.values()) for package in BACKENDS[name].packages]
_LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", *_RUNTIMES, "numpy")
#: What of run.json goes into the manifest, where it is there.
_PROVENANCE = ("recipe_sha256", "seed", "data", "metrics", "parameters", "versions", "git_commit")


@dataclass(frozen=True)
class _Job:
    """What every variant needs. earlier: content of files that an earlier conversion made of the same, by their key."""

    run: Run
    model: Any
    asked: Examination
    folder: Path
    earlier: Mapping[str, bytes]


def convert_run(
    run: Run,
    target: Path,
    *,
    variants: tuple[Variant, ...] | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Manifest:
    """Make, prove, rank and publish the artifacts of `run` as the bundle `target`; `say` is told of each as it is done.

    Raises GateError, and publishes nothing, when the calibration images are poisoned or no artifact passes; UsageError
    when `target` exists and `overwrite` is false.
    """
    if os.path.lexists(target) and not overwrite:  # before minutes of work, not after
        raise UsageError(f"{target} already exists: choose another --name or give --overwrite")
    options = run.options.convert
    chosen = choose(offered(options, say) if variants is None else variants, options.artifacts)
    check_budget(run)
    model = load_model(run)
    check_calibration(run, keras_logits(model, run.calibration.images).argmax(axis=1))
    with tempfile.TemporaryDirectory() as temporary, _Progress(len(chosen) + 2) as step:
        folder = Path(temporary)
        step("corrupted images")
        job = _Job(run, model, examination(run, model), folder, _earlier(target))
        rows: list[Artifact] = []
        evidence: dict[str, Evidence] = {}
        for variant in chosen:
            step(variant.name)
            start = time.perf_counter()
            row, found, reused = _make(variant, job, step.images)
            with step.interrupted():
                word = "unchanged, " if reused else ""
                say(f"{row.status} {row.name}: {row.reason} ({word}{time.perf_counter() - start:.1f} s)")
            rows.append(row)
            if found:
                evidence[row.name] = found
        rows = _judge_pruned(rows, chosen, evidence, job)
        usable = [row for row in rows if row.status == "✅"]
        if not usable:
            raise GateError(f"no artifact of {run.record.name} may be used, nothing was published: {_reasons(rows)}")
        step("times")
        draft = draft_bundle(run, folder, tuple(rows), {row.name: evidence[row.name].golden for row in usable}, ())
        proofs = tuple(proof for row in usable for proof in evidence[row.name].proofs)
        proven = [proof for proof in proofs if _holds(proof, run)]
        artifacts = measure(draft, proven, run.test.images)
        timed = [artifact.proof for artifact in artifacts]
        verdicts = choose_default(artifacts, Wishes())
        manifest = replace(
            draft.manifest,
            name=target.name,
            ranking=tuple(verdict.choice for verdict in verdicts),
            proofs=tuple(proof for proof in proven if proof in timed or proof.backend in WITNESSES),
            source=_source(run, [variant for variant in chosen if variant.name in evidence]),
        )
        step("report")
        page = html_report(run, manifest, evidence, verdicts, _layers(rows, folder, run))
        with step.interrupted():
            say("\n" + text_table(ARTIFACT_HEADERS, artifact_rows(run, manifest, evidence)))
        models = {row.name: (folder / row.name).read_bytes() for row in usable}
        card = {CARD: model_card(run, manifest)}
        write_bundle(target, manifest, models, draft.golden, page, attachments=card, overwrite=overwrite)
    return manifest


def _reasons(rows: list[Artifact]) -> str:
    """Each reason once, with the artifacts that it keeps out."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.reason, []).append(row.name)
    return "; ".join(f"{', '.join(artifacts)}: {reason}" for reason, artifacts in names.items())


def _make(variant: Variant, job: _Job, told: Told) -> tuple[Artifact, Evidence | None, bool]:
    """The row of one variant, its file in the folder, its evidence, if it got so far, and whether an old file was kept.

    A file that failed its proof (❎) is not named in the row, so that it never reaches a device.
    """
    row = Artifact(variant.name, variant.format, variant.precision, "❌", "")
    content = job.earlier.get(_key(variant, job.run))
    reused = content is not None
    if content is None:
        try:
            content = variant.export(job.model, job.run.calibration.images)
        except OSError:  # the machine's fault (disk full), not the model's
            raise
        except Exception as error:  # converters raise whatever they like, also when they only lack a place to write
            if shutil.disk_usage(job.folder).free < NEARLY_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir()) from error
            return replace(row, reason=explain(error, job.model, variant.format)), None, False
    (job.folder / variant.name).write_bytes(content)
    row = replace(row, status="❎", file=variant.name, bytes=len(content))
    evidence = None
    try:
        source, target = read_specs(content, variant.format)
        evidence = prove(replace(row, input=source, output=target), job.folder, job.run, job.asked, told)
        row = evidence.row
        reason = judge(evidence, job.run.options.gate)
    except (GateError, IntegrityError) as error:
        return replace(row, reason=str(error), file=None), evidence, reused
    return replace(row, status="✅", reason=reason), evidence, reused


def _judge_pruned(
    rows: list[Artifact], chosen: tuple[Variant, ...], evidence: Mapping[str, Evidence], job: _Job
) -> list[Artifact]:
    """The rows, those ❎ that were to be smaller and faster than another and are not."""
    pairs = {variant.name: variant.smaller_than for variant in chosen if variant.smaller_than}
    usable = [row.name for row in rows if row.status == "✅"]
    if not pairs.keys() & set(usable):
        return rows
    draft = draft_bundle(job.run, job.folder, tuple(rows), {name: evidence[name].golden for name in usable}, ())
    proofs = [proof for name in usable for proof in evidence[name].proofs]
    return list(refuse_without_benefit(draft, proofs, pairs, job.run.test.images))


def _holds(proof: Proof, run: Run) -> bool:
    """Whether the gate passes on this runtime too; the artifact's own has passed already."""
    try:
        judge_proof(proof, run.options.gate)
    except GateError:
        return False
    return True


def _layers(rows: list[Artifact], folder: Path, run: Run) -> dict[str, tuple[LayerError, ...]]:
    """Per integer artifact that could be made, also one that failed: there it is wanted most."""
    errors = {}
    for row in rows:
        exact, integer = folder / f"fp32.{row.format}", folder / row.name
        if row.integer and exact.exists() and integer.exists():
            try:
                errors[row.name] = layer_errors(exact.read_bytes(), integer.read_bytes(), row.format, run.test.images)
            except Exception:  # a diagnosis of a file that may be broken: its absence is no verdict
                errors[row.name] = ()
    return errors


# ---- files of an earlier conversion ----------------------------------------------------------------------------------


def _key(variant: Variant, run: Run) -> str:
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


def _earlier(target: Path) -> dict[str, bytes]:
    """The usable files of the bundle that stands at `target`, by their key; none where it does not verify."""
    if not target.is_dir():
        return {}
    try:
        old = load_bundle(target)
    except EdgeproofError:
        return {}
    keys = (old.manifest.source or {}).get("exports", {})
    return {keys[row.name]: old.file(row).read_bytes() for row in old.manifest.usable if row.name in keys}


def _source(run: Run, variants: list[Variant]) -> dict[str, Any]:
    return {
        "run": run.record.name,
        **{key: run.table[key] for key in _PROVENANCE if key in run.table},
        "keras": {"correct": run.test.correct, "images": len(run.test.labels)},
        "gate": to_table(run.options.gate),
        "converted_with": _installed(),
        "exports": {variant.name: _key(variant, run) for variant in variants},
    }


def _installed() -> dict[str, str]:
    return {name: version for name in _LIBRARIES if (version := _version(name))}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


# ---- progress --------------------------------------------------------------------------------------------------------


class _Progress:
    """A bar on a terminal, nothing elsewhere. Called with the name of each step as it begins."""

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=steps + 1, disable=None, unit="step", leave=False)
        self._begun = False
        self._answered: dict[str, int] = {}

    def __call__(self, name: str) -> None:
        if self._begun:
            self._bar.update()
        self._begun = True
        self._answered = {}
        self._bar.set_description(name)
        self._bar.set_postfix_str("")

    def images(self, runtime: str, count: int) -> None:
        """So many images more were answered on a runtime: some take minutes."""
        self._answered[runtime] = self._answered.get(runtime, 0) + count
        self._bar.set_postfix_str(f"{runtime}: {self._answered[runtime]:,} images")

    def interrupted(self) -> Any:
        """Within the block, lines may be printed: the bar steps aside."""
        return self._bar.external_write_mode()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
