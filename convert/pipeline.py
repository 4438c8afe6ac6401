"""The whole job: a run folder in, a proven bundle out, or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convert.choose.choice import Verdict, Wishes, choose_default
from convert.choose.float_layers import mixed_variant
from convert.choose.latency import measure
from convert.choose.pruning_benefit import refuse_without_benefit
from convert.export.tflite import end_converter
from convert.export.unsupported import explain
from convert.export.variants import Variant, choose, offered
from convert.keras_model import keras_logits, load_model
from convert.proof.evidence import Evidence, Questions, Told, draft_bundle, prove, questions
from convert.proof.gate import check_budget, check_calibration, judge, judge_proof
from convert.proof.layer_error import LayerError, layer_errors
from convert.proof.proof_only_backends import FORMATS as PROOF_ONLY
from convert.proof.specs import read_specs
from convert.provenance import earlier_exports, earlier_scorer, export_key, provenance
from convert.report.model_card import CARD, model_card
from convert.report.page import html_report
from convert.report.progress import ProgressBar
from convert.report.tables import ARTIFACT_HEADERS, artifact_rows
from convert.report.text_table import text_table
from convert.run_folder import Run
from edgeproof.bundle import MAX_MODELS_BYTES, Bundle, write_bundle
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.manifest import MAX_FILE_BYTES, Artifact, Manifest, Proof
from edgeproof.support.files import published_directory
from edgeproof.support.terminal import printable
from edgeproof.trust.keys import PrivateKey

if TYPE_CHECKING:
    import keras

MAX_REASON = 2000  # characters
NEARLY_FULL = 2**20  # bytes left on the disk of temporary files: converters write a few copies of the model there


@dataclass(frozen=True)
class _Job:
    """What every variant needs.

    earlier: content of files that an earlier conversion made of the same, by their key. models: of those made so far, by name.
    """

    run: Run
    model: keras.Model
    asked: Questions
    earlier: Mapping[str, bytes]
    models: dict[str, bytes] = field(default_factory=dict)


def convert_run(
    run: Run,
    target: Path,
    *,
    variants: tuple[Variant, ...] | None = None,
    overwrite: bool = False,
    sign: PrivateKey | None = None,
    say: Callable[[str], None] = print,
) -> Manifest:
    """Make, prove, rank and publish the artifacts of `run` as the bundle `target`, signed with the key `sign` where there is one;
    `say` is told of each as it is done.

    Raises GateError, and publishes nothing, when the calibration images are poisoned or no artifact passes; UsageError
    when `target` exists and `overwrite` is false, or another process is writing it.
    """
    with published_directory(target, overwrite=overwrite) as folder:  # claimed before minutes of work, not after
        return _convert(run, folder, target, variants, say, sign=sign)


def _convert(
    run: Run, folder: Path, target: Path, variants: tuple[Variant, ...] | None, say: Callable[[str], None],
    *, sign: PrivateKey | None,
) -> Manifest:  # fmt: skip
    """The bundle of `run` that will be `target`, into the empty `folder`."""
    options = run.options.convert
    if variants is None:
        variants = offered(options, say, ink=run.record.input.ink)
    chosen = choose(variants, options.artifacts)
    check_budget(run)
    model = load_model(run)
    _check_sizes(model.count_params(), chosen)
    check_calibration(run, keras_logits(model, run.calibration.images).argmax(axis=1))
    with ProgressBar(len(chosen) + 2) as step:
        step("corrupted images")
        job = _Job(run, model, questions(run, model), earlier_exports(target))
        try:
            rows, evidence = _make_all(chosen, job, step, say)
            for variant in _mixed(rows, evidence, job, step):
                chosen = (*chosen, variant)
                more, found = _make_all((variant,), job, step, say)
                rows, evidence = [*rows, *more], evidence | found
        finally:
            end_converter()
        rows = _judge_pruned(rows, chosen, evidence, job)
        usable = [row for row in rows if row.status == "✅"]
        if not usable:
            raise GateError(f"no artifact of {run.record.name} may be used, nothing was published: {_reasons(rows)}")
        step("times")
        draft = draft_bundle(run, job.models, tuple(rows), {row.name: evidence[row.name].golden for row in usable}, ())
        proofs, verdicts = _ranked(draft, [proof for row in usable for proof in evidence[row.name].proofs], run)
        manifest = replace(
            draft.manifest,
            name=target.name,
            ranking=tuple(verdict.choice for verdict in verdicts),
            proofs=proofs,
            source=provenance(run, [variant for variant in chosen if variant.name in evidence]),
        )
        step("report")
        page = html_report(run, manifest, evidence, verdicts, _layers(rows, job))
        with step.interrupted():
            say("\n" + text_table(ARTIFACT_HEADERS, artifact_rows(run, manifest, evidence)))
        models = {row.name: job.models[row.name] for row in usable}
        card, scorer = model_card(run, manifest), earlier_scorer(target, models)
        write_bundle(folder, manifest, models, draft.golden, page, attachments={CARD: card}, scorer=scorer, sign=sign)
    return manifest


def _check_sizes(parameters: int, variants: Sequence[Variant]) -> None:
    """Before hours of work. Raises UsageError for files that together are more than a bundle holds."""
    each = {"fp32": 4, "fp16": 2}
    sizes = [parameters * each.get(variant.precision, 1) for variant in variants]
    total = sum(size for size in sizes if size <= MAX_FILE_BYTES)  # a larger one becomes a row that says so
    if total > MAX_MODELS_BYTES:
        raise UsageError(
            f"expected files of at most {MAX_MODELS_BYTES:,} bytes together, found {len(variants)} of {parameters:,} parameters, "
            f"some {total:,} bytes: choose fewer with --only, as int8.tflite"
        )


def _make_all(
    variants: tuple[Variant, ...], job: _Job, step: ProgressBar, say: Callable[[str], None]
) -> tuple[list[Artifact], dict[str, Evidence]]:
    """The row of each variant, and by its name the evidence of those that could be executed."""
    rows: list[Artifact] = []
    evidence: dict[str, Evidence] = {}
    for variant in variants:
        step(variant.name)
        start = time.perf_counter()
        row, found, reused = _make(variant, job, step.images)
        with step.interrupted():
            word = "unchanged, " if reused else ""
            say(f"{row.status} {row.name}: {row.reason} ({word}{time.perf_counter() - start:.1f} s)")
        rows.append(row)
        if found:
            evidence[row.name] = found
    return rows, evidence


def _mixed(
    rows: Sequence[Artifact], evidence: Mapping[str, Evidence], job: _Job, step: ProgressBar
) -> Iterator[Variant]:
    """Of each int8 artifact that was executed and failed, the one with some layers in float that passes in its place."""
    for row in rows:
        content, exact = job.models.get(row.name), job.models.get(f"fp32.{row.format}")
        if row.status != "❎" or row.name != f"int8.{row.format}" or row.name not in evidence:
            continue
        if content is None or exact is None:
            continue
        try:
            variant = mixed_variant(row, content, exact, job.model, job.run, tell=step.detail)
        except OSError:
            raise
        except Exception:  # of a file that failed: what might have taken its place is no reason to end the job
            continue
        if variant is not None:
            yield variant


def _ranked(draft: Bundle, proofs: Sequence[Proof], run: Run) -> tuple[tuple[Proof, ...], tuple[Verdict, ...]]:
    """Of the `proofs` those that the gate lets pass on runtimes that could be timed or are proof only; what to deploy."""
    proven = [proof for proof in proofs if _holds(proof, run)]
    artifacts = measure(draft, proven, run.test.images, probe=False)  # what was just made, and executed for the proof
    timed = [artifact.proof for artifact in artifacts]
    kept = tuple(proof for proof in proven if proof in timed or proof.backend in PROOF_ONLY)
    return kept, choose_default(artifacts, Wishes())


def _reasons(rows: list[Artifact]) -> str:
    """Each reason once, with the artifacts that it keeps out."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.reason, []).append(row.name)
    return "; ".join(f"{', '.join(artifacts)}: {reason}" for reason, artifacts in names.items())


