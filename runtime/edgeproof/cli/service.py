"""The verb `service`: a systemd unit that keeps `edgeproof read` running for weeks, written and shown."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.errors import UnavailableError, UsageError
from edgeproof.support import command, files, systemd
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.sources.source import Source

EXAMPLES = """examples:
  edgeproof service install -- read 0 --json readings.jsonl --append
  sudo $(which edgeproof) service install --run-as pi -- read rtsp://user:password@camera/stream --json out.jsonl --append
  edgeproof service install --dry-run -- read /dev/video0

What follows -- is the command as it would be typed. Relative names of its files lie in the service's state folder:
/var/lib/NAME, or yours, ~/.local/state/NAME (~/.config/NAME before systemd 254). A URL with a password, that of --mqtt too,
goes into a file beside the unit that only its owner may read."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_OWN = tuple(map(Path, ("/tmp", "/var/tmp")))  # each service has its own, which goes with it
_BROKER = re.compile(r"(--mq[a-z]*=)?(mqtts?:.*@.*)", re.IGNORECASE | re.DOTALL)  # with a password, perhaps
_WRITTEN = (
    "json",
    "events",
    "save",
    "record",
    "save_uncertain",
    "debug",
    "slots",
)  # flags of `read` that name what it writes


@dataclass(frozen=True)
class Place:
    """Where a unit lies. by_user: whether a user's own manager runs it. folder: absolute. name: without a suffix."""

    by_user: bool
    folder: Path
    name: str

    @property
    def unit(self) -> Path:
        return self.folder / f"{self.name}.service"

    @property
    def secrets(self) -> Path:
        """The variables that hold URLs with passwords."""
        return self.folder / f"{self.name}.env"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, verb, told in (
        ("install", install, "write the unit"),
        ("show", show, "print the unit that was written"),
    ):
        action = actions.add_parser(name, help=told, epilog=EXAMPLES, formatter_class=command.Formatter)
        manager = action.add_mutually_exclusive_group()
        manager.add_argument("--user", action="store_true", help="of your own service manager (default, unless root)")
        manager.add_argument(
            "--system", action="store_true", help="of the machine's service manager (default for root)"
        )
        action.add_argument("--name", default="edgeproof", metavar="NAME", help="of the service")
        action.set_defaults(verb=verb)
    action = actions.choices["install"]
    action.add_argument(
        "--run-as", metavar="USER", help="the user of a --system service (default: one made for it alone)"
    )
    action.add_argument("--dry-run", action="store_true", help="print the unit and write nothing")
    action.add_argument(
        "--overwrite", action="store_true", help="replace a unit of that name (else it is kept: exit 2)"
    )
    action.add_argument("words", nargs=argparse.REMAINDER, metavar="-- read SOURCE ...", help="what is to be run")


def install(args: argparse.Namespace) -> int:
    """Write the unit, or print it with `--dry-run`.

    Raises UsageError for a command that no service can run, or a unit that is there; UnavailableError without systemd.
    """
    place = _place(args)
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    read, sources = _checked(words)
    version = systemd.installed_version()
    if version is None and not args.dry_run:
        raise UnavailableError(
            "service install: expected systemd, found none: use --dry-run, and take the text elsewhere"
        )
    words, secrets = _without_secrets(words, read)
    text = systemd.unit(_service(place, args.run_as, words, read, sources, secrets=bool(secrets)), version)
    if args.dry_run:
        print(text, end="")
        return 0
    _refuse_to_write(place, overwrite=args.overwrite)
    if secrets:
        files.write_atomic(place.secrets, systemd.assignments(secrets).encode(), private=True)
    files.write_atomic(place.unit, text.encode())
    if not secrets:
        place.secrets.unlink(missing_ok=True)  # of the unit that this one replaced
    _tell_what_next(place, secrets=bool(secrets))
    return 0


def show(args: argparse.Namespace) -> int:
    """Print the unit's file. Raises UsageError when there is none."""
    place = _place(args)
    try:
        text = place.unit.read_text()
    except FileNotFoundError:
        raise UsageError(f"{place.unit}: no such service: write it with edgeproof service install") from None
    print(f"# {printable(str(place.unit))}\n{text}", end="")
    return 0


def _place(args: argparse.Namespace) -> Place:
    name = args.name.removesuffix(".service")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name: expected letters, digits, hyphens, dots and underscores, found {args.name!r}")
    by_user = args.user or (not args.system and _user() != 0)
    configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config") if by_user else "/etc"
    return Place(by_user, Path(configuration, "systemd", "user" if by_user else "system"), name)


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 1


def _checked(words: Sequence[str]) -> tuple[argparse.Namespace, list[Source]]:
    """The command, parsed as `edgeproof` itself does, and its sources. Raises UsageError for one that would not run for weeks."""
    from edgeproof.cli.main import build_parser
    from edgeproof.output.mqtt import address
    from edgeproof.sources.parse import parse

    if words[:1] != ["read"]:
        raise UsageError(f"service install: expected -- read SOURCE ..., found {' '.join(words[:1]) or 'nothing'}")
    read = command.parsed(build_parser(), words)
    sources = [source for text in read.sources for source in parse(text)]
    for source in sources:
        if not source.live and source.kind != "watched":
            raise UsageError(
                f"source {source.name}: expected a camera or stream, found a {source.kind}, which ends: read it without a service"
            )
    if read.mqtt is not None:
        address.parse(read.mqtt)
    if read.show:
        raise UsageError("--show: a service has no display: leave it out")
    if read.json not in (None, "-") and not (read.append or read.overwrite):
        raise UsageError("--json: a service starts again, and would find its own records: give --append too")
    for flag, path in (("--bundle", read.bundle), *(("--trust", file) for file in read.trust or ())):
        if path and not path.is_absolute():
            raise UsageError(f"{flag}: expected a whole path, found {path}: a service starts in another folder")
    if read.slots is True:
        raise UsageError(
            "--slots: expected a folder beside it, found none: a service has no home; a relative one is in its state"
        )
    return read, sources


