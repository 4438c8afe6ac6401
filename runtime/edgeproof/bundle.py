"""The bundle: a folder of model files and the manifest that says what each of them is and how well it was proven.

    bundle/<name>/   manifest.json   manifest.sig   *.onnx   *.tflite   golden.npz   page.json   report.html   README.md …

The manifest carries a checksum of itself and the sha256 of every file beside it; a file that it does not list is refused, but for
its signature (`edgeproof.trust`), which is looked at before anything else of a bundle where keys are trusted.
Each file is read once: the bytes that were hashed are held, and are what a runtime gets. Before it does, each model's own
description is held beside the manifest's. `golden.npz` holds input glyphs, their labels, the names of the classes, and the
logits that each artifact gave for them when it was proven; `edgeproof.classifier` replays them on the device. `page.json`, where
there is one, tells digits on a page from other things. Everything that does not fit is an IntegrityError that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import BACKENDS
from edgeproof.errors import IntegrityError
from edgeproof.manifest import GOLDEN_BYTES, MAX_FILE_BYTES, MAX_GOLDEN, Artifact, Manifest, PageScorer, TensorSpec
from edgeproof.manifest_file import (
    GOLDEN,
    MANIFEST,
    PAGE,
    REPORT,
    SIGNATURE,
    manifest_bytes,
    manifest_of,
    parsed,
    read_manifest,
)
from edgeproof.model_file import Tensor, describe
from edgeproof.scorer import MAX_SCORER_BYTES, Scorer, scorer_bytes, scorer_of
from edgeproof.support import files
from edgeproof.support.npz import arrays_in, npz_bytes
from edgeproof.trust.keys import PrivateKey, PublicKey
from edgeproof.trust.signature import Signature, read_signature, signature_bytes, signed, signer
from edgeproof.trust.trusted import EVERYBODY, Trust, installed

MAX_MODELS_BYTES = 2 * MAX_FILE_BYTES  # of all model files together: they are held


@dataclass(frozen=True)
class Golden:
    """Inputs with known answers: images uint8 (n, *shape), labels int64 (n,), logits float32 (n, classes) per artifact."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    logits: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Bundle:
    """models: the content of each model file, by its name, as it was hashed. scorer: of what stands on a page, where there is
    one. manifest_sha256: of manifest.json as it was read; empty for what is not written yet. signature: what its manifest.sig
    says, where there is one. signer: the trusted key that made it; none where no key is trusted."""

    path: Path
    manifest: Manifest
    golden: Golden
    models: Mapping[str, bytes] = field(repr=False)
    scorer: Scorer | None = field(default=None, repr=False)
    manifest_sha256: str = ""
    signature: Signature | None = None
    signer: PublicKey | None = None

    def content(self, artifact: Artifact) -> bytes:
        """The model file of `artifact`. Raises IntegrityError when it has none."""
        if artifact.file is None:
            raise IntegrityError(f"{self.path}: artifact {artifact.name} has no file: {artifact.reason}")
        return self.models[artifact.file]


def default_bundle() -> Path:
    """The bundle that the wheel carries."""
    return Path(__file__).parent / "bundles" / "digits"


def load_bundle(path: Path | str | None = None, trust: Trust | None = None, *, checked: str = "") -> Bundle:
    """Read and verify a bundle; without a path, the one that the wheel carries.

    trust: whose signature it has to have; by default that of a key that is installed on this machine, where one is. The wheel's
    bundle needs none, unless keys are named. checked: sha256 of a manifest that another process has found to be trusted already:
    that one is taken, and no other.

    No runtime is imported. Raises IntegrityError; UnavailableError when a signature is needed and the package cryptography is not
    here; OSError when this machine does not let a file be read.
    """
    path = Path(path) if path else default_bundle()
    try:
        found = path.is_dir()
    except OSError:  # no file can have that name
        found = False
    if not found:
        raise IntegrityError(
            f"{path}: expected a bundle folder, found nothing; make one with: python -m convert run RUN"
        )
    while True:
        folder = path.resolve()  # the link may be replaced while we read: stay with one content
        try:
            return _load(folder, trust, checked)
        except (IntegrityError, FileNotFoundError):
            if path.resolve() == folder:
                raise  # otherwise it was replaced, and swept away, under our hands: read the new one


