"""Where readings are seen: JSON lines, a table on the terminal. Each takes every reading."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Protocol, TextIO

from edgeproof.classifier import Facts
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.records import event_record, frame_record, line
from edgeproof.output.shot import Shot, stage_ms
from edgeproof.page.reading import Region
from edgeproof.sources.source import Health, Source
from edgeproof.support.terminal import printable


class Sink(Protocol):
    def take(self, shot: Shot) -> bool:
        """Use one reading; false when the person wants to stop."""
        ...

    def close(self) -> None:
        """Finish what is open. Called after each source of what writes files: the next source gets new ones."""
        ...


class Listener(Sink, Protocol):
    """A sink of the whole run, all sources, that is told of the health of live ones too."""

    def tell(self, health: Health) -> None:
        """What has become of a source; called when it changes."""
        ...


class JsonLines:
    """One JSON object per line. With `overwrite` the first one clears the file: a run that fails earlier loses nothing."""

    def __init__(self, file: AppendFile, *, overwrite: bool = False) -> None:
        self._file, self._to_clear = file, overwrite

    def take(self, shot: Shot) -> bool:
        self.write(frame_record(shot))
        for event in shot.tracked.events if shot.tracked else ():
            self.write(event_record(shot.frame.source, event))
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
    """A row on the terminal for each picture, and for a video or camera whenever something else is read; of pictures in several
    regions, a row for each."""

    HEAD = (
        f"{'source':<28} {'numbers':<34} {'digits':>6} {'score':>6} {'reject':>6} "
        f"{'capture':>8} {'segment':>8} {'classify':>8} {'total ms':>8}"
    )
    ANSWERS_HEAD = f"{'source':<34} {'answer':<24} {'score':>6} {'runner-up':<24} {'score':>6} {'total ms':>8}"

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last: tuple[str, tuple[str, ...]] | None = None
        self._source: Source | None = None
        self._told = False  # whether a number of the moving source was told yet
        self._frames = self._digits = self._dropped = 0
        self._what = "digits"
        self._totals: deque[float] = deque(maxlen=10_000)  # a camera runs for days

    def take(self, shot: Shot) -> bool:
        reading, frame = shot.reading, shot.frame
        self._frames += 1
        self._dropped = frame.dropped
        self._digits += len(reading.digits)
        self._what = "answers" if reading.regions else "digits"
        self._totals.append(stage_ms(shot)["total"])
        if not self._is_news(shot):
            return True
        # Of a moving source the first frame as it is, then what it shows steadily.
        shown = shot.shown if self._told else reading
        texts = tuple(
            [number.text for number in shown.numbers]
            + [region.answer.name if region.answer else "" for region in shown.regions]
        )
        if (frame.source, texts) == self._last:
            return True
        if self._last is None:
            print(self.ANSWERS_HEAD if reading.regions else self.HEAD, file=self._out)
        self._last = (frame.source, texts)
        for row in _answer_rows(shot, shown.regions) if reading.regions else [_number_row(shot, texts)]:
            print(row, file=self._out)
        return True

    def _is_news(self, shot: Shot) -> bool:
        first = self._source is not shot.source
        self._source = shot.source
        self._told = (self._told and not first) or bool(shot.tracked and shot.tracked.numbers)
        return first or self._told or shot.tracked is None

    def summary(self, facts: Facts, written: Sequence[Path]) -> None:
        """The last lines: how much was read, with what, how fast, and where the files are."""
        if self._frames:
            tuned = ", tuned" if facts.chosen_by == "tuned" else ""
            print(
                f"{self._frames} frames, {self._digits} {self._what}; {facts.artifact} on {facts.backend} {facts.version} "
                f"({facts.provider}{tuned}); median total {median(self._totals):.1f} ms"
                + (f"; {self._dropped} frames passed by unread" if self._dropped else ""),
                file=self._out,
            )
        for path in written:
            print(f"wrote {printable(str(path))}", file=self._out)

    def close(self) -> None:
        pass


def _number_row(shot: Shot, texts: Sequence[str]) -> str:
    reading, ms = shot.reading, stage_ms(shot)
    mean = sum(digit.score for digit in reading.digits) / max(1, len(reading.digits))
    read = printable(" ".join(texts)) or "(none)"
    return (
        f"{_short(_place(shot), 28, keep_end=True):<28} {_short(read, 34):<34} {len(reading.digits):>6} "
        f"{mean:>6.3f} {reading.rejected:>6} {ms['capture']:>8.1f} {ms['segment']:>8.1f} {ms['classify']:>8.1f} "
        f"{ms['total']:>8.1f}"
    )


def _answer_rows(shot: Shot, regions: Sequence[Region]) -> Iterator[str]:
    """A row per region: its answer, and what else it may be by the frame alone."""
    total = stage_ms(shot)["total"]
    for number, region in enumerate(regions, 1):
        place = _short(_place(shot) + (f" #{number}" if len(regions) > 1 else ""), 34, keep_end=True)
        answer = region.answer
        name, score = (_short(printable(answer.name), 24), f"{answer.score:.3f}") if answer else ("(not sure)", "")
        other = next((guess for guess in region.top if not answer or guess.label != answer.label), None)
        runner_up = f"{_short(printable(other.name), 24):<24} {other.score:>6.3f}" if other else " " * 31
        yield f"{place:<34} {name:<24} {score:>6} {runner_up} {total:>8.1f}"


def _place(shot: Shot) -> str:
    return printable(shot.frame.source) + ("" if shot.source.kind == "picture" else f" @{shot.frame.time_s:.1f}s")


def _short(text: str, length: int, *, keep_end: bool = False) -> str:
    if len(text) <= length:
        return text
    return "…" + text[1 - length :] if keep_end else text[: length - 1] + "…"
