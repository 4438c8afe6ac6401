"""The verb `explain`: one picture of how a picture was read."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgeproof.errors import UsageError
from edgeproof.output.explain import picture, rows, write_picture
from edgeproof.page.reader import open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.redact import redacted


def run(args: argparse.Namespace) -> int:
    """The verb `explain`. Raises SourceError for a picture that cannot be read, UsageError for what is no picture."""
    (source, *others) = parse(args.picture)
    if others or source.kind != "picture":
        raise UsageError(
            f"explain: expected one picture, found {redacted(args.picture)}: read takes folders and videos"
        )
    (frame,) = frames_of(source)
    out = args.out or Path(f"{Path(source.name).stem}-explained.png")
    with open_reader(args.bundle, args.artifact, conf=args.conf) as reader:
        examination = reader.examine(frame.image)
        write_picture(out, picture(frame.image, examination, reader))
    for number, row in enumerate(rows(examination, reader.classes), 1):
        print(f"{number:>4}  {row.name:>6} {row.score:5.2f}  {row.box!s:<24} {row.reason}")
    print(f"read: {' '.join(number.text for number in examination.reading.numbers) or '(nothing)'}")
    print(f"wrote {out}")
    return 0
