"""What a peer takes on the disk: the files of its packages and all that those require, each counted once."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks.peers.readers import Peer

#: Two names of one library: RapidOCR asks for the OpenCV that opens windows, and the environment has the other.
SAME = {"opencv-python": "opencv-python-headless"}
TESSERACT = ("tesseract-ocr", "tesseract-ocr-eng", "tesseract-ocr-osd", "libtesseract5", "liblept5", "libleptonica6")


def installed_bytes(peer: Peer) -> int | None:
    """Bytes on the disk, Python itself and the system's libraries left out; None where nothing tells.

    A command from the system's packages counts with the packages that carry its name, its library and its data.
    """
    if peer.command:
        return _debian_bytes()
    total = sum(path.stat().st_size for path in peer.files)
    for name in required(peer.packages):
        for file in metadata.files(name) or ():
            path = Path(str(file.locate()))
            if path.suffix != ".pyc" and path.is_file():
                total += path.stat().st_size
    return total


def required(names: tuple[str, ...]) -> set[str]:
    """`names` and every distribution that they require, as far as it is installed; extras left out."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        name = SAME.get(name, name)
        if name in found:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        left += [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requires if "extra ==" not in text]
    return found


def _debian_bytes() -> int | None:
    if shutil.which("dpkg-query") is None:
        return None
    words = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Installed-Size}\n", *TESSERACT]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    sizes = [int(line.split()[1]) for line in said.splitlines() if line.startswith("installed ")]
    return 1024 * sum(sizes) if sizes else None
