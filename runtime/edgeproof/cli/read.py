"""The verb `read`: sources through a reader into sinks. A source that fails is reported, and the rest goes on."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TextIO

from edgeproof.errors import SourceError, UnavailableError, UsageError
from edgeproof.output import explain, sinks
from edgeproof.page.reader import Reader, open_reader
from edgeproof.page.segment import MAX_CANDIDATES
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse_all
from edgeproof.sources.source import Source

RECENT_FRAMES = 100  # for the running median in the status line
Plan = Sequence[tuple[str, list[Source] | SourceError]]


def run(args: argparse.Namespace) -> int:
    """Read every source of the parsed command line; returns the exit code of the first source that failed, or 0.

    Raises UsageError, UnavailableError or IntegrityError before anything is read.
    """
    if args.save_crop and args.save is None:
        raise UsageError("--save-crop: expected --save DIR too, found none: say where the crops go")
    plan = list(parse_all(args.sources))
    with contextlib.ExitStack() as stack:
        stdout = stack.enter_context(_stdout_kept_for_json()) if args.json == "-" else None
        reader = stack.enter_context(
            open_reader(args.bundle, args.artifact, args.backend, args.device, args.threads, args.conf)
        )
        lines = sinks.JsonLines(stdout or args.json) if args.json else None
        table = None if stdout else sinks.Table(sys.stdout)
        saved = sinks.SavedFiles(args.save) if args.save else None
        crops = sinks.SavedCrops(args.save / "crops") if args.save_crop else None
        window = sinks.Window() if _wants_window(args.show, plan) else None
        chosen: list[sinks.Sink | None] = [lines, table, saved, crops, window]
        active = [sink for sink in chosen if sink is not None]
        for sink in active:
            stack.callback(sink.close)
        failures = _read_all(plan, reader, active, lines, args.max_frames, args.debug)
        if table:
            table.summary(reader.facts, saved.written if saved else [])
    return failures[0].exit_code if failures else 0


def _read_all(  # noqa: PLR0917 (called once)
    plan: Plan,
    reader: Reader,
    active: Sequence[sinks.Sink],
    lines: sinks.JsonLines | None,
    max_frames: int | None,
    debug: Path | None,
) -> list[SourceError]:
    failures: list[SourceError] = []

    def report(name: str, error: SourceError) -> None:
        failures.append(error)
        print(f"edgeproof: {error}", file=sys.stderr)
        if lines:
            lines.write(sinks.error_record(name, error))

    recent: deque[float] = deque(maxlen=RECENT_FRAMES)
    for text, found in plan:
        if isinstance(found, SourceError):
            report(text, found)
            continue
        for source in found:
            try:
                if not _read_one(source, reader, active, recent, max_frames, debug):
                    return failures
            except SourceError as error:
                report(source.name, error)
    return failures


def _read_one(  # noqa: PLR0917 (called once)
    source: Source,
    reader: Reader,
    active: Sequence[sinks.Sink],
    recent: deque[float],
    max_frames: int | None,
    debug: Path | None,
) -> bool:
    """Read one source into the sinks; false when the person closed the window."""
    with contextlib.closing(frames_of(source)) as frames:
        left_off = 0
        for frame in islice(frames, max_frames):
            examination = reader.examine(frame.image)
            reading = examination.reading
            if debug:
                name = _file_name(Path(source.name).name) + ("" if source.kind == "picture" else f"-{frame.index:06d}")
                explain.write_stages(debug, name, frame.image, examination, reader)
            if reading.left_off > left_off:
                left_off = reading.left_off
                print(
                    f"edgeproof: {source.name}: frame {frame.index}: {MAX_CANDIDATES} candidates read, {left_off} more left off",
                    file=sys.stderr,
                )
            recent.append(reading.ms["total"])
            shot = sinks.Shot(source, frame, reading, reader.facts, median(recent))
            # Every sink gets the frame, also when the person has just closed the window.
            wishes = [sink.take(shot) for sink in active]
            if not all(wishes):
                return False
    return True


def _file_name(text: str) -> str:
    """A source's name as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def _wants_window(show: bool | None, plan: Plan) -> bool:
    if show is False:
        return False
    moving = any(source.kind != "picture" for _, found in plan if isinstance(found, list) for source in found)
    if (show or moving) and sinks.display_works():
        return True
    if show:
        raise UnavailableError(
            "--show: expected a display and an OpenCV with windows (opencv-python), found none that works: "
            "use --save DIR or --json FILE"
        )
    return False


@contextlib.contextmanager
def _stdout_kept_for_json() -> Iterator[TextIO]:
    """The real stdout for our records alone; whatever else writes to stdout, native code too, lands on stderr."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    own = os.fdopen(os.dup(saved), "w", encoding="utf-8")
    try:
        yield own
    finally:
        with contextlib.suppress(BrokenPipeError):  # the write that met it has raised already
            own.close()
        os.dup2(saved, 1)
        os.close(saved)