def _make(variant: Variant, job: _Job, told: Told) -> tuple[Artifact, Evidence | None, bool]:
    """The row of one variant, its file among the job's models, its evidence, if it got so far, and whether an old file was kept.

    A file that failed its proof (❎) is not named in the row, so that it never reaches a device.
    """
    row = Artifact(variant.name, variant.format, variant.precision, "❌", "")
    content = job.earlier.get(export_key(variant, job.run))
    reused = content is not None
    if content is None:
        try:
            content = variant.export(job.model, job.run.calibration.images)
        except OSError:  # the machine's fault (disk full), not the model's
            raise
        except Exception as error:  # converters raise whatever they like, also when they only lack a place to write
            if shutil.disk_usage(tempfile.gettempdir()).free < NEARLY_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir()) from error
            return replace(row, reason=_one_line(explain(error, job.model, variant.format))), None, False
    if len(content) > MAX_FILE_BYTES:
        reason = f"{len(content):,} bytes: a file of a bundle has at most {MAX_FILE_BYTES:,}"
        return replace(row, reason=reason), None, reused
    job.models[variant.name] = content
    row = replace(row, status="❎", file=variant.name, bytes=len(content))
    evidence = None
    try:
        specs = read_specs(content, variant.format, job.run.record.input)
        evidence = prove(replace(row, input=specs.input, output=specs.output), content, job.run, job.asked, told)
        row = evidence.row
        _check_precision(specs.precision, row)
        reason = judge(evidence, job.run.options.gate)
    except (GateError, IntegrityError) as error:
        return replace(row, reason=_one_line(str(error)), file=None), evidence, reused
    reason = f"{reason}; {variant.note}" if variant.note else reason
    return replace(row, status="✅", reason=reason), evidence, reused


