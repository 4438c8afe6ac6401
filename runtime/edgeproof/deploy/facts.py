"""What a host says of itself: asked by a small script for any POSIX shell, since there may be no Python there."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from edgeproof.errors import MAX_REASON, UnavailableError, first_line

_BEGINS = "edgeproof-host"
# Runs under any Python 3, also one that is too old.
_ASK_PYTHON = """
import glob, json, os, struct, subprocess, sys
libc = [None, None]
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION").split()
except Exception:
    for loader in glob.glob("/lib/ld-musl-*"):
        said = subprocess.Popen([loader], stderr=subprocess.PIPE).communicate()[1].decode().split()
        libc = ["musl", said[said.index("Version") + 1]]
try:
    import ensurepip, venv
    venvs = True
except Exception:
    venvs = False
print("python " + json.dumps([sys.executable, sys.version_info[:3], struct.calcsize("P"), venvs, libc]))
"""
# One function, called on the last line: of a script that is cut off nothing runs.
_SCRIPT = r"""
ask() {
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:$HOME/.local/bin
place=@PLACE@
case $place in /*) ;; *) place=$HOME/$place ;; esac
where=$place
while [ ! -d "$place" ]; do place=$(dirname "$place"); done
echo @BEGINS@
printf 'place %s %s\n' "$(id -u)" "$where"
echo "machine $(uname -m)"
echo "disk $(df -Pk "$place" | tail -n 1)"
echo "systemd $(systemctl is-system-running 2>/dev/null)"
for name in @PYTHONS@; do
    python=$(command -v "$name") && "$python" -I -c @ASK@ 2>/dev/null
done
echo end
}
ask </dev/null
"""
_PYTHONS = ("python3", *(f"python3.{minor}" for minor in range(11, 16)))


@dataclass(frozen=True)
class Python:
    """An interpreter of a host.

    path: absolute. version: major, minor, micro. bits: 32 or 64, of its pointers. venv: whether it can make environments with
    pip. libc: "glibc", "musl", or empty where it does not tell; libc_version: its first two numbers.
    """

    path: str
    version: tuple[int, int, int]
    bits: int
    venv: bool
    libc: str
    libc_version: tuple[int, int]

    def architecture(self, machine: str) -> str:
        """Of its wheels: a 64-bit kernel may have a 32-bit system on it, as on many a Raspberry Pi."""
        machine = {"arm64": "aarch64", "amd64": "x86_64", "armv8l": "armv7l"}.get(machine, machine)
        return machine if self.bits == 64 else {"aarch64": "armv7l", "x86_64": "i686"}.get(machine, machine)


@dataclass(frozen=True)
class Facts:
    """machine: as `uname -m` says. place: the folder of the deployment, absolute. root: whether the login is root. free: bytes of
    disk where the deployment goes. systemd: whether it runs there. pythons: in the order in which they are tried, without
    repeats."""

    machine: str
    place: str
    root: bool
    free: int
    systemd: bool
    pythons: tuple[Python, ...]


def script(place: str, python: str | None = None) -> str:
    """What a POSIX shell is to run. place: of the deployment. python: the only interpreter to ask for, by name or path."""
    names = [python] if python else _PYTHONS
    parts = {
        "PLACE": shlex.quote(place),
        "BEGINS": _BEGINS,
        "PYTHONS": " ".join(map(shlex.quote, names)),
        "ASK": shlex.quote(_ASK_PYTHON),
    }
    return re.sub(r"@([A-Z]+)@", lambda name: parts[name[1]], _SCRIPT)


def read(said: str, host: str) -> Facts:
    """What the script printed, whatever a login's greeting put before it. Raises UnavailableError for anything else."""
    lines = said.partition(f"{_BEGINS}\n")[2].splitlines()
    words = dict(line.split(" ", 1) for line in lines if line.startswith(("machine ", "disk ", "systemd ", "place ")))
    free = re.search(r"\s\d+\s+\d+\s+(\d+)\s+\d+%", words.get("disk", ""))
    if "end" not in lines or not words.get("machine") or not free:
        found = repr(first_line(said)[:MAX_REASON]) if said.strip() else "nothing"
        raise UnavailableError(f"{host}: expected a POSIX shell with uname and df, found {found}")
    asked = [_python(line) for line in lines if line.startswith("python ")]
    pythons = {python.path: python for python in asked if python}
    state = words.get("systemd", "").strip()
    user, _, place = words.get("place", "").partition(" ")
    return Facts(
        words["machine"],
        place,
        user == "0",
        1024 * int(free[1]),
        state not in ("", "offline", "unknown"),
        tuple(pythons.values()),
    )


def _python(line: str) -> Python | None:
    try:
        path, version, pointer, venv, (libc, libc_version) = json.loads(line.removeprefix("python "))
        numbers = tuple(map(int, re.findall(r"\d+", libc_version or "")[:2])) or (0, 0)
        return Python(path, tuple(version), 8 * pointer, venv, libc or "", numbers)  # type: ignore[arg-type]
    except (ValueError, TypeError):  # not of our script
        return None
