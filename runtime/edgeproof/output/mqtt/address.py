"""What `--mqtt` names: a broker, who may publish there, and the prefix of every topic."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from edgeproof.errors import UsageError
from edgeproof.sources.parse import resolved
from edgeproof.sources.redact import is_host, redacted

PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_URL = 2000  # characters
MAX_PREFIX = 200  # bytes; brokers take 65,535, and some of them less
_FORM = "mqtt://[user:password@]host[:port]/topic/prefix, or mqtts://…"
_URL = re.compile(r"(mqtts?)://([^/]*)(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """Where to publish.

    host: a name or an IP address. port: 1..65535. prefix: of every topic, without a slash at either end. tls: whether the
    connection is encrypted, and the broker's certificate checked. user, password: None for none; never to be shown.
    shown: the URL as people may see it, without them.
    """

    host: str
    port: int
    prefix: str
    tls: bool
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    shown: str


def parse(text: str) -> Address:
    """The address that a URL says, or that `env:NAME` says, the environment variable. Raises UsageError for anything else."""
    url = resolved(text, "--mqtt", "a URL")
    if len(url) > MAX_URL:
        raise UsageError(f"--mqtt: expected at most {MAX_URL} characters, found {len(url)}: choose a shorter prefix")
    shown = redacted(url)
    if not url.isascii() or not url.isprintable() or any(character in url for character in " \"'\\"):
        raise UsageError(
            f"--mqtt {shown}: a URL must not hold letters beyond ASCII, control characters, blanks, quotes or \\: "
            "percent-encode them"
        )
    found = _URL.fullmatch(url)
    if found is None:
        raise UsageError(f"--mqtt {shown}: expected {_FORM}, found something else")
    scheme, authority, path = found[1].lower(), found[2], found[3]
    if "@" in path:
        raise UsageError(
            f"--mqtt {shown}: expected an @ only in front of the host, found one behind: write %40, and %2F for a / in a password"
        )
    credentials, at, place = authority.rpartition("@")
    host, port = _host(place, PORTS[scheme], shown)
    user, colon, password = credentials.partition(":")
    return Address(
        host,
        port,
        _prefix(path, shown),
        scheme == "mqtts",
        _decoded(user, shown) if at else None,
        _decoded(password, shown) if colon else None,
        shown,
    )


def _host(place: str, usual_port: int, shown: str) -> tuple[str, int]:
    host, colon, digits = place.rpartition(":") if re.search(r":\d+$", place) else (place, "", "")
    port = int(digits) if colon else usual_port
    try:
        host.encode("idna")  # as looking it up will do
    except UnicodeError:
        host = ""
    if not host or not is_host(place) or not 1 <= port <= 65535:
        raise UsageError(f"--mqtt {shown}: expected a host, and a port from 1 to 65535, as in {_FORM}, found none")
    return host.strip("[]"), port


def _prefix(path: str, shown: str) -> str:
    prefix = _decoded(path.strip("/"), shown)
    if not prefix:
        raise UsageError(
            f"--mqtt {shown}: expected a topic prefix behind the host, as in mqtt://host/door/1, found none"
        )
    if prefix.startswith("$") or any(character in prefix for character in "+#?"):
        raise UsageError(f"--mqtt {shown}: a topic prefix must not hold + # ? nor begin with $: choose another one")
    if len(prefix.encode()) > MAX_PREFIX:
        raise UsageError(f"--mqtt: expected a topic prefix of at most {MAX_PREFIX} bytes, found {len(prefix.encode())}")
    return prefix


def _decoded(text: str, shown: str) -> str:
    """Without percent signs for letters."""
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if not decoded.isprintable():
        raise UsageError(
            f"--mqtt {shown}: expected UTF-8 without control characters behind the percent signs, found else"
        )
    return decoded
