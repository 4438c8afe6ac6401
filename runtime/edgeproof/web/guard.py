"""Who may ask: the checks before every request, and the headers of every answer, that keep other sites and guessers out."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from edgeproof.web.address import may_be_called
from edgeproof.web.packages import ASGIApp, Headers, Message, PlainTextResponse, Receive, Response, Scope, Send

MOST_HEAD_BYTES = 16 * 1024  # of a request's address and headers
REMEMBERED_S = 30 * 24 * 3600  # how long a browser keeps the cookie
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)
#: Loads the page again as a link of our own: a browser that came from elsewhere would not send a strict cookie after a redirect.
ENTER = b'<!doctype html><html lang="en"><title>edgeproof</title><meta http-equiv="refresh" content="0;url=/"></html>\n'


class Guard:
    """An application in front of `app`. token: None where none is asked for. loopback: whether only this machine reaches us."""

    def __init__(self, app: ASGIApp, *, token: str | None, loopback: bool, names: frozenset[str], port: int) -> None:
        self._app, self._token, self._loopback, self._names = app, token, loopback, names
        self._cookie = f"edgeproof-{port}"  # cookies are shared by all ports of a host
        # Not the token itself, for the same reason; and the same after a restart, so that the page goes on.
        self._pass = hmac.new((token or "").encode(), b"edgeproof page", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        answer = self._own_answer(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _own_answer(self, scope: Scope) -> Response | None:
        """A refusal, or the page that lets in; None for a request that may pass."""
        headers = Headers(scope=scope)
        if sum(map(len, (scope["raw_path"], scope["query_string"], *sum(headers.raw, ())))) > MOST_HEAD_BYTES:
            return _refusal(
                431, f"expected a request with at most {MOST_HEAD_BYTES >> 10} KB of headers, found a larger one"
            )
        host, origin = headers.get("host", ""), headers.get("origin")
        if not may_be_called(host, loopback=self._loopback, names=self._names):
            return _refusal(421, "expected an address of this device as Host, found another one: use its IP address")
        if origin is not None and _host_of(origin) != host.lower():
            return _refusal(403, "expected a request of this page, found one of another site")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_link(headers):
            return _refusal(403, "expected a request of this page, found one of another site")
        if self._token is None or self._has_pass(headers):
            return None
        if scope["method"] == "GET" and scope["path"] == "/" and self._is_token(_token_of(scope)):
            cookie = f"{self._cookie}={self._pass}; Max-Age={REMEMBERED_S}; Path=/; HttpOnly; SameSite=Strict"
            return Response(ENTER, media_type="text/html", headers={"set-cookie": cookie})
        refusal = _refusal(
            401, "expected a token, found none that is right: open /?token=… or send Authorization: Bearer …"
        )
        refusal.headers["www-authenticate"] = "Bearer"
        return refusal

    def _has_pass(self, headers: Headers) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(credentials.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self._pass)

    def _is_token(self, text: str) -> bool:
        return self._token is not None and _same(text, self._token)


def _same(one: str, other: str) -> bool:
    """Takes as long for a nearly right text as for a wrong one."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _token_of(scope: Scope) -> str:
    try:
        query: bytes = scope["query_string"]
        return parse_qs(query.decode("ascii"), max_num_fields=8).get("token", [""])[0]
    except ValueError:
        return ""


def _host_of(origin: str) -> str:
    """In lower case, with its port; "", which is nobody's, for what is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # such as "http://["
        return ""


def _is_link(headers: Headers) -> bool:
    """Whether a person goes from one page to another, as against a page that loads another's things."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _refusal(status: int, why: str) -> Response:
    return PlainTextResponse(why + "\n", status)
