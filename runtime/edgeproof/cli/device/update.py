"""The verbs `update` and `rollback`: another version of a bundle on this device, and back."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.errors import EdgeproofError
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.page.reader import Reader
    from edgeproof.trust.trusted import Trust

DESCRIPTION = """Put a new version of a bundle into the slots of this device. It is copied, every hash is checked and its golden
answers are replayed here; then it is tried beside the current version: on the live frames of an `edgeproof read SOURCE --slots`
that goes on, which changes over between two frames, or else on the golden inputs of both. It becomes `current`, and what was
current `previous`, unless accuracy, time or agreement say otherwise: then it is gone again (exit code 3 or 6), and nothing has
changed."""
EXAMPLES = """examples:
  edgeproof update bundle/digits                       into edgeproof's own folder, ~/.local/state/edgeproof/slots
  edgeproof update bundle/digits --slots /var/lib/edgeproof/slots
  edgeproof update bundle/digits --crops crops/labelled    judged on what `edgeproof label crops` gave, too
  edgeproof update bundle/digits --trust release.pub   only if this key signed it
  edgeproof read 0 --slots                             reads with it
  edgeproof rollback                                   back to the version before"""
ROLLBACK_EXAMPLES = """examples:
  edgeproof rollback
  edgeproof rollback --slots /var/lib/edgeproof/slots"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    add_slots(parser)
    add_trust(parser)
    parser.add_argument(
        "--crops",
        type=Path,
        metavar="DIR",
        help="labelled crops, a folder per class: the new version must do as well there",
    )


def add_slots(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--slots", type=Path, metavar="DIR", help="slots folder; left out: edgeproof/slots in the user's state folder"
    )


def run(args: argparse.Namespace) -> int:
    """Update, and say what came of it. Raises what `edgeproof.slots.update.update` raises, with what has stayed as it was."""
    from edgeproof.bundle import load_bundle
    from edgeproof.slots.folder import Slots
    from edgeproof.slots.update import update

    slots, trust = Slots(args.slots), trust_from(args)
    try:
        done = update(args.bundle, slots, partial(_reader, trust), partial(load_bundle, trust=trust), args.crops)
    except EdgeproofError as error:
        current = slots.linked("current")
        stays = f"{current.name} stays current" if current else "there is no current version"
        raise type(error)(f"rolled back: {error}; {stays}") from error
    place = printable(str(slots.folder))
    if done is None:
        print(f"{place}: this is the current version already")
        return 0
    tried = "" if done.counts is None else f"; {'tried on live frames' if done.live else 'tried here'}: {done.counts}"
    back = "; edgeproof rollback goes back" if slots.linked("previous") else ""
    print(f"{place}: current is {done.folder.name}{tried}{back}")
    return 0


def run_rollback(args: argparse.Namespace) -> int:
    """Go back. Raises UsageError where there is nothing to go back to."""
    from edgeproof.slots.folder import Slots

    slots = Slots(args.slots)
    slots.required()
    back = slots.roll_back("asked for: edgeproof rollback")
    print(f"{printable(str(slots.folder))}: current is {back.name} again; a reader that goes on has it within a second")
    return 0


def _reader(trust: Trust | None, bundle: Path) -> Reader:
    """As the bundle ranks it: of a new version nothing was tuned here yet."""
    from edgeproof.page.reader import open_reader

    return open_reader(bundle, trust=trust)
