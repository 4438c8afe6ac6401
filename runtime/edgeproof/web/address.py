"""Where the page listens, by which names it may be called there, and the token that it then asks for."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgeproof.errors import UnavailableError, UsageError

DEFAULT = "127.0.0.1:8080"
BACKLOG = 128  # connections that wait to be accepted
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")  # what needs no escaping in an address, and cannot be guessed


@dataclass(frozen=True)
class Address:
    """host: a name or an IP address, without brackets. port: 0..65535; 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[IPv6]:PORT`, or a port alone on the default host. Raises UsageError for anything else."""
    default_host, _ = DEFAULT.split(":")
    found = re.fullmatch(r"(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/@]+)):)?(\d{1,5})", text, re.ASCII)
    if not found or int(found[3]) > 65535:
        raise UsageError(
            f"--web: expected HOST:PORT with a port from 0 to 65535, found {text[:60]!r}: such as {DEFAULT}"
        )
    return Address(found[1] or found[2] or default_host, int(found[3]))


def read_token(file: Path | None) -> str | None:
    """The token in a file, without what stands around it. Raises UsageError for a file that cannot be read."""
    try:
        return None if file is None else file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise UsageError(f"--web-token {file}: expected a file with a token, found {why}: write one into it") from None


def check_token(token: str) -> None:
    """Raises UsageError for a token that could be guessed, or that an address cannot hold. Never tells it."""
    if not _TOKEN.fullmatch(token):
        raise UsageError(
            "--web: expected a token of 16 to 256 letters, digits, '-', '_', '.' or '~', found another one: "
            "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"
        )


def bound(address: Address, *, token: bool) -> socket.socket:
    """A socket that listens at `address`. `token`: whether one will be asked for.

    Raises UsageError when others than this machine could reach it without a token, UnavailableError when it cannot be had.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise UnavailableError(
            f"--web: {address}: expected an address of this machine, found no such host: use {DEFAULT}"
        ) from None
    if not token and not is_loopback(str(where[0])):
        raise UsageError(
            f"--web: {address}: expected a token too, since other machines reach this address, found none: "
            f"give --web-token FILE, or stay on this machine with {DEFAULT}"
        )
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # a page that is started again need not wait for the system to forget the last one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"--web: {address}: expected a free port of this machine, found: {error.strerror}: "
            "choose another port; 0 takes a free one"
        ) from None
    return listener


def is_loopback(host: str) -> bool:
    """Whether an IP address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def known_names(extra: Iterable[str] = (), *, loopback: bool) -> frozenset[str]:
    """The names in `extra`, in lower case; and the host name, unless `loopback`: no other machine has a use for it then, and
    anyone in the network can let `name.local` lead to where he likes."""
    name = socket.gethostname()
    return frozenset(known.lower().rstrip(".") for known in (*extra, *(() if loopback else (name, f"{name}.local"))))


def may_be_called(host_header: str, *, loopback: bool, names: frozenset[str]) -> bool:
    """Whether a request with this Host header may have been meant for us.

    A page elsewhere can let its own name lead to our address (DNS rebinding), and would then read ours as its own. It cannot
    do so with an IP address, nor with a name that is not its own. The port tells nothing: a tunnel may have changed it.
    """
    host = _without_port(host_header).lower().rstrip(".")
    if host == "localhost" or host in names:
        return True
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return False
    return literal.is_loopback or not loopback


def _without_port(host_header: str) -> str:
    found = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::\d{0,5})?", host_header)
    return (found[1] or found[2] or "") if found else ""
