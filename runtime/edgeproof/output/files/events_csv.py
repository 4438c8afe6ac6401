"""Events as a table for a spreadsheet: one row per number that appeared, changed, or is gone, and per state of a source."""

from __future__ import annotations

import csv
import io
import os
from datetime import datetime
from pathlib import Path

from edgeproof.errors import UsageError
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Health

HEAD = ("at", "source", "time_s", "event", "id", "text", "before", "score", "x", "y", "width", "height")


class EventsCsv:
    """The file of `--events`. at: this machine's clock and zone when it was told; the others are those of the JSON records."""

    def __init__(self, path: Path, *, append: bool, overwrite: bool) -> None:
        """Raises UsageError when there is something in the file and neither `append` nor `overwrite` is given."""
        if path.is_dir():
            raise UsageError(f"--events: expected a file, found the folder {path}: name a file in it")
        begun = path.exists() and path.stat().st_size > 0
        if begun and not (append or overwrite):
            raise UsageError(f"--events: expected a new file, found {path}: give --append, --overwrite or another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if overwrite else 0)
        self._file = AppendFile(os.open(path, flags, 0o666), str(path))
        if overwrite or not begun:
            self._file.append(_row(HEAD))

    def take(self, shot: Shot) -> bool:
        """Raises OSError when a row does not fit on the disk; the file then ends with the row before."""
        for event in shot.tracked.events if shot.tracked else ():
            what = (event.kind, event.id, event.text, event.before or "", f"{event.score:.4f}")
            self._file.append(_row((_now(), shot.frame.source, f"{event.time_s:.3f}", *what, *event.box)))
        return True

    def tell(self, health: Health) -> None:
        """A row of a source that falls silent or comes back, its reason as the text. Raises OSError as `take` does."""
        self._file.append(_row((_now(), health.source, "", health.state, "", health.reason, *[""] * (len(HEAD) - 6))))

    def close(self) -> None:
        self._file.close()


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _row(cells: tuple[object, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(errors="backslashreplace")
