"""The text of a systemd unit that keeps one command running for weeks, with no more rights than it needs.

What a machine's manager can enforce and a user's own manager cannot (mounts, devices, capabilities) is only in the former's.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeproof.errors import UsageError

#: Which a unit of the machine's manager may not enter (ProtectHome): nothing that it needs may lie there.
HOMES = ("/home", "/root", "/run/user")
_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_STEPS_SINCE = 254  # the release that knows RestartSteps; older ones complain of it at every start

# Seccomp alone, which needs no privileges. All that reading a stream called, on each backend, is in @system-service.
_ANYWHERE = """
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
_SYSTEM = """
AmbientCapabilities=
CapabilityBoundingSet=
DevicePolicy=closed
PrivateMounts=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
"""


@dataclass(frozen=True)
class Service:
    """What a unit is written from.

    name: of the unit and of its state folder, letters, digits, `_.-`. words: the command, the first an absolute path.
    by_user: for a user's own manager. runs_as: user of a machine's service; empty: one made for it alone.
    camera: whether it opens a camera. nvidia: whether it runs on an NVIDIA GPU. homes: whether it reads or writes in
    a home folder. folders: absolute, there; what it writes to besides its state folder. secrets: whether a file of variables
    lies beside the unit. write_execute: whether it may write memory and then execute it.
    slots: whether it reads from slots, where the next start may go back to another version.
    """

    name: str
    words: tuple[str, ...]
    by_user: bool
    runs_as: str = ""
    camera: bool = False
    nvidia: bool = False
    homes: bool = False
    folders: tuple[Path, ...] = ()
    secrets: bool = False
    write_execute: bool = False
    slots: bool = False


def unit(service: Service, version: int | None = None) -> str:
    """The unit file's content, for systemd of that version (None: the newest).

    Raises UsageError for a word or folder that no unit file can hold.
    """
    steps = version is None or version >= _STEPS_SINCE
    lines = [
        "# Written by `edgeproof service install`.",
        "[Unit]",
        "Description=Digits, read by edgeproof",
        *([] if service.by_user else ["Wants=network-online.target", "After=network-online.target"]),
        "# Never given up: a camera may be unplugged for a day.",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart=:{' '.join(map(quoted, service.words))}",  # the colon: a $ is a $
        f"StateDirectory={service.name}",
        f"WorkingDirectory=%S/{service.name}",
        *([f"EnvironmentFile=%E/systemd/{_kind(service)}/{service.name}.env"] if service.secrets else []),
        "UMask=0027",
        "WatchdogSec=60",
        "TimeoutStopSec=20",
        "Restart=always",
        "RestartSec=5",
        *(["RestartSteps=4", "RestartMaxDelaySec=60"] if steps else []),
        "# 130: stopped by a signal. 2, 6: a wrong command line or a broken bundle, which no restart mends; slots go back.",
        "SuccessExitStatus=130",
        f"RestartPreventExitStatus={'2' if service.slots else '2 6'}",
        "# Of what there is: what leaks ends in a restart of the service, not of the machine.",
        "MemoryMax=75%",
        *_ANYWHERE.split("\n")[1:-1],
        *([] if service.write_execute else ["MemoryDenyWriteExecute=yes"]),
        *([] if service.by_user else _confinement(service)),
        "",
        "[Install]",
        f"WantedBy={'default' if service.by_user else 'multi-user'}.target",
    ]
    return "\n".join(lines) + "\n"


def _kind(service: Service) -> str:
    return "user" if service.by_user else "system"


def _confinement(service: Service) -> list[str]:
    """What only the machine's manager can do."""
    return [
        f"User={service.runs_as}" if service.runs_as else "DynamicUser=yes",
        *_SYSTEM.split("\n")[1:-1],
        f"ProtectHome={'read-only' if service.homes else 'yes'}",
        *(["SupplementaryGroups=video", "DeviceAllow=char-video4linux rw"] if service.camera else []),
        *(["DeviceAllow=char-nvidia* rw"] if service.nvidia else []),
        *([] if service.camera or service.nvidia else ["PrivateDevices=yes"]),
        *(f"ReadWritePaths={quoted(str(folder))}" for folder in service.folders),
    ]


def quoted(word: str) -> str:
    """A word as ExecStart= and ReadWritePaths= take it. Raises UsageError for control characters and what is no UTF-8."""
    if any(ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000 for character in word):
        raise UsageError(f"{word!r}: expected a word that a unit file can hold, found control characters or no UTF-8")
    word = word.replace("%", "%%")
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def assignments(variables: dict[str, str]) -> str:
    """The content of an EnvironmentFile=. The values are URLs, which hold no quotes and no line ends."""
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


def installed_version() -> int | None:
    """Of this machine's systemd; None where there is none."""
    try:
        words: Sequence[str] = subprocess.run(
            ["systemctl", "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout.split()
    except OSError:
        return None
    found = re.match(r"\d+", words[1]) if len(words) > 1 else None
    return int(found[0]) if found else None
