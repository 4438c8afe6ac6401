"""Where readings are seen: JSON lines, a table on the terminal, a window. Each takes every reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol, TextIO

from edgeproof.classifier import Facts
from edgeproof.output.append_file import AppendFile
from edgeproof.output.draw import annotate, status_line
from edgeproof.page.numbers import Number
from edgeproof.page.reader import Examination, Reading
from edgeproof.sources.source import Frame, Source
from edgeproof.support.opencv import cv2
from edgeproof.support.terminal import printable

SCHEMA = 1
PROBE_TIMEOUT_S = 10


@dataclass(frozen=True)
class Shot:
    """One frame, what was read in it, what ran, and the median time of recent frames in milliseconds.

    examination: what led to the reading; None where nobody writes it down.
    """

    source: Source
    frame: Frame
    reading: Reading
    facts: Facts
    p50_ms: float
    examination: Examination | None = None

    def annotated(self) -> Any:
        return annotate(self.frame.image, self.reading, status_line(self.reading, self.facts, self.p50_ms))


class Sink(Protocol):
    def take(self, shot: Shot) -> bool:
        """Use one reading; false when the person wants to stop."""
        ...

    def close(self) -> None:
        """Finish what is open. Called after each source of what writes files: the next source gets new ones."""
        ...


def frame_record(shot: Shot) -> dict[str, Any]:
    """The JSON object of one frame; docs/json.md has its fields."""
    frame, reading, facts = shot.frame, shot.reading, shot.facts
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "type": "frame",
        "source": frame.source,
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        "width": int(frame.image.shape[1]),
        "height": int(frame.image.shape[0]),
        "turn": reading.turn,
        "digits": [
            {"label": digit.label, "name": digit.name, "score": round(digit.score, 4), "box": list(digit.box)}
            for digit in reading.digits
        ],
        "numbers": [_number_record(number) for number in reading.numbers],
        "rejected": reading.rejected,
        "ms": {stage: round(ms, 3) for stage, ms in stage_ms(shot).items()},
        "artifact": facts.artifact,
        "backend": facts.backend,
        "provider": facts.provider,
        "requested": facts.requested,
    }
    if reading.table is not None:
        record["table"] = [list(row) for row in reading.table]
    if (age_ms := frame.age_ms) is not None:
        record["age_ms"] = round(age_ms, 1)
    return record


def _number_record(number: Number) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": number.text,
        "score": round(number.score, 4),
        "box": list(number.box),
        "digits": list(number.digits),
    }
    if number.cell is not None:
        record["cell"] = list(number.cell)
    return record


def error_record(source: str, error: str, exit_code: int) -> dict[str, Any]:
    """The JSON object of something that failed; docs/json.md has its fields."""
    return {"schema": SCHEMA, "type": "error", "source": source, "error": error, "exit_code": exit_code}


def line(record: dict[str, Any]) -> bytes:
    r"""A record as a line of a file. A byte of a name that is no UTF-8, for Python a lone surrogate, is there as `\udcXX`."""
    return (json.dumps(record, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def stage_ms(shot: Shot) -> dict[str, float]:
    """Milliseconds per stage, with the capture in the total unless a thread of its own did it."""
    capture, ms = shot.frame.capture_ms, shot.reading.ms
    waited = 0.0 if shot.source.live else capture
    return {"capture": capture, "segment": ms["segment"], "classify": ms["classify"], "total": waited + ms["total"]}


class JsonLines:
    """One JSON object per line. With `overwrite` the first one clears the file: a run that fails earlier loses nothing."""

    def __init__(self, file: AppendFile, *, overwrite: bool = False) -> None:
        self._file, self._to_clear = file, overwrite

    def take(self, shot: Shot) -> bool:
        self.write(frame_record(shot))
        return True

    def write(self, record: dict[str, Any]) -> None:
        """Raises OSError when the system does not take the line; the file then ends with the line before."""
        if self._to_clear:
            self._file.clear()
            self._to_clear = False
        self._file.append(line(record))

    def close(self) -> None:
        self._file.close()


class Table:
    """A row on the terminal for each picture, and for a video or camera whenever other numbers are read."""

    HEAD = (
        f"{'source':<28} {'numbers':<34} {'digits':>6} {'score':>6} {'reject':>6} "
        f"{'capture':>8} {'segment':>8} {'classify':>8} {'total ms':>8}"
    )

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last: tuple[str, tuple[str, ...]] | None = None
        self._frames = self._digits = self._dropped = 0
        self._totals: deque[float] = deque(maxlen=10_000)  # a camera runs for days

    def take(self, shot: Shot) -> bool:
        reading, frame = shot.reading, shot.frame
        ms = stage_ms(shot)
        self._frames += 1
        self._dropped = frame.dropped
        self._digits += len(reading.digits)
        self._totals.append(ms["total"])
        texts = tuple(number.text for number in reading.numbers)
        if (frame.source, texts) == self._last:
            return True
        if self._last is None:
            print(self.HEAD, file=self._out)
        self._last = (frame.source, texts)
        mean = sum(digit.score for digit in reading.digits) / max(1, len(reading.digits))
        name = printable(frame.source) + ("" if shot.source.kind == "picture" else f" @{frame.time_s:.1f}s")
        read = printable(" ".join(texts)) or "(none)"
        print(
            f"{_short(name, 28, keep_end=True):<28} {_short(read, 34):<34} {len(reading.digits):>6} "
            f"{mean:>6.3f} {reading.rejected:>6} {ms['capture']:>8.1f} {ms['segment']:>8.1f} {ms['classify']:>8.1f} "
            f"{ms['total']:>8.1f}",
            file=self._out,
        )
        return True

    def summary(self, facts: Facts, written: Sequence[Path]) -> None:
        """The last lines: how much was read, with what, how fast, and where the files are."""
        if self._frames:
            print(
                f"{self._frames} frames, {self._digits} digits; {facts.artifact} on {facts.backend} {facts.version} "
                f"({facts.provider}); median total {median(self._totals):.1f} ms"
                + (f"; {self._dropped} frames passed by unread" if self._dropped else ""),
                file=self._out,
            )
        for path in written:
            print(f"wrote {printable(str(path))}", file=self._out)

    def close(self) -> None:
        pass


class Window:
    """A window; q, Esc or its close button ends the run, any key goes on from a picture."""

    TITLE = "edgeproof"

    def take(self, shot: Shot) -> bool:
        cv2.namedWindow(self.TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        cv2.imshow(self.TITLE, shot.annotated())
        still = shot.source.kind == "picture"
        while True:
            key = cv2.waitKey(100 if still else 1) & 0xFF
            if key in (ord("q"), 27) or cv2.getWindowProperty(self.TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return False
            if key != 0xFF or not still:
                return True

    def close(self) -> None:
        cv2.destroyAllWindows()


def display_works() -> bool:
    """Whether a window can be opened here, tried in a child process.

    Without a display OpenCV aborts the whole process, a set DISPLAY may be dead, and the headless wheel has no windows.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    code = "import cv2; cv2.namedWindow('edgeproof'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        probe = subprocess.run(
            [sys.executable, "-c", code], timeout=PROBE_TIMEOUT_S, capture_output=True, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0


def _short(text: str, length: int, *, keep_end: bool = False) -> str:
    if len(text) <= length:
        return text
    return "…" + text[1 - length :] if keep_end else text[: length - 1] + "…"
