"""What a person named as a source, as messages, records and file names may show it: without credentials.

Cameras take them anywhere: before the host, in the query, in the path (`/user=admin_password=…`). A string that is refused
is shown too, so nothing here expects a URL to be well-formed: where it is not clear which part is the secret, none is shown.
"""

from __future__ import annotations

import re

#: Of any scheme with slashes behind it; of ours also without, or without the colon; and in the middle of a text.
_URL = re.compile(
    r"(?<![a-z0-9+.-])((?:https?|rtsps?)(?::[/\\]*|[/\\]{2,})|[a-z][a-z0-9+.-]+:[/\\]+)(.*)", re.IGNORECASE | re.DOTALL
)
_HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", re.IGNORECASE | re.ASCII)
_SECRET = re.compile(r"((?:user|login|pass|pw|token|secret|key|auth|sig)[\w.-]{0,40})=[^/]*", re.IGNORECASE)


def redacted(text: str) -> str:
    """`text` without user names, passwords and tokens; a URL keeps its scheme, host, port and path."""
    url = _URL.search(text)
    return _words(text[: url.start()]) + url[1] + _behind_scheme(url[2]) if url else _words(text)


def is_host(text: str) -> bool:
    """Whether this is a host name or address, perhaps with a port: all that may stand between `//` and the path."""
    return _HOST.fullmatch(text) is not None


def _behind_scheme(rest: str) -> str:
    end = next((i for i, character in enumerate(rest) if character in "/\\?#"), len(rest))
    host, path = rest[:end].rpartition("@")[2], rest[end:]
    if "@" in path or not is_host(host):  # a password may hold any of /\?#
        return "…"
    shown = re.sub(r"=[^/]*", "=…", re.split(r"[?#]", path, maxsplit=1)[0])
    return host + re.sub(r"[^/]*:[^/]*", "…", shown)  # /0/admin:password/main


def _words(text: str) -> str:
    """What is no URL: a file's name, most often, of which nothing is taken without need."""
    before, at, after = _SECRET.sub(r"\1=…", text).rpartition("@")
    return before + at + after if ":" not in before else f"…@{after}"
