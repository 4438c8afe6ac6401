"""The command line: `edgeproof VERB`. It parses; what works is in the modules it calls."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from edgeproof import __version__
from edgeproof.cli import read_flags
from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.support import command

DESCRIPTION = """Read handwritten digits from pictures, videos and cameras with a proven model bundle, or say what pictures
show."""
EXAMPLES = """examples:
  edgeproof read photo.jpg
  edgeproof read photos/ --json readings.jsonl --save out
  edgeproof read 0                                     the first camera
  edgeproof explain photo.jpg
  edgeproof verify bundle/digits-quick
  edgeproof bench
  edgeproof tune                                       let this machine choose what is fastest on it
  edgeproof doctor
  edgeproof cameras
  edgeproof label crops                                what the reader was not sure of, for training
  edgeproof sign bundle/digits --key release.key       devices that trust this key take it, and nothing unsigned
  edgeproof update bundle/digits                       a new version on this device; rollback goes back
  edgeproof service install -- read 0                  for weeks, as a systemd service
  edgeproof deploy pi@raspberrypi                      to a device over ssh, proven there

exit codes: 0 ok, 1 unexpected or denied by the machine, 2 usage, 3 a gate failed, 4 device or backend not available,
5 source missing, undecodable or lost, 6 integrity, 7 benchmark invalid, 130 interrupted"""
VERIFY_EXAMPLES = """examples:
  edgeproof verify                                     the bundle that edgeproof carries
  edgeproof verify bundle/digits-quick
  edgeproof verify bundle/digits-quick --trust release.pub      only if this key signed it"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return command.run(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeproof", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=command.Formatter
    )
    parser.add_argument("--version", action="version", version=f"edgeproof {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_read(verbs)
    _add_explain(verbs)
    _add_verify(verbs)
    _add_bench(verbs)
    _add_tune(verbs)
    _add_doctor(verbs)
    _add_cameras(verbs)
    _add_label(verbs)
    _add_sign(verbs)
    _add_update(verbs)
    _add_service(verbs)
    _add_deploy(verbs)
    return parser


def _add_read(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    read = verbs.add_parser(
        "read",
        help="read digits from pictures, videos and cameras",
        description=read_flags.DESCRIPTION,
        epilog=read_flags.EXAMPLES,
        formatter_class=command.Formatter,
    )
    read_flags.add_arguments(read)
    read.set_defaults(verb=_read)


def _add_explain(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = verbs.add_parser(
        "explain",
        help="one picture of how a picture was read",
        description="Draw a picture with everything that was looked at, its ink and glyphs, what was read and why the rest "
        "was refused; list the same on the terminal. With a bundle of pictures: what the model saw, and the likeliest classes.",
        epilog="examples:\n  edgeproof explain photo.jpg --out why.png\n  edgeproof explain cat.jpg --bundle bundle/cifar",
        formatter_class=command.Formatter,
    )
    explain.add_argument("picture", metavar="PICTURE", help="the picture to read")
    explain.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write it (default: PICTURE-explained.png here)"
    )
    explain.add_argument("--overwrite", action="store_true", help="replace that file (else a new one gets a number)")
    explain.add_argument(
        "--bundle", type=Path, metavar="DIR", help="bundle folder (default: the one edgeproof carries)"
    )
    explain.add_argument(
        "--artifact", default="auto", metavar="NAME", help="artifact of the bundle; auto: the best that works here"
    )
    explain.add_argument(
        "--conf", type=float, metavar="F", help="lowest score of an accepted digit, 0..1 (default: the bundle's)"
    )
    add_trust(explain)
    read_flags.add_regions(explain)
    explain.set_defaults(verb=_explain)


def _add_verify(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = verbs.add_parser(
        "verify",
        help="check a bundle: hashes, golden inputs, every artifact on every backend",
        description="Check the hash of every file and who signed them, then replay the golden inputs on every installed backend.",
        epilog=VERIFY_EXAMPLES,
        formatter_class=command.Formatter,
    )
    verify.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder (default: the one edgeproof carries)"
    )
    add_trust(verify)
    verify.set_defaults(verb=_verify)


def _add_bench(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli import bench

    parser = verbs.add_parser(
        "bench",
        help="latency and memory on this device",
        description=bench.DESCRIPTION,
        formatter_class=command.Formatter,
    )
    bench.add_arguments(parser)
    parser.set_defaults(verb=_bench)


def _add_tune(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli.device import tune

    parser = verbs.add_parser(
        "tune",
        help="measure what is fastest on this machine, which read then takes",
        description=tune.DESCRIPTION,
        epilog=tune.EXAMPLES,
        formatter_class=command.Formatter,
    )
    tune.add_arguments(parser)
    parser.set_defaults(verb=tune.run)


def _add_doctor(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = verbs.add_parser(
        "doctor",
        help="what is installed, what really works, what to do",
        description="Try every part in a child process: a crash, for want of a CPU instruction or a display, is a finding.",
        formatter_class=command.Formatter,
    )
    doctor.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else there")
    doctor.set_defaults(verb=_doctor)


def _add_cameras(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cameras = verbs.add_parser(
        "cameras",
        help="which cameras are there, and what they can deliver",
        description="List the cameras of this machine: path, name, the path that stays after replugging, and every mode.",
        formatter_class=command.Formatter,
    )
    cameras.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else there")
    cameras.set_defaults(verb=_cameras)


def _add_label(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli import label

    parser = verbs.add_parser(
        "label",
        help="say by keyboard what uncertain crops are, to train with them",
        description=label.DESCRIPTION,
        epilog=label.EXAMPLES,
        formatter_class=command.Formatter,
    )
    label.add_arguments(parser)
    parser.set_defaults(verb=label.run)


def _add_sign(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli.bundles import sign

    parser = verbs.add_parser(
        "sign",
        help="sign a bundle, so that devices take it and no other; make keys",
        description=sign.DESCRIPTION,
        epilog=sign.EXAMPLES,
        formatter_class=command.Formatter,
    )
    sign.add_arguments(parser)
    parser.set_defaults(verb=sign.run)


def _add_update(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli.device import update

    parser = verbs.add_parser(
        "update",
        help="put a new version of a bundle on this device, if it passes its trial",
        description=update.DESCRIPTION,
        epilog=update.EXAMPLES,
        formatter_class=command.Formatter,
    )
    update.add_arguments(parser)
    parser.set_defaults(verb=update.run)
    parser = verbs.add_parser(
        "rollback",
        help="go back to the version before the last update",
        description="The previous version of the slots becomes current again, for a reader that goes on too.",
        epilog=update.ROLLBACK_EXAMPLES,
        formatter_class=command.Formatter,
    )
    update.add_rollback_arguments(parser)
    parser.set_defaults(verb=update.run_rollback)


def _add_service(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli import service

    parser = verbs.add_parser(
        "service",
        help="run read for weeks, as a systemd service",
        description="Write a systemd unit that runs `edgeproof read` with no more rights than it needs, starts it again when it "
        "ends or hangs, and begins with the machine.",
        epilog=service.EXAMPLES,
        formatter_class=command.Formatter,
    )
    service.add_arguments(parser)


def _add_deploy(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from edgeproof.cli import deploy

    parser = verbs.add_parser(
        "deploy",
        help="bring it to a device over ssh, prove it there, switch to it",
        description=deploy.DESCRIPTION,
        epilog=deploy.EXAMPLES,
        formatter_class=command.Formatter,
    )
    deploy.add_arguments(parser)
    parser.set_defaults(verb=deploy.run)


def _read(args: argparse.Namespace) -> int:
    from edgeproof.cli import read

    return read.run(args)


def _explain(args: argparse.Namespace) -> int:
    from edgeproof.cli import explain

    return explain.run(args)


def _verify(args: argparse.Namespace) -> int:
    from edgeproof.cli import verify

    return verify.run(args.bundle, trust_from(args))


def _bench(args: argparse.Namespace) -> int:
    from edgeproof.cli import bench

    return bench.run(args)


def _doctor(args: argparse.Namespace) -> int:
    from edgeproof.cli.device import doctor

    return doctor.run(as_json=args.json)


def _cameras(args: argparse.Namespace) -> int:
    from edgeproof.cli.device import cameras

    return cameras.run(as_json=args.json)