def _load(folder: Path, trust: Trust | None, checked: str) -> Bundle:
    content = read_manifest(folder)
    signature = read_signature(folder)
    digest = files.sha256(content)
    if checked and digest != checked:
        raise IntegrityError(
            f"{folder / MANIFEST}: expected the one of sha256 {checked[:12]}…, found {digest[:12]}…: it was replaced meanwhile, "
            "run the command again"
        )
    asked = EVERYBODY if checked else _trusted(folder, trust)
    by = None if asked == EVERYBODY else signer(content, signature, asked.keys, str(folder / SIGNATURE))
    manifest = manifest_of(content, str(folder / MANIFEST))
    for choice in manifest.ranking:
        if choice.backend not in BACKENDS:
            raise IntegrityError(
                f"{folder / MANIFEST}: ranking: backend: expected one of {', '.join(BACKENDS)}, found {choice.backend!r}"
            )
    stated = _stated(manifest)
    _check_nothing_else(folder, {MANIFEST, SIGNATURE, *stated})
    models = {}
    for row in manifest.artifacts:
        if row.file is None:
            continue
        content = _checked(folder, row.file, stated)
        if len(content) != row.bytes:
            raise _unlike(folder, f"artifacts[{row.name}].bytes", row.bytes, len(content))
        if row.status == "✅":
            _check_model(content, row, folder)
        models[row.file] = content
        if sum(map(len, models.values())) > MAX_MODELS_BYTES:
            raise IntegrityError(f"{folder}: expected at most {MAX_MODELS_BYTES} bytes of models, found more")
    for name in stated.keys() - models.keys() - {GOLDEN, PAGE}:
        _checked(folder, name, stated)
    golden = _read_golden(_checked(folder, GOLDEN, stated), folder / GOLDEN, manifest)
    scorer = None if manifest.page is None else _scorer(_checked(folder, PAGE, stated), folder, manifest)
    return Bundle(folder, manifest, golden, models, scorer, digest, signature, by)


def _trusted(folder: Path, trust: Trust | None) -> Trust:
    """Whose signature the bundle in `folder` has to have. What the wheel carries is trusted as the wheel is."""
    if folder == default_bundle().resolve() and not (trust and trust.named):
        return EVERYBODY
    return installed() if trust is None else trust


def read_scorer(content: bytes, where: str) -> Scorer:
    """The scorer in the content of a page.json; `where` names it in messages. Raises IntegrityError when it is none."""
    if len(content) > MAX_SCORER_BYTES:
        raise IntegrityError(f"{where}: expected at most {MAX_SCORER_BYTES} bytes, found {len(content)}")
    return scorer_of(parsed(content, where), where)


def write_bundle(
    folder: Path, manifest: Manifest, models: Mapping[str, bytes], golden: Golden, report: bytes | None = None,
    *, attachments: Mapping[str, bytes] | None = None, scorer: Scorer | None = None, sign: PrivateKey | None = None,
) -> None:  # fmt: skip
    """Fill the empty `folder` with a bundle and read it back; fills in every file's sha256 and size.

    `models` and `attachments` map file names to content; `scorer` becomes page.json. `sign`: the key that signs it. Raises
    IntegrityError when what was written does not fit.
    """
    beside = attachments or {}
    arrays: dict[str, NDArray[Any]] = {
        "images": golden.images, "labels": golden.labels, "classes": np.array(manifest.classes)
    }  # fmt: skip
    arrays |= {f"logits/{name}": values for name, values in golden.logits.items()}
    golden_bytes = npz_bytes(arrays)
    rows = tuple(
        replace(row, sha256=files.sha256(models[row.file]), bytes=len(models[row.file])) if row.file else row
        for row in manifest.artifacts
    )
    manifest = replace(
        manifest,
        artifacts=rows,
        golden_sha256=files.sha256(golden_bytes),
        report_sha256=files.sha256(report) if report is not None else None,
        attachments={name: files.sha256(content) for name, content in beside.items()},
        page=_stated_of(scorer) if scorer else None,
    )
    contents = {**models, **beside, GOLDEN: golden_bytes, MANIFEST: manifest_bytes(manifest)}
    if report is not None:
        contents[REPORT] = report
    if scorer:
        contents[PAGE] = scorer_bytes(scorer)
    if sign:
        contents[SIGNATURE] = signature_bytes(signed(contents[MANIFEST], sign))
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    load_bundle(folder, Trust((sign.public,)) if sign else EVERYBODY)


def publish_bundle(
    target: Path, manifest: Manifest, models: Mapping[str, bytes], golden: Golden, report: bytes | None = None,
    *, attachments: Mapping[str, bytes] | None = None, scorer: Scorer | None = None, sign: PrivateKey | None = None,
    overwrite: bool = False,
) -> Path:  # fmt: skip
    """`write_bundle` at `target`, whole or not at all. Returns `target`.

    Raises UsageError when `target` exists and `overwrite` is false, or another process is writing it.
    """
    with files.published_directory(target, overwrite=overwrite) as folder:
        write_bundle(folder, manifest, models, golden, report, attachments=attachments, scorer=scorer, sign=sign)
    return target


# ---- checks ----------------------------------------------------------------------------------------------------------


def _stated(manifest: Manifest) -> dict[str, tuple[str, str | None]]:
    """Of every file beside the manifest: the field that states its sha256, and that."""
    stated: dict[str, tuple[str, str | None]] = {
        row.file: (f"artifacts[{row.name}].sha256", row.sha256) for row in manifest.artifacts if row.file
    }
    stated |= {name: (f"attachments[{name}]", expected) for name, expected in manifest.attachments.items()}
    if manifest.report_sha256 is not None:
        stated[REPORT] = ("report_sha256", manifest.report_sha256)
    if manifest.page is not None:
        stated[PAGE] = ("page.sha256", manifest.page.sha256)
    stated[GOLDEN] = ("golden_sha256", manifest.golden_sha256)
    return stated


