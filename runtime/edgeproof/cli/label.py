"""The verb `label`: a page on which a person says what uncertain crops are, and what to do with them then."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.support import command
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.web.label.crops import Crops

PROGRAM = "edgeproof"
LABELLED = "labelled"
DESCRIPTION = """A web page that shows the crops of `edgeproof read SOURCE --save-uncertain DIR` one by one: a key moves each
into the folder of its class, from which a model is trained. Ctrl-C ends it."""
EXAMPLES = """examples:
  edgeproof label crops
  edgeproof label crops --bundle bundle/own-images     for the classes of another model
  edgeproof label crops --web 0.0.0.0:8081 --web-token FILE     from a phone"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the crops")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder for one per class (default: DIR/{LABELLED})")
    parser.add_argument(
        "--bundle", type=Path, metavar="DIR", help="bundle whose classes they get (default: the one edgeproof carries)"
    )
    parser.add_argument("--web", default="127.0.0.1:8081", metavar="HOST:PORT", help="where the page is")
    parser.add_argument(
        "--web-token", type=Path, metavar="FILE",
        help="file with the token that the page asks for, needed where other machines reach it",
    )  # fmt: skip
    parser.add_argument(
        "--web-name", action="append", default=[], metavar="NAME", help="a name by which other machines call this one"
    )
    parser.add_argument(
        "--open",
        action=argparse.BooleanOptionalAction,
        help="open a browser (default: where there is one and no token)",
    )


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C. Raises UsageError, UnavailableError, SourceError or IntegrityError before anything is shown."""
    from edgeproof.bundle import load_bundle
    from edgeproof.output.files.places import inputs_of
    from edgeproof.web.address import parse_address, read_token
    from edgeproof.web.label.choices import choices_of
    from edgeproof.web.label.crops import Crops
    from edgeproof.web.label.page import LabelPage

    out = args.out or args.folder / LABELLED
    inputs_of([], args.bundle).refuse(out, "--out")
    crops = Crops(args.folder, out, choices_of(load_bundle(args.bundle).manifest.classes))
    token = read_token(args.web_token)
    page = LabelPage(parse_address(args.web), crops, _next_command(out), token, args.web_name)
    with contextlib.closing(page), command.until_stopped():
        page.start()
        waiting = f"{crops.left} crops wait" if crops.left else "no crops wait there yet"
        command.complain(f"label page: {page.url} ({printable(str(args.folder))}: {waiting})", program=PROGRAM)
        if args.open or (args.open is None and token is None and _has_browser()):
            _open_browser(page.url)
        while True:
            time.sleep(3600)
    _summarize(crops)
    return 0


def _has_browser() -> bool:
    """Whether one would show: without a display Python would run a browser of letters in this terminal."""
    named = any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
    return named or sys.platform in ("darwin", "win32")


def _open_browser(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        command.complain(f"no browser could be opened: open {url} in one", program=PROGRAM)


def _summarize(crops: Crops) -> None:
    """How many were labelled as what, and what is typed next."""
    crops.look()
    rows = [
        (printable(choice.name), crops.now[choice.name], count)
        for choice, count in zip(crops.choices, crops.counts, strict=True)
        if count
    ]
    print(f"{crops.now.total()} labelled, {crops.left} left")
    if rows:
        print(f"{'class':<12} {'now':>6} {'in all':>8}")
        for name, now, count in rows:
            print(f"{name:<12} {now:>6} {count:>8}")
        print(f"next: {_next_command(crops.out)}")


def _next_command(out: Path) -> str:
    return printable(f"python -m train run own-images --data {shlex.quote(str(out))}")
