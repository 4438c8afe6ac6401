"""Whom a deployment is for: `[user@]host[:path]`, as scp has it, and lists of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeproof.errors import UsageError

PLACE = "edgeproof"  # the folder on a host, in the user's home, where none is named
_ADDRESS = re.compile(
    r"(?P<login>(?:[^@\s:/]+@)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|[^@\s:/\[\]]+))(?::(?P<path>.*))?", re.DOTALL
)


@dataclass(frozen=True)
class Address:
    """login: `host` or `user@host`, as ssh takes it. path: of the folder there; relative ones start in the user's home."""

    login: str
    path: str

    @property
    def name(self) -> str:
        """For a file's name."""
        return re.sub(r"[^A-Za-z0-9.-]+", "-", self.login).strip("-.") or "host"


def parse(text: str) -> Address:
    """Raises UsageError for what is no address, and for one that ssh would take for an option."""
    found = _ADDRESS.fullmatch(text)
    if not found or text.startswith("-") or "\0" in text or "@-" in text:
        raise UsageError(f"host: expected [user@]host[:path], found {text!r}")
    login = found["login"].replace("[", "").replace("]", "")
    return Address(login, _path(found["path"] or PLACE, text))


def is_folder(word: str) -> bool:
    """Whether a word means a folder of this machine, as scp decides: a slash before any colon."""
    return "/" in word.partition(":")[0] and not word.startswith("[")


def listed(file: Path) -> list[str]:
    """The addresses in a file, one a line; empty lines and those that begin with # say nothing. Raises UsageError."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--hosts: expected a text file with a host a line, found {file}: {error}") from None
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise UsageError(f"--hosts: expected a host a line, found none in {file}")
    return found


def _path(path: str, text: str) -> str:
    path = path.removeprefix("~/") or PLACE
    if path.startswith("~"):
        raise UsageError(f"host: expected a path, or one in the user's home after ~/, found {text!r}")
    return path
