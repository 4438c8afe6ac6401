"""Requests that nobody honest sends: each ends in 4xx, and no answer gives a browser more than it needs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOKEN = "a-token-of-some-length"
PATHS = ["/", "/page.js", "/stream", "/events", "/healthz", "/metrics", "/sketch", "/nothing"]
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "192.168.1.5:8080"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://["},
    {"Origin": "http://[::1"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
]
TRAVERSALS = [
    "/../pyproject.toml", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/../page.js",
    "/page.js/", "/page.js%00", "/./page.js", "/.git/config", "/style.css/../../app.py", "/app.py", "/%", "/\\..\\x",
    "http://evil.example/", "/index.html", "/docs", "/openapi.json", "/sketch/../page.js",
]  # fmt: skip
#: What urllib, ipaddress and http.cookies have an opinion on.
ODD = st.text(st.sampled_from('[]:/@%.;="\\, {}#?&~$localhost127é\x7f\xff'), max_size=24)
MALFORMED = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/x\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n X: folded\x00\r\n\r\n",
    b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: -1\r\n\r\n",
    b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


def raw_request(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name}: {value}" for name, value in ({"Host": "localhost", "Connection": "close"} | headers).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def method_of(path: str) -> str:
    return "POST" if path == "/sketch" else "GET"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.target("T18")
def test_requests_of_other_sites_are_refused(client, headers):
    for path in PATHS:
        answer = client.raw(raw_request(method_of(path), path, headers))
        assert status(answer) in (403, 421), path


@pytest.mark.parametrize(
    "name", ["Host", "Origin", "Cookie", "Authorization", "Sec-Fetch-Site", "Content-Type", "path"]
)
@given(text=ODD)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.target("T18")
def test_no_text_anywhere_in_a_head_ends_in_an_error_of_ours(client, name, text):
    path, headers = ("/" + text.replace(" ", ""), {}) if name == "path" else ("/healthz", {name: text.strip()})
    answer = client.raw(raw_request("GET", path, headers).decode().encode("latin-1", "replace"))
    assert status(answer) != 500


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.target("T18")
def test_nothing_but_the_files_of_the_page_is_there(client, path):
    answer = client.raw(raw_request("GET", path, {}))
    assert status(answer) in (400, 404), answer[:200]


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X"]
)
@pytest.mark.target("T18")
def test_nothing_can_be_changed(client, method):
    for path in PATHS[:-1]:
        if method != method_of(path):
            answer = client.raw(raw_request(method, path, {}))
            assert status(answer) == 405, path


@pytest.mark.parametrize("request_", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.target("T18")
def test_what_is_no_request_is_refused(client, request_):
    answer = client.raw(request_)
    assert 400 <= status(answer) < 500
    assert b"Traceback" not in answer


@pytest.mark.parametrize("path", ["/", "/page.js", "/healthz", "/metrics", "/nothing", "/sketch"])
def test_every_answer_tells_the_browser_what_it_may_not_do(client, path):
    headers = client.ask(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_link_from_another_site_leads_here(client):
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert client.ask("/", **link).status == 200


def test_programs_of_this_machine_need_no_origin_and_our_page_sends_its_own(client):
    assert client.ask("/healthz").status == 200
    assert client.ask("/healthz", Origin=f"http://127.0.0.1:{client.port}").status == 200


WRONG = [
    {}, {"Authorization": "Bearer wrong-token-of-length"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN},
    {"Authorization": "Bearer"}, {"Authorization": "Bearer \xff"}, {"Cookie": f"edgeproof={TOKEN}"}, {"Cookie": "a=b; =;;"},
    {"Cookie": "edgeproof-{port}=" + TOKEN}, {"Cookie": "edgeproof-{port}="},
]  # fmt: skip


@pytest.fixture(scope="module")
def guarded(reader, shots):
    from edgeproof.web.address import Address
    from edgeproof.web.server import WebPage

    page = WebPage(Address("127.0.0.1", 0), reader, TOKEN)
    page.start()
    page.take(shots[0])
    yield page
    page.close()


@pytest.mark.parametrize("headers", WRONG, ids=str)
@pytest.mark.target("T18")
def test_without_the_token_nothing_is_shown(client_of, guarded, headers):
    client = client_of(guarded)
    headers = {name: value.replace("{port}", str(client.port)) for name, value in headers.items()}
    for path in PATHS:
        answer = client.raw(raw_request(method_of(path), path, headers))
        assert status(answer) == 401, path
        assert TOKEN.encode() not in answer


@pytest.mark.parametrize(
    "query", ["token=wrong", "token=", "token", "token=%ff", "&" * 50, f"Token={TOKEN}", f"token={TOKEN}x"]
)
@pytest.mark.target("T18")
def test_a_wrong_token_does_not_let_in(client_of, guarded, query):
    assert client_of(guarded).ask(f"/?{query}").status == 401
    assert client_of(guarded).ask(f"/metrics?token={TOKEN}").status == 401, "only the page itself takes it so"


def test_the_token_is_given_once_and_then_kept_as_a_cookie_that_scripts_and_sites_cannot_use(client_of, guarded):
    client = client_of(guarded)
    entered = client.ask(f"/?token={TOKEN}")
    cookie, *attributes = entered.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert TOKEN not in cookie
    assert b'http-equiv="refresh" content="0;url=/"' in entered.body
    assert client.ask("/", Cookie=cookie).status == 200
    assert client.ask("/healthz", Cookie=f"other=1; {cookie}").status == 200
    assert client.ask("/healthz", Authorization=f"Bearer {TOKEN}").status == 200
    assert client.ask("/healthz", Authorization=f"Bearer {TOKEN}", Host="evil.example").status == 421


def test_a_browser_that_was_let_in_stays_so_after_a_restart(client_of, open_page):
    first = open_page(token=TOKEN)
    port = client_of(first).port
    cookie = client_of(first).ask(f"/?token={TOKEN}").headers["set-cookie"].split(";")[0]
    first.close()
    assert client_of(open_page(port=port, token=TOKEN)).ask("/", Cookie=cookie).status == 200


def test_names_given_are_answered_to(client_of, open_page):
    client = client_of(open_page(names=["Digits.Example"]))
    assert client.ask("/", Host="digits.example:80").status == 200
    assert client.ask("/", Host="example").status == 421
