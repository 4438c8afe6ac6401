"""The verb `read`: sources through a reader into sinks."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.bundle import load_bundle
from edgeproof.cli.batch import PROGRAM, Batch, User
from edgeproof.cli.bundles.trust_flag import trust_from
from edgeproof.cli.read_flags import regions_of
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.output import sinks
from edgeproof.output.files import crops, saved
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.events_csv import EventsCsv
from edgeproof.output.files.json_file import open_json
from edgeproof.output.files.places import Folder, Inputs, inputs_of
from edgeproof.output.mqtt import address
from edgeproof.output.mqtt.sink import Mqtt
from edgeproof.output.window import Window, display_works
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.parse import parse_all
from edgeproof.sources.source import Source
from edgeproof.support import command, notify
from edgeproof.trust.trusted import EVERYBODY, Trust, installed

if TYPE_CHECKING:
    from edgeproof.slots.follow import Follower
    from edgeproof.web.server import WebPage


def run(args: argparse.Namespace) -> int:
    """Read every source of the parsed command line; returns the exit code of the first item that failed, or 0.

    Raises UsageError, UnavailableError or IntegrityError before anything is read.
    """
    _check_flags(args)
    broker = None if args.mqtt is None else address.parse(args.mqtt)
    plan = list(parse_all(args.sources))
    sources = [source for _, found in plan if isinstance(found, list) for source in found]
    inputs = inputs_of(sources, args.bundle)
    _refuse_inputs(args, sources, inputs)
    with ExitStack() as stack:
        lines = _json_lines(args, stack) if args.json else None
        if args.json and args.json != "-":
            inputs = inputs.and_also(Path(args.json), "the --json file")
        follower = _follower(args, stack)
        reader = follower.reader if follower else stack.enter_context(_reader(args, trust_from(args), args.bundle))
        if reader.facts.ignored:
            command.complain(reader.facts.ignored, program=PROGRAM)
        table = None if args.json == "-" else sinks.Table(sys.stdout)
        window = None
        if _wants_window(False if args.web and args.show is None else args.show, sources):
            watched = any(source.kind == "watched" for source in sources)
            window = Window(reader.classes, saved.snapshots(args.save or Path(), inputs), waits=not watched)
            stack.callback(window.close)
        files, others = _savers(args, inputs, reader.classes)
        users: list[User] = []
        listeners = _listeners(args, broker, reader, stack, users)
        batch = Batch(
            reader, lines, table, window, [*files, *others], listeners, args.max_frames,
            _live_options(args), getattr(args, "traceback", False), follower, users,
        )  # fmt: skip
        if any(source.kind != "picture" for source in sources):
            reader.warm_up()
        # Before the first frame: a camera that is not there must not keep a service from starting.
        notify.tell("READY=1", "STATUS=the model is loaded")
        stack.callback(notify.tell, "STOPPING=1")
        batch.read_all(plan)
        if args.web and args.max_frames is None and not any(source.live for source in sources):
            _keep_page()
        if table:
            table.summary(batch.reader.facts, [path for sink in files for path in sink.written])
    return batch.exit_code


def _check_flags(args: argparse.Namespace) -> None:
    """Raises UsageError for flags that need another."""
    if args.save_crop and args.save is None:
        raise UsageError("--save-crop: expected --save DIR too, found none: say where the crops go")
    if args.append and args.json is None and args.events is None:
        raise UsageError("--append: expected --json FILE too, or --events FILE, found none: say which file goes on")
    if args.slots is not None and args.bundle is not None:
        raise UsageError("--slots: expected no --bundle beside it, found one: what the slots hold is read with")
    if args.no_discovery and args.mqtt is None:
        raise UsageError("--no-discovery: expected --mqtt URL too, found none: say which broker")


def _follower(args: argparse.Namespace, stack: ExitStack) -> Follower | None:
    """Of --slots, closed by `stack`. What is wrong with a key is raised before the folder is looked at; it blames no version."""
    if args.slots is None:
        return None
    from edgeproof.slots.folder import Slots
    from edgeproof.slots.follow import Follower
    from edgeproof.slots.update import Openers

    trust = trust_from(args)
    if trust is None:
        installed()  # must be readable now; which they are is asked for each bundle, for a reader goes on for weeks
    slots, say = Slots(None if args.slots is True else args.slots), partial(command.complain, program=PROGRAM)
    openers = Openers(
        partial(load_bundle, trust=trust), partial(_reader, args, trust, tuned=False),
        partial(_reader, args, EVERYBODY, tuned=False),
    )  # fmt: skip
    return stack.enter_context(Follower(slots, partial(_reader, args, trust), openers, say))


def _reader(args: argparse.Namespace, trust: Trust | None, bundle: Path | None, *, tuned: bool = True) -> Reader:
    return open_reader(
        bundle, args.artifact, args.backend, args.device, args.threads, args.conf, strict=args.strict_device,
        tuned=tuned, regions=regions_of(args), top=args.top, trust=trust,
    )  # fmt: skip


def _listeners(
    args: argparse.Namespace,
    broker: address.Address | None,
    reader: Reader,
    stack: ExitStack,
    users: list[User],
) -> list[sinks.Listener]:
    """What is told of every frame and every change, closed by `stack`. users: filled with those that read too."""
    found: list[sinks.Listener] = []
    if args.events:
        found.append(EventsCsv(args.events, append=args.append, overwrite=args.overwrite))
        stack.callback(found[-1].close)
    if broker:
        say = partial(command.complain, program=PROGRAM)
        pictures = not reader.input.ink
        found.append(Mqtt(broker, reader.facts, say, discovery=not args.no_discovery, pictures=pictures))
        stack.callback(found[-1].close)
    if args.web:
        page = _web_page(args, reader, stack)
        found.append(page)
        users.append(page)
    return found


def _web_page(args: argparse.Namespace, reader: Reader, stack: ExitStack) -> WebPage:
    """The started web page, closed by `stack`. Raises UnavailableError, or UsageError for an address that needs a token."""
    from edgeproof.web.address import parse_address, read_token
    from edgeproof.web.server import WebPage

    page = WebPage(parse_address(args.web), reader, read_token(args.web_token), args.web_name)
    page.start()
    stack.callback(page.close)
    command.complain(f"web page: {page.url}", program=PROGRAM)
    return page


def _keep_page() -> None:
    """Until Ctrl-C: of a picture or video the page would be gone before anybody opens it."""
    command.complain("everything is read; the web page stays until Ctrl-C", program=PROGRAM)
    with command.until_stopped():
        while True:
            time.sleep(3600)


def _refuse_inputs(args: argparse.Namespace, sources: Sequence[Source], inputs: Inputs) -> None:
    """Before anything is opened. Raises UsageError when an output is a source, or lies in the bundle."""
    if args.json and args.json != "-":
        inputs.refuse(Path(args.json), "--json")
    watched = [Path(source.location) for source in sources if source.kind == "watched"]
    for name in ("save", "record", "save_uncertain", "debug", "events"):
        path, flag = getattr(args, name), f"--{name.replace('_', '-')}"
        if path is None:
            continue
        inputs.refuse(path, flag)
        if path.exists() and any(path.samefile(folder) for folder in watched):
            raise UsageError(f"{flag}: expected another folder than the watched one, which is read, found {path}")
    if args.save:
        for source in sources:
            inputs.refuse(args.save / "".join(saved.annotated_name(source)), "--save")


def _json_lines(args: argparse.Namespace, stack: ExitStack) -> sinks.JsonLines:
    """What takes the records, closed by `stack`. Raises UsageError for a file that must not be written."""
    if args.json == "-":
        file = AppendFile(stack.enter_context(_stdout_kept_for_json()), "standard output")
    else:
        file = open_json(Path(args.json), append=args.append, overwrite=args.overwrite)
    lines = sinks.JsonLines(file, overwrite=args.overwrite and args.json != "-")
    stack.callback(lines.close)
    return lines


def _live_options(args: argparse.Namespace) -> LiveOptions:
    width, height = args.size or (None, None)
    return LiveOptions(
        args.open_timeout,
        args.read_timeout,
        args.on_loss,
        args.give_up,
        args.still,
        width,
        height,
        args.fps,
        args.pixel_format,
    )


def _savers(
    args: argparse.Namespace, inputs: Inputs, classes: Sequence[str]
) -> tuple[list[saved.SavedFiles | saved.Recording], list[sinks.Sink]]:
    """What writes annotated files, and what writes crops and stages, as the flags ask for."""

    def folder(path: Path) -> Folder:
        return Folder(path, inputs, overwrite=args.overwrite)

    files: list[saved.SavedFiles | saved.Recording] = [saved.SavedFiles(folder(args.save))] if args.save else []
    if args.record:
        files.append(saved.Recording(folder(args.record)))
    others: list[sinks.Sink] = []
    if args.save_crop:
        others.append(crops.SavedCrops(folder(args.save / "crops")))
    if args.save_uncertain:
        others.append(crops.SavedUncertain(folder(args.save_uncertain), classes))
    if args.debug:
        others.append(saved.SavedStages(folder(args.debug), classes))
    return files, others


def _wants_window(show: bool | None, sources: Sequence[Source]) -> bool:
    if show is False:
        return False
    moving = any(source.kind != "picture" for source in sources)
    if (show or moving) and display_works():
        return True
    if show:
        raise UnavailableError(
            "--show: expected a display and an OpenCV with windows (opencv-python), found none that works: "
            "use --save DIR or --json FILE"
        )
    return False


@contextlib.contextmanager
def _stdout_kept_for_json() -> Iterator[int]:
    """A descriptor of the real stdout for our records alone; whatever else writes there, native code too, lands on stderr.

    Raises UsageError when stdout is closed.
    """
    if sys.__stdout__ is None:
        raise UsageError("--json -: expected an open stdout, found a closed one: name a file")
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield os.dup(kept)  # whoever takes it closes it
    finally:
        os.dup2(kept, 1)
        os.close(kept)
