"""The verb `deploy`: the program and a bundle to devices over ssh, one after the other."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.errors import EdgeproofError, UsageError
from edgeproof.support import command
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.deploy import address
    from edgeproof.deploy.deploy import Order
    from edgeproof.deploy.report import Outcome

DESCRIPTION = """Bring edgeproof and a bundle to a device over the system's own ssh: wheels from an offline wheelhouse into an
environment of their own, the bundle, then verify, tune and a short bench there, whose reports are fetched. Only then is a link
switched, in one step: until then, and when the connection breaks, what ran there before still does. The same again copies
nothing. Passwords are never asked for: keys, known hosts and jumps are those of your ssh."""
EXAMPLES = """examples:
  make wheelhouse ARCH=aarch64                         once, where there is a network
  edgeproof deploy pi@raspberrypi                      into ~/edgeproof there, with the bundle of the wheel
  edgeproof deploy pi@raspberrypi:/opt/reader bundle/digits-quick
  edgeproof deploy pi@raspberrypi bundle/digits-quick --trust release.pub    nothing else is taken, here and there
  edgeproof deploy pi@a pi@b pi@c ./mine               several, and a table at the end
  edgeproof deploy --hosts hosts.txt --service "read 0 --json readings.jsonl --append"
  edgeproof deploy root@raspberrypi:/opt/edgeproof --service "read 0"     a service of the machine
  edgeproof deploy pi@raspberrypi ./mine --slots slots       tried beside the version that reads there now
  edgeproof deploy pi@raspberrypi --ssh-option Port=2222 --ssh-option IdentityFile=key

A word with a slash before any colon is the BUNDLE (write ./NAME); all others are hosts.
There: ~/edgeproof/current/venv/bin/edgeproof read ...; `previous` is the release before."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="HOST [BUNDLE]",
        help="[user@]host[:path], one or several; bundle folder (default: the wheel's)",
    )
    parser.add_argument("--hosts", type=Path, metavar="FILE", help="more hosts, a line each; # begins a comment")
    add_trust(parser)
    parser.add_argument(
        "--wheelhouse",
        type=Path,
        default=Path("wheelhouse"),
        metavar="DIR",
        help="wheels, or a folder of them per architecture, as make wheelhouse leaves it",
    )
    parser.add_argument(
        "--service",
        metavar="WORDS",
        help='also install and restart a systemd service of these words, as one argument: "read 0 --no-show"; '
        "as root outside of homes alone: root@HOST:/opt/edgeproof",
    )
    parser.add_argument(
        "--slots",
        type=PurePosixPath,
        metavar="DIR",
        help="put the BUNDLE into this slots folder there, as edgeproof update does, with a trial; the service reads from it "
        "(relative: in the deployment's folder)",
    )
    parser.add_argument(
        "--no-measure", action="store_true", help="leave out tune and bench, which decide nothing: the proof alone does"
    )
    parser.add_argument("--python", metavar="PATH", help="the Python to take there (default: the first that fits)")
    parser.add_argument(
        "--out", type=Path, default=Path("deployments"), metavar="DIR", help="reports, a folder HOST-TIME for each"
    )
    parser.add_argument(
        "--ssh-option", action="append", default=[], metavar="NAME=VALUE", help="as ssh -o takes it; may be repeated"
    )
    parser.add_argument("--ssh-config", type=Path, metavar="FILE", help="as ssh -F takes it")


def run(args: argparse.Namespace) -> int:
    """Deploy to each host in turn; returns the exit code of the first that failed. Raises UsageError for wrong words."""
    from edgeproof.deploy import address, report
    from edgeproof.deploy.deploy import Order

    words: list[str] = []
    folders: list[str] = []
    for word in args.words:
        (folders if address.is_folder(word) else words).append(word)
    hosts = [address.parse(word) for word in (*words, *(address.listed(args.hosts) if args.hosts else []))]
    if not hosts or len(folders) > 1:
        found = f"{len(folders)} bundles: {', '.join(folders)}" if hosts else "none"
        raise UsageError(f"deploy: expected a host and at most one BUNDLE, found {found}: see edgeproof deploy --help")
    if args.slots and not folders:
        raise UsageError("--slots: expected a BUNDLE to put there, found none: name its folder")
    order = Order(
        args.wheelhouse,
        Path(folders[0]) if folders else None,
        _service(args.service),
        args.out,
        not args.no_measure,
        args.python,
        tuple(args.ssh_option),
        args.ssh_config,
        trust_from(args),
        args.slots,
    )
    outcomes = [_one(host, order, several=len(hosts) > 1) for host in hosts]
    if len(hosts) > 1:
        print(report.table(outcomes))
    return next((outcome.code for outcome in outcomes if outcome.code), 0)


def _one(host: address.Address, order: Order, *, several: bool) -> Outcome:
    """Of several, one that fails is told and the next follows."""
    from edgeproof.deploy.deploy import deploy
    from edgeproof.deploy.report import FAILED, Outcome

    def say(text: str) -> None:
        print(printable(f"{host.login}: {text}"))

    try:
        outcome = deploy(host, order, say)
    except (EdgeproofError, OSError) as error:
        if not several:
            raise
        command.complain(command.describe(error), program="edgeproof")
        return Outcome(host.login, FAILED, reason=command.describe(error), code=command.exit_code(error))
    say(f"{outcome.result} in {outcome.seconds:.0f} s")
    return outcome


def _service(text: str | None) -> tuple[str, ...]:
    """Raises UsageError for words that are no `read`."""
    if text is None:
        return ()
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--service: expected words as a shell takes them, found {text!r}: {error}") from None
    if words[:1] != ("read",):
        raise UsageError(f'--service: expected "read SOURCE ...", found {text!r}')
    return words
