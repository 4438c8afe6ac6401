"""A URL that says clearly where to publish is taken; any other is one line, and neither shows a password."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeproof.errors import UsageError
from edgeproof.output.mqtt.address import Address, parse

SECRET = "hunter2"
LETTERS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker/a", ("broker", 1883, "a", False, None, None)),
        ("MQTTS://broker/a/b/", ("broker", 8883, "a/b", True, None, None)),
        ("mqtt://10.0.0.1:1/a", ("10.0.0.1", 1, "a", False, None, None)),
        ("mqtt://[::1]:65535//a", ("::1", 65535, "a", False, None, None)),
        ("mqtt://[::1]/a", ("::1", 1883, "a", False, None, None)),
        ("mqtt://u@broker/a", ("broker", 1883, "a", False, "u", None)),
        ("mqtt://u:@broker/a", ("broker", 1883, "a", False, "u", "")),
        ("mqtt://u:p:q%2F%40@x@broker/a%20b", ("broker", 1883, "a b", False, "u", "p:q/@@x")),
    ],
)
def test_what_a_url_says(url: str, address: tuple[object, ...]) -> None:
    found = parse(url)
    assert (found.host, found.port, found.prefix, found.tls, found.user, found.password) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "found something else"),
        ("broker/a", "found something else"),
        (f"http://u:{SECRET}@broker/a", "found something else"),
        (f"mqtt:u:{SECRET}@broker/a", "found something else"),
        (f"mqtt:/u:{SECRET}@broker/a", "found something else"),
        (f"wss://u:{SECRET}@broker/a", "found something else"),
        (f"mqtt://u:{SECRET}@/a", "expected a host"),
        (f"mqtt://u:{SECRET}@:1883/a", "expected a host"),
        (f"mqtt://u:{SECRET}@broker:0/a", "a port from 1"),
        (f"mqtt://u:{SECRET}@broker:65536/a", "a port from 1"),
        (f"mqtt://u:{SECRET}@broker:x/a", "expected a host"),
        (f"mqtt://u:{SECRET}@a..b/a", "expected a host"),
        (f"mqtt://u:{SECRET}@{64 * 'a'}/a", "expected a host"),
        (f"mqtt://u:{SECRET}", "expected a host"),
        (f"mqtt://u:{SECRET}@broker", "expected a topic prefix"),
        (f"mqtt://u:{SECRET}@broker//", "expected a topic prefix"),
        (f"mqtt://u:{SECRET}@broker/a/+/b", "must not hold + # ?"),
        (f"mqtt://u:{SECRET}@broker/a/%23", "must not hold + # ?"),
        (f"mqtt://u:{SECRET}@broker/a#b", "must not hold + # ?"),
        (f"mqtt://u:{SECRET}@broker/$SYS", "nor begin with $"),
        (f"mqtt://u:{SECRET}/x@broker/a", "%2F for a / in a password"),
        (f"mqtt://u:{SECRET}@broker/a\n", "percent-encode"),
        (f"mqtt://u:{SECRET}@broker/a b", "percent-encode"),
        (f"mqtt://u:{SECRET}'@broker/a", "percent-encode"),
        (f"mqtt://u:{SECRET}é@broker/a", "percent-encode"),
        (f"mqtt://u:{SECRET}\udce9@broker/a", "percent-encode"),
        (f"mqtt://u:{SECRET}@broker/a%00", "without control characters"),
        (f"mqtt://u:{SECRET}%0A@broker/a", "without control characters"),
        (f"mqtt://u:{SECRET}%E9@broker/a", "expected UTF-8"),
        (f"mqtt://u:{SECRET}@broker/{201 * 'a'}", "at most 200 bytes, found 201"),
        (f"mqtt://u:{SECRET}@broker/{2000 * 'a'}", "at most 2000 characters"),
        ("env:NO_SUCH_BROKER", "expected a URL in the environment variable NO_SUCH_BROKER, found none"),
    ],
)
def test_any_other_is_one_line_without_the_password(url: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(url)
    assert says in str(refused.value)
    assert str(refused.value).startswith("--mqtt")
    assert SECRET not in str(refused.value)


def test_the_environment_may_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER", f"mqtt://u:{SECRET}@broker/a")
    found = parse("env:BROKER")
    assert (found.password, found.shown) == (SECRET, "mqtt://broker/a")
    assert SECRET not in repr(found)


@given(user=LETTERS, password=LETTERS, prefix=LETTERS)
@example(user="ü@/:", password="%2F%", prefix="küche")
def test_all_comes_back_that_was_percent_encoded(user: str, password: str, prefix: str) -> None:
    url = f"mqtt://{quote(user, safe='')}:{quote(password, safe='')}@broker/p{quote(prefix)}"
    try:
        found = parse(url)
    except UsageError as error:
        assert "must not hold" in str(error)  # + # ?
        return
    assert (found.user, found.password, found.prefix) == (user, password, f"p{prefix}".strip("/"))


@given(st.text(st.sampled_from("mqts:/@?#+%[]$\\ \n\0aé1.-"), max_size=40) | st.text(max_size=40))
def test_every_text_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"mqtt://{text}"):
        with contextlib.suppress(UsageError):
            assert isinstance(parse(url), Address)
