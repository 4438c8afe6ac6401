"""Where the page listens, what it may be called, and which token it takes."""

from __future__ import annotations

import socket

import pytest

from edgeproof.errors import UnavailableError, UsageError
from edgeproof.web.address import Address, bound, check_token, known_names, may_be_called, parse_address, read_token


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("9000", Address("127.0.0.1", 9000)),
        ("[::1]:0", Address("::1", 0)),
        ("pi.local:80", Address("pi.local", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text, found):
    assert parse_address(text) == found
    assert parse_address(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "a:b", "1.2.3.4:65536", "::1:80", "[::1]", "http://x:1", "a b:1", "u@h:1", "h:٣"]
)
def test_what_is_no_address_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match="--web: expected HOST:PORT") as error:
        parse_address(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.target("T18")
def test_where_others_reach_it_a_token_is_needed(host):
    with pytest.raises(UsageError, match="expected a token too"):
        bound(Address(host, 0), token=False)
    bound(Address("0.0.0.0", 0), token=True).close()


def test_a_host_that_is_not_here_is_one_line():
    with pytest.raises(UnavailableError, match="expected a free port of this machine"):
        bound(Address("192.0.2.1", 0), token=True)  # an address of documents, which nobody has
    with pytest.raises(UnavailableError, match="no such host"):
        bound(Address("no.such.host.invalid", 0), token=True)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "has space in it, long", "ünïcödé-ünïcödé-ünïcödé", "x" * 257]
)
def test_a_token_that_can_be_guessed_or_not_be_written_is_refused(token):
    with pytest.raises(UsageError) as error:
        check_token(token)
    assert not token or token not in str(error.value)


HERE = ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.9.9.9", "localhost.", "box:80"]
ELSEWHERE = [
    "", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:80:80",
    "[::1", "evil@localhost", "localhost/", "127.0.0.1:x", "0x7f.1", "２.0.0.1", "local\thost",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE)
def test_a_page_of_this_machine_alone_answers_to_its_own_names(host):
    assert may_be_called(host, loopback=True, names=frozenset({"box"}))


@pytest.mark.parametrize("host", [*ELSEWHERE, "192.168.1.5", "[2001:db8::1]:80"])
def test_and_to_no_other(host):
    assert not may_be_called(host, loopback=True, names=frozenset({"box"}))


@pytest.mark.parametrize("host", [*HERE, "192.168.1.5:8080", "[2001:db8::1]:80", "MyBox.local"])
def test_a_page_for_others_answers_to_addresses_and_names_of_this_machine(host):
    assert may_be_called(host, loopback=False, names=known_names(["box", "mybox.local."], loopback=False))


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_name_that_leads_here_is_not_enough(host):
    assert not may_be_called(host, loopback=False, names=known_names(loopback=False))


def test_the_host_name_is_a_name_for_other_machines_alone():
    name = socket.gethostname().lower()
    assert {name, f"{name}.local"} <= known_names(loopback=False)
    assert known_names(["Box"], loopback=True) == {"box"}


def test_a_token_is_read_from_a_file_or_its_lack_is_one_line(tmp_path):
    file = tmp_path / "token"
    with pytest.raises(UsageError, match=r"--web-token .*token: expected a file with a token, found No such file"):
        read_token(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="found no text"):
        read_token(file)
    file.write_text("  abcdefghij0123456789\n")
    assert read_token(file) == "abcdefghij0123456789"
    assert read_token(None) is None
