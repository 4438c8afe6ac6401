"""`python -m supply WHEEL`: add the bill of materials and the provenance to a wheel that was just built, in its place.

setuptools has no way yet to put files into `.dist-info/sboms`, where PEP 770 looks for them: `wheel` unpacks and packs again,
and writes RECORD anew. The bytes are the same for the same sources, wherever and whenever: times come from SOURCE_DATE_EPOCH,
permissions are those that a file of a package needs, whatever the builder's own are.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from supply.materials import bill
from supply.provenance import statement

PROJECT = Path(__file__).parents[1]
BILL = "edgeproof.cdx.json"
PROVENANCE = "provenance.json"


def main() -> None:
    (name,) = sys.argv[1:]
    add(PROJECT, Path(name).resolve(), int(os.environ["SOURCE_DATE_EPOCH"]))


def add(project: Path, wheel: Path, epoch: int) -> None:
    """Rewrites `wheel`. epoch: seconds since 1970 that all of it says as its time."""
    with tempfile.TemporaryDirectory() as folder:
        _wheel("unpack", wheel, "--dest", folder)
        (unpacked,) = Path(folder).iterdir()
        (about,) = unpacked.glob("*.dist-info")
        materials = bill(project, unpacked, datetime.datetime.fromtimestamp(epoch, datetime.UTC))
        built_from = statement(project, unpacked, epoch)
        (about / "sboms").mkdir()
        (about / "sboms" / BILL).write_text(materials + "\n")
        (about / PROVENANCE).write_text(built_from)
        for file in unpacked.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        _wheel("pack", unpacked, "--dest-dir", wheel.parent)


def _wheel(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "wheel", *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