def _without_secrets(words: Sequence[str], read: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """The command as all may see it, and the variables that hold the rest.

    A unit is for all to read, and so are the command lines of processes; a process's environment is not.
    """
    from edgeproof.sources.redact import redacted

    shown, variables = list(words), {}
    for text in (*read.sources, read.mqtt or ""):
        if text.startswith("env:"):
            name = text.removeprefix("env:")
            variables[name] = os.environ[name]
    for place, word in enumerate(shown):
        if url := _BROKER.fullmatch(word):
            variables["EDGEPROOF_MQTT"] = url[2]
            shown[place] = f"{url[1] or ''}env:EDGEPROOF_MQTT"
    for number, text in enumerate(read.sources, 1):
        if redacted(text) != text:
            name = f"EDGEPROOF_SOURCE_{number}"
            variables[name] = text
            shown[shown.index(text)] = f"env:{name}"
    if read.show is None:
        shown.insert(1, "--no-show")  # a user's manager may know of a display
    return shown, variables


def _service(
    place: Place,
    runs_as: str | None,
    words: Sequence[str],
    read: argparse.Namespace,
    sources: Sequence[Source],
    *,
    secrets: bool,
) -> systemd.Service:
    """All that the unit hangs on. Raises UsageError for folders that it could not use."""
    if runs_as and place.by_user:
        raise UsageError("--run-as: a service of your own manager runs as you: give --system too, or leave it out")
    if runs_as:
        _check_user(runs_as)
    folders = () if place.by_user else _folders(read, Path("/var/lib", place.name))
    read_too = [*([read.bundle] if read.bundle else []), *(read.trust or ())]
    needed = (Path(sys.prefix), Path(sys.base_prefix), *read_too, *folders)
    homely = [path for path in needed if _within(path, systemd.HOMES)]
    if homely and not (place.by_user or runs_as):
        raise UsageError(
            f"{homely[0]}: expected no home folder, which only its owner may enter: give --run-as USER, or place it elsewhere"
        )
    nvidia = read.device in ("cuda", "tensorrt")
    return systemd.Service(
        place.name,
        (sys.executable, "-P", "-m", "edgeproof", *words),  # -P: nothing is imported from the folder that it writes to
        place.by_user,
        runs_as or "",
        camera=any(source.kind == "camera" for source in sources),
        nvidia=nvidia,
        homes=bool(homely),
        folders=folders,
        secrets=secrets,
        # Each backend was seen to need none on x86-64; nobody looked elsewhere, and a GPU's driver compiles.
        write_execute=nvidia or platform.machine() != "x86_64",
        slots=read.slots is not None,
    )


def _check_user(name: str) -> None:
    import pwd  # Windows has none, nor systemd

    try:
        pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"--run-as: expected a user of this machine, found {name!r}: make one with useradd") from None


def _folders(read: argparse.Namespace, state: Path) -> tuple[Path, ...]:
    """Where a machine's service writes besides its state folder. Raises UsageError for what it will not find there."""
    found: dict[Path, None] = {}
    for flag in _WRITTEN:
        text = getattr(read, flag)
        if text is None or text == "-":
            continue
        path = Path(os.path.normpath(state / text))
        folder = path.parent if flag in ("json", "events") else path
        if _within(folder, (state,)):
            continue
        if _within(folder, _OWN) or not folder.is_dir():
            found_there = "one that goes with the service" if _within(folder, _OWN) else "none"
            raise UsageError(
                f"--{flag} {text}: expected a folder that is there and stays, found {found_there}: make it first, or give a "
                f"relative name, which lies in {state}"
            )
        found[folder] = None
    return tuple(found)


def _within(path: Path, folders: Sequence[Path | str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _refuse_to_write(place: Place, *, overwrite: bool) -> None:
    if not place.by_user and _user() != 0:
        raise UsageError("--system: expected to be root, who alone may write there: use sudo, or --user")
    if place.unit.exists() and not overwrite:
        raise UsageError(f"{place.unit} is there already: give --overwrite, or another --name")


def _tell_what_next(place: Place, *, secrets: bool) -> None:
    user = " --user" if place.by_user else ""
    if secrets:
        print(f"wrote {printable(str(place.secrets))}, for its owner alone: what holds a password")
    print(f"wrote {printable(str(place.unit))}; now:")
    print(f"  systemctl{user} daemon-reload")
    print(f"  systemctl{user} enable --now {place.name}")
    print(f"  journalctl{user} -u {place.name} -f")
    if place.by_user:
        print("  loginctl enable-linger     (or it ends with your session)")
        print("A camera also wants you in the group: sudo usermod -aG video $USER, and a new login.")
