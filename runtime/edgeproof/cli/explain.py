"""The verb `explain`: one picture of how a picture was read."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgeproof.cli.bundles.trust_flag import trust_from
from edgeproof.cli.read_flags import regions_of
from edgeproof.errors import UsageError
from edgeproof.output.explain import picture, rows
from edgeproof.output.files.places import Folder, inputs_of, safe_stem
from edgeproof.output.files.saved import encoded
from edgeproof.page.reader import open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.redact import redacted
from edgeproof.support import command
from edgeproof.support.terminal import printable

SUFFIXES = (".png", ".jpg", ".jpeg")


def run(args: argparse.Namespace) -> int:
    """The verb `explain`. Raises SourceError for a picture that cannot be read, UsageError for what is no picture."""
    (source, *others) = parse(args.picture)
    if others or source.kind != "picture":
        raise UsageError(
            f"explain: expected one picture, found {redacted(args.picture)}: read takes folders and videos"
        )
    out: Path = args.out or Path(f"{safe_stem(Path(source.name).stem)}-explained.png")
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{out}: expected a name that ends in .png or .jpg, found '{out.suffix}'")
    inputs = inputs_of([source], args.bundle)
    inputs.refuse(out, "--out")
    (frame,) = frames_of(source)
    regions, trust = regions_of(args), trust_from(args)
    with open_reader(args.bundle, args.artifact, conf=args.conf, tuned=True, regions=regions, trust=trust) as reader:
        if reader.facts.ignored:
            command.complain(reader.facts.ignored, program="edgeproof")
        examination = reader.examine(frame.image)
        content = encoded(picture(frame.image, examination, reader.classes), out.suffix)
        written = Folder(out.parent, inputs, overwrite=args.overwrite).write(out.stem, out.suffix, content)
    width = 6 if reader.input.ink else max(len(printable(name)) for name in reader.classes)
    for number, row in enumerate(rows(examination, reader.classes), 1):
        print(f"{number:>4}  {printable(row.name):>{width}} {row.score:5.2f}  {row.box!s:<24} {row.reason}")
    reading = examination.reading
    texts = " ".join(number.text for number in reading.numbers) or ", ".join(
        answer.name for answer in reading.digits if reading.regions
    )
    print(f"read: {printable(texts) or '(nothing)'}")
    print(f"wrote {printable(str(written))}")
    return 0
