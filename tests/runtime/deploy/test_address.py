"""An address is what scp takes for one, and never an option of ssh."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.deploy import address
from edgeproof.deploy.address import Address
from edgeproof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "login", "path"),
    [
        ("pi", "pi", "edgeproof"), ("pi@a.b", "pi@a.b", "edgeproof"), ("a:", "a", "edgeproof"), ("a:/opt/x", "a", "/opt/x"),
        ("a:x y'\"$(z)", "a", "x y'\"$(z)"), ("a:~/x", "a", "x"), ("a:-x", "a", "-x"),
        ("u@[fe80::1%eth0]:x", "u@fe80::1%eth0", "x"),
        ("a:b:c", "a", "b:c"),
    ],
)  # fmt: skip
def test_what_it_says(text: str, login: str, path: str) -> None:
    assert address.parse(text) == Address(login, path)


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "u@-oProxyCommand=x", "a b", "a@b@c", ":x", "a:~root", "a:x\0"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        address.parse(text)


def test_a_slash_before_any_colon_means_a_folder_here() -> None:
    assert [word for word in ("a", "u@a:/x", "./a", "bundle/x", "[::1]:a/b") if address.is_folder(word)] == [
        "./a",
        "bundle/x",
    ]


def test_a_list_has_a_host_a_line(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("# mine\n\n a \nu@b:/x\n")
    assert address.listed(tmp_path / "hosts") == ["a", "u@b:/x"]
    (tmp_path / "hosts").write_text("# none\n")
    with pytest.raises(UsageError, match="found none"):
        address.listed(tmp_path / "hosts")
    with pytest.raises(UsageError, match="missing"):
        address.listed(tmp_path / "missing")


@pytest.mark.parametrize("login", ["pi@a.local", "::1", "..", "a/../b"])
def test_a_name_for_a_file_is_one(login: str) -> None:
    assert "/" not in Address(login, "").name
    assert Address(login, "").name.strip(".")