def _check_precision(found: str, row: Artifact) -> None:
    """Raise GateError for a file that its exporter left as it was: a proof of less precision would permit it more."""
    if found != row.precision:
        raise GateError(
            f"expected a file of {row.precision}, found {found}: this network has nothing to quantize that way"
        )


def _one_line(text: str) -> str:
    """A reason as it can stand in a table: converters report in many lines."""
    return printable(" ".join(text.split()))[:MAX_REASON]


def _judge_pruned(
    rows: list[Artifact], chosen: tuple[Variant, ...], evidence: Mapping[str, Evidence], job: _Job
) -> list[Artifact]:
    """The rows, those ❎ that were to be smaller and faster than another and are not."""
    pairs = {variant.name: variant.smaller_than for variant in chosen if variant.smaller_than}
    usable = [row.name for row in rows if row.status == "✅"]
    if not pairs.keys() & set(usable):
        return rows
    draft = draft_bundle(job.run, job.models, tuple(rows), {name: evidence[name].golden for name in usable}, ())
    proofs = [proof for name in usable for proof in evidence[name].proofs]
    return list(refuse_without_benefit(draft, proofs, pairs, job.run.test.images))


def _holds(proof: Proof, run: Run) -> bool:
    """Whether the gate passes on this runtime too; the artifact's own has passed already."""
    try:
        judge_proof(proof, run.options.gate)
    except GateError:
        return False
    return True


def _layers(rows: list[Artifact], job: _Job) -> dict[str, tuple[LayerError, ...]]:
    """Per integer artifact that could be made, also one that failed: there it is wanted most."""
    errors = {}
    for row in rows:
        exact, integer = job.models.get(f"fp32.{row.format}"), job.models.get(row.name)
        if row.integer and exact is not None and integer is not None:
            try:
                errors[row.name] = layer_errors(exact, integer, row.format, job.run.test.images)
            except Exception:  # a diagnosis of a file that may be broken: its absence is no verdict
                errors[row.name] = ()
    return errors
