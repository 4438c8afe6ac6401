"""What edgeproof does, in five seconds: a sample picture and a sample video read with each runtime.

    python -m edgeproof.cli.demo samples/numbers.jpg samples/numbers.mp4 --out out

A window where there is a display, otherwise annotated files under --out; one row per runtime either way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from edgeproof.backends import OWN
from edgeproof.bundle import load_bundle
from edgeproof.errors import UnavailableError
from edgeproof.output import sinks
from edgeproof.output.files.places import Folder, inputs_of
from edgeproof.output.files.saved import SavedFiles, snapshots
from edgeproof.output.shot import Shot, stage_ms
from edgeproof.output.window import Window, display_works
from edgeproof.page.reader import open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Source
from edgeproof.support import command
from edgeproof.support.terminal import printable

STAGES = ("capture", "segment", "classify", "total")


@dataclass(frozen=True)
class Row:
    """One runtime's pass over the samples.

    digits: read in all frames. score: their mean, 0..1. frames: how many. ms: median milliseconds per frame and stage.
    picture: the numbers read in the picture. result: what ran, or why it did not.
    """

    backend: str
    result: str
    digits: int = 0
    score: float = 0.0
    frames: int = 0
    ms: tuple[float, ...] = ()
    picture: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m edgeproof.cli.demo", description=__doc__, formatter_class=command.Formatter
    )
    parser.add_argument("picture", metavar="PICTURE", help="a picture with digits")
    parser.add_argument("video", metavar="VIDEO", help="a video with digits")
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where annotated files go")
    parser.add_argument(
        "--show", action=argparse.BooleanOptionalAction, default=True, help="a window, if there is a display"
    )
    parser.set_defaults(verb=_demo)
    return command.run(parser, argv)


def _demo(args: argparse.Namespace) -> int:
    samples = [source for text in (args.picture, args.video) for source in parse(text)]
    inputs = inputs_of(samples, None)
    window = args.show and display_works()
    rows = []
    for backend in OWN.values():  # a device has one of them; the others are slow spares
        # What an earlier demo drew is replaced: it would be the same picture.
        sink: Window | SavedFiles = (
            Window(load_bundle().manifest.classes, snapshots(args.out, inputs))
            if window
            else SavedFiles(Folder(args.out / backend, inputs, overwrite=True))
        )
        try:
            rows.append(_pass(backend, samples, sink))
        except UnavailableError as error:
            rows.append(Row(backend, str(error)))
        finally:
            sink.close()
        if isinstance(sink, SavedFiles):
            for path in sink.written:
                print(f"wrote {printable(str(path))}")
    _print(rows)
    if not any(row.frames for row in rows):
        raise UnavailableError(
            "no runtime works here: install edgeproof[cpu] or edgeproof[litert], then see: edgeproof doctor"
        )
    return 0


def _pass(backend: str, samples: Sequence[Source], sink: sinks.Sink) -> Row:
    scores: list[float] = []
    times: list[dict[str, float]] = []
    picture = ""
    with open_reader(backend=backend) as reader:
        for source in samples:
            with closing(frames_of(source)) as frames:
                for frame in frames:
                    reading = reader.read(frame.image)
                    shot = Shot(source, frame, reading, reader.facts, reading.ms["total"])
                    scores += [digit.score for digit in reading.digits]
                    times.append(stage_ms(shot))
                    if source.kind == "picture":
                        picture = " ".join(number.text for number in reading.numbers)
                    if not sink.take(shot):
                        break
        facts = reader.facts
    return Row(
        backend=f"{backend} {facts.version}",
        result=f"{facts.artifact} ({facts.provider})",
        digits=len(scores),
        score=mean(scores) if scores else 0.0,
        frames=len(times),
        ms=tuple(median(ms[stage] for ms in times) for stage in STAGES),
        picture=picture,
    )


def _print(rows: Sequence[Row]) -> None:
    head = "".join(f"{stage:>10}" for stage in STAGES)
    print(f"\n{'runtime':<20} {'artifact':<38} {'frames':>6} {'digits':>6} {'score':>6}{head}  ms per frame (median)")
    for row in rows:
        if not row.frames:
            print(f"{row.backend:<20} {row.result}")
            continue
        ms = "".join(f"{value:>10.2f}" for value in row.ms)
        print(f"{row.backend:<20} {row.result:<38} {row.frames:>6} {row.digits:>6} {row.score:>6.3f}{ms}")
    for row in rows:
        if row.frames:
            print(f"the picture says, with {row.backend}: {row.picture}")


if __name__ == "__main__":
    sys.exit(main())
