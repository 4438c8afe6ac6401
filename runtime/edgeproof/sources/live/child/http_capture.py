"""Motion JPEG over HTTP: pictures one behind the other in one answer, or a camera's single picture, asked for again and again.

Read here and not by OpenCV, which decodes every picture in turn: a stream that comes faster than it is decoded is late by
seconds then, and nothing says so. Here all bytes are taken as they come, and only the picture that is wanted is decoded.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from edgeproof.errors import SourceError
from edgeproof.sources.live.child.grab import Grab
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.pictures.picture import decode
from edgeproof.sources.source import Source

CHUNK = 2**16  # bytes asked for at a time
LARGEST_HEAD, LARGEST_PICTURE = 2**14, 2**25  # bytes
STILLS_PER_S = 5.0  # how often a single picture is asked for, unless told


@dataclass(frozen=True)
class Part:
    """One part of a multipart answer. head: its fields, names in lower case. arrived_s: monotonic clock when that was there."""

    head: Mapping[str, str]
    body: bytes
    arrived_s: float


def http_grabs(source: Source, options: LiveOptions) -> Iterator[Grab] | None:
    """The pictures of a source, as they come; None when the server sends something else, for FFmpeg to read.

    Raises SourceError when it does not answer, and when a stream ends or stops.
    """
    web = _Web(source, options)
    answer = web.get()
    kind = answer.headers.get_content_type()
    if kind == "multipart/x-mixed-replace":
        return web.stream(answer)
    if kind.startswith("image/"):
        return web.stills(answer)
    answer.close()
    return None


class _Web:
    """A source on a web server."""

    def __init__(self, source: Source, options: LiveOptions) -> None:
        self._name, self._options = source.name, options
        url = urlsplit(source.location)
        self._url = urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2], fragment=""))
        self._connections: list[_Connection | _TlsConnection] = []
        self._opener = urllib.request.OpenerDirector()
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if url.username is not None:
            passwords.add_password(None, self._url, unquote(url.username), unquote(url.password or ""))
        for handler in (
            _Http(self._connections), _Https(self._connections), _SameHost(),
            urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDigestAuthHandler(passwords), urllib.request.HTTPBasicAuthHandler(passwords),
        ):  # fmt: skip
            self._opener.add_handler(handler)

    def get(self) -> Any:
        """The server's answer, its body still to be read."""
        self._connections.clear()
        try:
            answer: Any = self._opener.open(self._url, timeout=self._options.open_timeout_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(f"{self._name}: the stream does not open: {_said(error)}") from None
        if sock := self._connections[-1].answering:
            sock.settimeout(self._options.read_timeout_s)
        return answer

    def stream(self, answer: Any) -> Iterator[Grab]:
        """The parts of one answer."""
        boundary = (answer.headers.get_param("boundary") or "").removeprefix("--").encode()
        with answer:
            try:
                for part in parts(answer.read1, boundary, self._options.read_timeout_s):
                    yield self._grab(part.body, _stamp(part.head), part.arrived_s)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise SourceError(f"{self._name}: the source was lost: {_said(error)}") from None
        raise SourceError(f"{self._name}: the source was lost: the server ended the stream")

    def stills(self, answer: Any) -> Iterator[Grab]:
        """One picture per answer."""
        pause_s = 1 / (self._options.fps or STILLS_PER_S)
        while True:
            arrived_s = time.monotonic()
            try:
                with answer:
                    body = answer.read(LARGEST_PICTURE)
            except (OSError, http.client.HTTPException) as error:
                raise SourceError(f"{self._name}: the source was lost: {_said(error)}") from None
            yield replace(self._grab(body, None, arrived_s), pause_s=pause_s + self._options.open_timeout_s)
            time.sleep(max(0.0, arrived_s + pause_s - time.monotonic()))
            answer = self.get()

    def _grab(self, body: bytes, stamp_s: float | None, arrived_s: float) -> Grab:
        return Grab(arrived_s, stamp_s, body, partial(decode, body, self._name))


def parts(read: Callable[[int], bytes], boundary: bytes, timeout_s: float) -> Iterator[Part]:
    """The parts of a multipart body. `read(n)` gives at most n bytes, none at the end.

    Raises ValueError for what is no such body, TimeoutError when a part takes longer than `timeout_s`.
    """
    pending = _Pending(read, timeout_s)
    line = b"--" + boundary
    while True:
        pending.begin()
        if not pending.past(line, LARGEST_PICTURE):
            return
        head = pending.until(b"\r\n\r\n", LARGEST_HEAD)
        if head is None:
            return
        arrived_s = pending.arrived_s
        fields = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*?)[ \t]*\r?$", head.decode("latin-1")))
        fields = {name.lower(): value for name, value in fields.items()}
        length = fields.get("content-length", "")
        if length.isascii() and length.isdigit():
            if int(length) > LARGEST_PICTURE:
                raise ValueError(f"expected pictures of at most {LARGEST_PICTURE >> 20} MB, found {length} bytes")
            body = pending.take(int(length))
        else:
            body = pending.until(b"\r\n" + line, LARGEST_PICTURE)
            pending.put_back(line)
        if body is None:
            return
        if body:
            yield Part(fields, body, arrived_s)


