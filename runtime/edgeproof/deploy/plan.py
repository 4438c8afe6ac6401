"""What is to be done on a host, or why it cannot be: from what it said of itself, the wheels that are there, and the order."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgeproof.deploy import wheels as wheelhouse
from edgeproof.deploy.facts import Facts, Python
from edgeproof.deploy.wheels import PROGRAM, Wheel
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.support import systemd

OLDEST = (3, 11)
SPARE = 100 * 2**20  # bytes of disk: the environment's own pip, what Python compiles, reports


@dataclass(frozen=True)
class Plan:
    """A release for one host.

    python: the interpreter that it is made with. wheels: what is installed, with the sha256 of each file. bundle: its files with
    their sha256; empty for the one in edgeproof's own wheel. keys: files of public keys with their sha256, one of which has to
    have signed the bundle; empty where the host's own keys decide. release: its name, which says what is in it.
    """

    python: Python
    architecture: str
    wheels: Mapping[Wheel, str]
    bundle: Mapping[Path, str]
    keys: Mapping[Path, str]
    release: str

    @property
    def program(self) -> Wheel:
        """edgeproof's own wheel."""
        return next(wheel for wheel in self.wheels if wheel.name == PROGRAM)


def check(facts: Facts, host: str, *, service: bool) -> list[Python]:
    """The interpreters of the host that could do. Raises UnavailableError that says what to install there, UsageError for a
    folder that the service could not run from."""
    recent = [python for python in facts.pythons if python.version[:2] >= OLDEST]
    if not recent:
        found = ", ".join(".".join(map(str, python.version)) for python in facts.pythons) or "none"
        raise UnavailableError(
            f"{host}: expected Python {OLDEST[0]}.{OLDEST[1]} or later, found {found}: install it there (on Debian 12 and later: "
            "apt-get install python3 python3-venv), or name one with --python"
        )
    able = [python for python in recent if python.venv]
    if not able:
        minor = ".".join(map(str, recent[0].version[:2]))
        raise UnavailableError(
            f"{host}: expected Python's venv and ensurepip, found {recent[0].path} without: install them there (on Debian: "
            f"apt-get install python3-venv, or python{minor}-venv)"
        )
    if service and not facts.systemd:
        raise UnavailableError(f"{host}: --service: expected a running systemd, found none: leave it out")
    if (
        service
        and facts.root
        and any(PurePosixPath(posixpath.normpath(facts.place)).is_relative_to(home) for home in systemd.HOMES)
    ):
        raise UsageError(
            f"{host}: --service: expected a folder that a service of the machine enters, found {facts.place}: name one outside "
            f"of homes, as {host}:/opt/edgeproof"
        )
    return able


def plan(
    facts: Facts, folder: Path, bundle: Mapping[Path, str], host: str, *,
    keys: Mapping[Path, str] | None = None, service: bool = False,
) -> Plan:  # fmt: skip
    """The release that the host is to have, for the first of its interpreters that the wheels in `folder` fit.

    Raises UnavailableError when it lacks something or no wheels fit, which with `keys` is also one to check signatures with;
    UsageError or IntegrityError for the folder.
    """
    able = check(facts, host, service=service)
    keys = keys or {}
    refused: UnavailableError | None = None
    for python in able:
        architecture = python.architecture(facts.machine)
        there = wheelhouse.in_folder(folder, architecture)
        try:
            taken = dict(wheelhouse.digest(wheelhouse.chosen(there, python, architecture, signatures=bool(keys))))
        except UnavailableError as error:
            refused = refused or UnavailableError(f"{host}: {error}")
            continue
        return Plan(python, architecture, taken, bundle, keys, _release(python, taken, bundle, keys))
    raise refused or UnavailableError(f"{host}: expected a Python, found none")


def lacking(plan: Plan, there: Mapping[str, str]) -> list[Wheel]:
    """The wheels to copy: those that the host has not, or with other content. there: sha256 by file name."""
    return [wheel for wheel, digest in plan.wheels.items() if there.get(wheel.path.name) != digest]


def check_space(plan: Plan, copied: Sequence[Wheel], facts: Facts, host: str) -> None:
    """Raises UnavailableError when the disk there is too small for what is copied, unpacked and written."""
    needed = SPARE + sum(wheel.bytes for wheel in copied) + sum(wheel.unpacked for wheel in plan.wheels)
    needed += sum(path.stat().st_size for path in plan.bundle)
    if facts.free < needed:
        raise UnavailableError(
            f"{host}: expected {needed / 2**20:.0f} MiB of free disk, found {facts.free / 2**20:.0f}: free some, or name another "
            "folder as HOST:PATH"
        )


def _release(python: Python, taken: Mapping[Wheel, str], bundle: Mapping[Path, str], keys: Mapping[Path, str]) -> str:
    """The same for the same content on the same interpreter."""
    lines = [f"{python.path} {python.version[:2]}"]
    lines += sorted(f"wheel {wheel.path.name} {digest}" for wheel, digest in taken.items())
    lines += sorted(f"bundle {path.name} {digest}" for path, digest in bundle.items())
    lines += sorted(f"key {path.name} {digest}" for path, digest in keys.items())
    version = next(wheel.version for wheel in taken if wheel.name == PROGRAM)
    text = "\n".join(lines)
    return f"{version}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:12]}"
