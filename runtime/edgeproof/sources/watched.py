"""A folder that pictures arrive in."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from edgeproof.errors import SourceError
from edgeproof.sources.parse import PICTURES
from edgeproof.sources.source import Source

POLL_S = 0.25  # between two looks into the folder
SETTLED_S = 0.5  # a file that did not change for so long is whole

Stamp = tuple[int, int]  # time of the last change, nanoseconds; bytes


def watched_pictures(folder: Source) -> Iterator[Source | None]:
    """Each picture that appears in a folder from now on, or changes, once it is whole, without end; None now and then, when it is
    time to look at something else. What lies there already is not read: name the folder itself for that.

    Raises SourceError when the folder goes away.
    """
    known, since = _stamps(folder), dict[Path, tuple[Stamp, float]]()
    while True:
        found = _stamps(folder)
        known = {path: stamp for path, stamp in known.items() if path in found}
        since = {path: seen for path, seen in since.items() if path in found}
        for path, stamp in sorted(found.items(), key=lambda item: (item[1], item[0])):
            if known.get(path) == stamp:
                continue
            if path not in since or since[path][0] != stamp:
                since[path] = stamp, time.monotonic()
            elif time.monotonic() - since[path][1] >= SETTLED_S:
                known[path] = stamp
                yield Source("picture", str(path), str(path))
        yield None
        time.sleep(POLL_S)


def _stamps(folder: Source) -> dict[Path, Stamp]:
    found = {}
    try:
        for path in Path(folder.location).iterdir():
            if path.suffix.lower() in PICTURES and not path.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):  # it was taken away meanwhile
                    facts = path.stat()
                    if stat.S_ISREG(facts.st_mode):
                        found[path] = facts.st_mtime_ns, facts.st_size
    except FileNotFoundError:
        raise SourceError(f"{folder.name}: the folder is gone") from None
    except OSError as error:
        raise SourceError(f"{folder.name}: cannot be watched: {error.strerror}") from None
    return found
