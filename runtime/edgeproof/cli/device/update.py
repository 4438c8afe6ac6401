"""The verbs `update` and `rollback`: another version of a bundle on this device, and back."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.errors import GateError, IntegrityError
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.page.reader import Reader
    from edgeproof.slots.folder import Slots
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
  edgeproof rollback --slots /var/lib/edgeproof/slots
  edgeproof rollback --trust release.pub               only if this key signed what is gone back to"""


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


def add_rollback_arguments(parser: argparse.ArgumentParser) -> None:
    add_slots(parser)
    add_trust(parser)


def add_slots(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--slots", type=Path, metavar="DIR", help="slots folder; left out: edgeproof/slots in the user's state folder"
    )


def run(args: argparse.Namespace) -> int:
    """Update, and say what came of it. Raises what `edgeproof.slots.update.update` raises, with what has stayed as it was."""
    from edgeproof.bundle import load_bundle
    from edgeproof.slots.folder import Slots
    from edgeproof.slots.update import Openers, update
    from edgeproof.trust.trusted import EVERYBODY, installed

    slots, trust = Slots(args.slots), trust_from(args)
    _refuse_the_wheels(args.bundle, installed() if trust is None else trust)
    openers = Openers(partial(load_bundle, trust=trust), partial(_reader, trust), partial(_reader, EVERYBODY))
    try:
        done = update(args.bundle, slots, openers, args.crops)
    except (GateError, IntegrityError) as error:
        raise type(error)(f"rolled back: {error}; {_stays(slots)}") from error
    place = printable(str(slots.folder))
    if done is None:
        print(f"{place}: this is the current version already")
        return 0
    tried = "" if done.counts is None else f"; {'tried on live frames' if done.live else 'tried here'}: {done.counts}"
    back = "; edgeproof rollback goes back" if slots.linked("previous") else ""
    print(f"{place}: current is {done.folder.name}{tried}{back}")
    return 0


def run_rollback(args: argparse.Namespace) -> int:
    """Go back. Raises UsageError where there is nothing to go back to, IntegrityError for what no run would take."""
    from edgeproof.bundle import load_bundle
    from edgeproof.slots.folder import Slots

    slots, trust = Slots(args.slots), trust_from(args)
    slots.required()
    try:
        back = slots.roll_back("asked for: edgeproof rollback", partial(load_bundle, trust=trust))
    except IntegrityError as error:
        raise IntegrityError(f"the previous version is refused: {error}; {_stays(slots)}") from error
    print(f"{printable(str(slots.folder))}: current is {back.name} again; a reader that goes on has it within a second")
    return 0


def _refuse_the_wheels(bundle: Path, trust: Trust) -> None:
    """Raises IntegrityError for the bundle that edgeproof carries where keys are installed: its copy is a bundle as any other."""
    from edgeproof.bundle import default_bundle

    if trust.keys and not trust.named and bundle.resolve() == default_bundle().resolve():
        raise IntegrityError(
            f"{bundle}: expected a bundle that a trusted key signed, found edgeproof's own, which is trusted in its place alone: "
            "copy it, sign the copy (edgeproof sign COPY --key KEY), and update with that"
        )


def _stays(slots: Slots) -> str:
    current = slots.linked("current")
    return f"{current.name} stays current" if current else "there is no current version"


def _reader(trust: Trust | None, bundle: Path) -> Reader:
    """As the bundle ranks it: of a new version nothing was tuned here yet."""
    from edgeproof.page.reader import open_reader

    return open_reader(bundle, trust=trust)