def _check_nothing_else(folder: Path, listed: set[str]) -> None:
    for name in sorted(file.name for file in folder.iterdir()):
        if name not in listed:
            raise IntegrityError(f"{folder}: expected the files that {MANIFEST} lists, found {name!r} too: remove it")


def _checked(folder: Path, name: str, stated: Mapping[str, tuple[str, str | None]]) -> bytes:
    """The content of a file whose hash is as stated."""
    file_field, expected = stated[name]
    content = files.read_bounded(folder / name, MAX_FILE_BYTES)
    found = files.sha256(content)
    if found != expected:
        raise IntegrityError(
            f"{folder / name}: {file_field}: expected {str(expected)[:12]}…, found {found[:12]}… ({len(content)} bytes): "
            "the file is truncated or was changed; copy or convert the bundle again"
        )
    return content


def _check_model(content: bytes, row: Artifact, folder: Path) -> None:
    """Hold what the manifest says of a model file beside what the file says."""
    assert row.input is not None
    assert row.output is not None
    try:
        file = describe(content, row.format)
    except IntegrityError as error:
        raise IntegrityError(f"{folder / str(row.file)}: {error}; convert the run again") from None
    for name, spec, tensor in (("input", row.input, file.input), ("output", row.output, file.output)):
        for part, expected in _as_tensor(spec).__dict__.items():
            found = getattr(tensor, part)
            if found != expected:
                raise _unlike(folder, f"artifacts[{row.name}].{name}.{part}", expected, found)
    if file.precision != row.precision:
        raise _unlike(folder, f"artifacts[{row.name}].precision", row.precision, file.precision)


def _as_tensor(spec: TensorSpec) -> Tensor:
    return Tensor(spec.name, spec.dtype, spec.shape, spec.scale, spec.zero_point)


def _unlike(folder: Path, stated: str, expected: object, found: object) -> IntegrityError:
    return IntegrityError(
        f"{folder / MANIFEST}: {stated}: the manifest says {expected!r}, the file {found!r}: convert the run again"
    )


def _stated_of(scorer: Scorer) -> PageScorer:
    """What the manifest has to state of a scorer."""
    return PageScorer(files.sha256(scorer_bytes(scorer)), scorer.version, scorer.held_out)


def _scorer(content: bytes, folder: Path, manifest: Manifest) -> Scorer:
    """The scorer in a page.json, held beside what the manifest says of it, and beside the models."""
    where = str(folder / PAGE)
    scorer = read_scorer(content, where)
    assert manifest.page is not None
    if manifest.page.held_out != scorer.held_out:
        raise _unlike(folder, "page.held_out", manifest.page.held_out, scorer.held_out)
    if scorer.artifact not in {row.sha256 for row in manifest.usable}:
        raise IntegrityError(
            f"{where}: artifact: expected the sha256 of a usable model of this bundle, found {scorer.artifact[:12]}…: it was "
            "fitted on another model's answers, fit it again: python -m train scorer"
        )
    return scorer


def _most_golden_bytes(manifest: Manifest) -> int:
    """How many bytes golden.npz may unpack to: of large images there are few, of many artifacts there are more answers than
    GOLDEN_BYTES reckons with."""
    each = math.prod(manifest.input.shape) + 8 + 4 * len(manifest.classes) * (len(manifest.usable) + 1)
    return min(MAX_GOLDEN * each, 4 * GOLDEN_BYTES) + 2**20


def _read_golden(content: bytes, file: Path, manifest: Manifest) -> Golden:
    """The golden inputs, each array of the type and size that the manifest makes it have."""
    classes = len(manifest.classes)
    arrays = arrays_in(content, str(file), _most_golden_bytes(manifest))

    def take(name: str, dtype: type, *shape: int) -> NDArray[Any]:
        values = arrays.pop(name, None)
        if values is None or values.dtype != dtype or values.shape != shape:
            found = "none" if values is None else f"{values.dtype} {values.shape}"
            raise IntegrityError(
                f"{file}: {name}: expected {np.dtype(dtype)} {shape}, found {found}: convert the run again"
            )
        return values

    count = min(MAX_GOLDEN, len(np.atleast_1d(arrays.get("labels", ()))))
    images = take("images", np.uint8, count, *manifest.input.shape)
    labels = take("labels", np.int64, count)
    names = arrays.pop("classes", None)  # bundles of before they were recorded have none
    logits = {row.name: take(f"logits/{row.name}", np.float32, count, classes) for row in manifest.usable}
    for name, wrong in {
        "labels": count == 0 or labels.min() < 0 or labels.max() >= classes,
        "classes": names is not None and tuple(map(str, names.ravel())) != manifest.classes,
        **{f"logits/{name}": not np.isfinite(values).all() for name, values in logits.items()},
        **{f"logits/{name}, labels": (values.argmax(axis=1) != labels).any() for name, values in logits.items()},
        **dict.fromkeys(arrays, True),
    }.items():
        if wrong:
            raise IntegrityError(
                f"{file}: {name}: does not fit the manifest, or the other arrays: convert the run again"
            )
    return Golden(images, labels, logits)
