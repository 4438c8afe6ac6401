"""Put a bundle into the wheel's source: the one way in which the default bundle changes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, UsageError
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest import Manifest
from edgeproof.manifest_file import GOLDEN, MANIFEST, PAGE, SIGNATURE, has_digits

MAX_BYTES = 1_000_000  # the wheel stays small enough to install over a phone
DESTINATION = Path(__file__).parents[2] / "runtime" / "edgeproof" / "bundles" / "digits"


def ship_bundle(path: Path, destination: Path = DESTINATION) -> int:
    """Copy the verified bundle at `path` to `destination` as plain files, replacing what is there. Returns its bytes.

    Raises UsageError when it does not read handwritten digits, which the wheel's bundle is there for, IntegrityError when it does
    not answer as it states, GateError when it is too large for the wheel.
    """
    source = load_bundle(path)
    _check_subject(path, source.manifest)
    for row in source.manifest.usable:
        open_classifier(source, row.name, device="cpu").close()  # replays golden
    names: list[str] = [MANIFEST, GOLDEN, *(row.file for row in source.manifest.artifacts if row.file)]
    names += ["report.html"] if source.manifest.report_sha256 else []
    names += [PAGE] if source.manifest.page else []
    names += source.manifest.attachments
    names += [SIGNATURE] if source.signature else []
    size = sum((source.path / name).stat().st_size for name in names)
    if size >= MAX_BYTES:
        raise GateError(
            f"{path}: expected less than {MAX_BYTES:,} bytes for the wheel, found {size:,}: convert with fewer artifacts (--only)"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}-shipping-") as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        new.mkdir()
        for name in names:
            shutil.copyfile(source.path / name, new / name)
        load_bundle(new)
        # Two renames of whole folders: a checkout has no reader that could meet the moment between them.
        if destination.exists():
            destination.rename(old)
        try:
            new.rename(destination)
        except BaseException:
            if old.exists():
                old.rename(destination)
            raise
    return size


def _check_subject(path: Path, manifest: Manifest) -> None:
    if not has_digits(manifest.classes):
        found = ", ".join(manifest.classes[:12])
        raise UsageError(
            f"{path}: expected the classes 0 to 9, then reject or none, found {found}: give a bundle of digits"
        )
    if not manifest.input.ink:
        expected = f"expected a model of glyphs as the page reader cuts them ({GLYPHS})"
        raise UsageError(f"{path}: {expected}, found {manifest.input}: give a bundle of digits")