class _Pending:
    """Bytes that came and were not used yet. arrived_s: monotonic clock when the last of them came."""

    def __init__(self, read: Callable[[int], bytes], timeout_s: float) -> None:
        self._read, self._timeout_s = read, timeout_s
        self._bytes = bytearray()
        self._begun_s = self.arrived_s = time.monotonic()

    def begin(self) -> None:
        """A part begins: it may take the timeout from here."""
        self._begun_s = time.monotonic()

    def past(self, mark: bytes, most: int) -> bool:
        """Drop everything up to and with `mark`; false when the body ends before."""
        return self.until(mark, most) is not None

    def until(self, mark: bytes, most: int) -> bytes | None:
        """What stands before `mark`, which is dropped too; None when the body ends before."""
        searched = 0
        while (place := self._bytes.find(mark, searched)) < 0:
            searched = max(0, len(self._bytes) - len(mark))
            if len(self._bytes) > most + len(mark):
                raise ValueError("expected pictures in parts, found something else")
            if not self._more():
                return None
        found = bytes(self._bytes[:place])
        del self._bytes[: place + len(mark)]
        return found

    def take(self, length: int) -> bytes | None:
        while len(self._bytes) < length:
            if not self._more():
                return None
        found = bytes(self._bytes[:length])
        del self._bytes[:length]
        return found

    def put_back(self, mark: bytes) -> None:
        self._bytes[:0] = mark

    def _more(self) -> bool:
        piece = self._read(CHUNK)
        self.arrived_s = time.monotonic()
        if self.arrived_s - self._begun_s > self._timeout_s:
            raise TimeoutError(f"no whole picture within {self._timeout_s:g} s")
        self._bytes += piece
        return bool(piece)


def _stamp(head: Mapping[str, str]) -> float | None:
    """Some servers state when a picture was taken, in seconds."""
    try:
        return float(head["x-timestamp"])
    except (KeyError, ValueError):
        return None


class _Connection(http.client.HTTPConnection):
    """answering: its socket, also when the answer has taken it over."""

    answering: Any = None

    def connect(self) -> None:
        super().connect()
        self.answering = self.sock


class _TlsConnection(http.client.HTTPSConnection):
    answering: Any = None

    def connect(self) -> None:
        super().connect()
        self.answering = self.sock


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connections: list[Any]) -> None:
        super().__init__()
        self._connections = connections

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(partial(_kept, self._connections, _Connection), request)  # type: ignore[arg-type]


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connections: list[Any]) -> None:
        super().__init__()
        self._connections = connections

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(partial(_kept, self._connections, _TlsConnection), request)  # type: ignore[arg-type]


def _kept(connections: list[Any], kind: Callable[..., Any], *args: Any, **named: Any) -> Any:
    connections.append(kind(*args, **named))
    return connections[-1]


class _SameHost(urllib.request.HTTPRedirectHandler):
    """A camera may send us to another path, or to https, and nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: PLR0917 (as its base)
        if urlsplit(newurl).hostname != urlsplit(req.full_url).hostname:
            raise ValueError("it points to another host, which is not followed: name that one")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _said(error: Exception) -> str:
    """Without the address, which may hold secrets."""
    if isinstance(error, urllib.error.HTTPError):
        hint = ": put user and password into the URL" if error.code == 401 else ""
        return f"the server answers {error.code}{hint}"
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted: name the certificate's file in SSL_CERT_FILE"
    if isinstance(reason, TimeoutError):
        return "nothing comes"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return str(reason) if isinstance(error, ValueError) else type(error).__name__
