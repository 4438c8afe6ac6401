"""A fitted page scorer for an existing bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeproof.bundle import load_bundle, publish_bundle, read_scorer
from edgeproof.errors import UsageError
from edgeproof.manifest import HeldOut
from edgeproof.manifest_file import REPORT
from edgeproof.scorer import MAX_SCORER_BYTES
from edgeproof.support import files
from edgeproof.trust.keys import PrivateKey

UNSIGNED = "{path}: not signed any more, for its manifest is another now: edgeproof sign {path} --key KEY"


def attach_scorer(
    path: Path, file: Path, *, sign: PrivateKey | None = None, say: Callable[[str], None] = print
) -> HeldOut:
    """Put the scorer in `file` into the bundle at `path`, in the place of the one that it may have. Returns its figures.

    sign: the key that signs the bundle anew; without, it has no signature any more, which `say` is told where it had one.

    Raises IntegrityError when the file is no scorer, or of another model: then the bundle stays as it is; UsageError for a plain
    copy of a bundle, which could not be replaced in one step.
    """
    bundle = load_bundle(path)
    if not path.is_symlink():
        raise UsageError(
            f"{path}: expected a bundle where convert wrote it, found a copy: attach to the original, then copy it"
        )
    scorer = read_scorer(files.read_bounded(file, MAX_SCORER_BYTES), str(file))
    manifest = bundle.manifest
    report = (bundle.path / REPORT).read_bytes() if manifest.report_sha256 else None
    beside = {name: (bundle.path / name).read_bytes() for name in manifest.attachments}
    publish_bundle(
        path, manifest, bundle.models, bundle.golden, report, attachments=beside, scorer=scorer, sign=sign,
        overwrite=True,
    )  # fmt: skip
    if bundle.signature and not sign:
        say(UNSIGNED.format(path=path))
    return scorer.held_out
