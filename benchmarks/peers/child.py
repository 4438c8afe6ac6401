"""One peer in a process of its own: `python -m benchmarks.peers.child NAME OPTIONS` (OPTIONS as JSON).

It says what it is, then answers one line per line: a picture's path, or nothing, which ends it with its peak memory. Nothing else
reaches stdout: OCR engines print there.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers.readers import Options, Peer
from edgeproof.errors import EdgeproofError
from edgeproof.support.machine import peak_memory_mib

NAMES = ("edgeproof", "tutorial, same model", "tutorial CNN", "HOG + SVM", "RapidOCR", "Tesseract")


def opened(name: str, options: Options) -> Peer:
    """The peer `name`. Raises UnavailableError when it does not work here."""
    from benchmarks.peers import hog_svm, readers

    makers: tuple[Callable[[Options], Peer], ...] = (
        readers.edgeproof, readers.tutorial_same_model, readers.tutorial_own_model, hog_svm.peer, readers.rapidocr,
        readers.tesseract,
    )  # fmt: skip
    return dict(zip(NAMES, makers, strict=True))[name](options)


def main(name: str, options: Options) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(record: object) -> None:
        print(json.dumps(record), file=answers, flush=True)

    import cv2
    import numpy as np

    from benchmarks.peers.sizes import installed_bytes

    cv2.setNumThreads(1)
    try:
        peer = opened(name, options)
    except EdgeproofError as error:
        say({"missing": str(error)})
        return
    say({"version": peer.version, "bytes": installed_bytes(peer)})
    for line in sys.stdin:
        picture: Any = cv2.imdecode(np.fromfile(line.rstrip("\n"), np.uint8), cv2.IMREAD_COLOR)  # EXIF applied
        start = time.perf_counter()
        answer = peer.read(picture)
        ms = 1000 * (time.perf_counter() - start)
        say({"ms": ms, "digits": [[label, list(map(int, box))] for label, box in peer.finish(picture, answer)]})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 if peer.command else peak_memory_mib()
    say({"peak_mib": peak})


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
