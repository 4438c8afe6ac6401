"""The labelling page as programs meet it, honest ones and others: only what its own page posts changes a file."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgeproof.web.address import Address

if TYPE_CHECKING:
    from edgeproof.web.label.page import LabelPage

JSON = "application/json"
TRAVERSALS = [
    "..", "%2e%2e", "..%2fsecret.png", "%2e%2e%2fsecret.png", "../secret.png", "....//secret.png", "%00", "a.png", "x" * 5000,
    "/etc/passwd", "%2fetc%2fpasswd", "..\\secret.png", "file:///etc/passwd", "", "%",
]  # fmt: skip
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Host": "evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"},
    {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
        "Origin": "http://e.example",
    },
]
WRONG = [
    b"", b"{", b"[]", b"null", b"7", b'"a"', b"\xff", b"[" * 1000, b'{"crop": 1, "class": 1}', b'{"crop": "%s"}', b'{"class": 1}',
    b'{"crop": "%s", "class": "1"}', b'{"crop": "%s", "class": 11}', b'{"crop": "%s", "class": -1}',
    b'{"crop": "%s", "class": true}', b'{"crop": "%s", "class": 1.0}', b'{"crop": "%s", "class": null}',
    b'{"crop": ["%s"], "class": 1}',
    b'{"crop": "%s", "class": 1e999}', b'{"crop": "%s", "class": [1]}', b'{"crop": "%s", "class": 99999999999999999999}',
]  # fmt: skip


def filled(place: Path) -> Path:
    """A folder with three crops, beside a picture that is none of them."""
    made = place / "crops"
    made.mkdir()
    (place / "secret.png").write_bytes(b"secret")
    for name in ("a-000001-000-7-62.png", "a-000002-000-1-31.png", "a-000003-001-unknown-11.png"):
        (made / name).write_bytes(name.encode())
    return made


def page_of(folder: Path, **options: str) -> LabelPage:
    from edgeproof.web.label.choices import choices_of
    from edgeproof.web.label.crops import Crops
    from edgeproof.web.label.page import LabelPage

    crops = Crops(folder, folder / "labelled", choices_of("0123456789"))
    return LabelPage(Address("127.0.0.1", 0), crops, "python -m train run …", **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


@pytest.fixture
def client(folder, client_of) -> Iterator[Any]:
    opened = page_of(folder)
    opened.start()
    yield client_of(opened)
    opened.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """The crops of `refusing`, which nothing may move."""
    return filled(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def refusing(kept, client_of) -> Iterator[Any]:
    """One page for all tests whose every request is to be refused."""
    opened = page_of(kept)
    opened.start()
    yield client_of(opened)
    opened.close()


def ids(client) -> list[str]:
    return [crop["id"] for crop in client.ask("/crops").json()["crops"]]


def post(client, path: str, content: object, **headers: str):
    return client.ask(path, "POST", json.dumps(content).encode(), **{"Content_Type": JSON, **headers})


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_page_and_its_files_are_served_and_nothing_else(client):
    assert client.ask("/").headers["content-type"].startswith("text/html")
    for name in ("label.js", "label.css", "style.css", "icon.svg"):
        assert f"/{name}".encode() in client.ask("/").body
        assert client.ask(f"/{name}").status == 200
    for other in (
        "/page.js",
        "/index.html",
        "/stream",
        "/metrics",
        "/sketch",
        "/labelled/0/a.png",
        "/crops/",
        "/crop",
        "/crop/",
    ):
        assert client.ask(other).status == 404, other
    assert "unsafe" not in client.ask("/").headers["content-security-policy"]


def test_crops_are_listed_shown_labelled_and_undone(client, folder):
    told = client.ask("/crops").json()
    assert [(crop["guess"], crop["percent"]) for crop in told["crops"]] == [("7", 62), ("1", 31), ("", 0)]
    assert [choice["name"] for choice in told["classes"]] == [*"0123456789", "reject"]
    assert (told["folder"], told["left"], told["done"], told["last"]) == ("crops", 3, 0, None)
    first, second, _ = (crop["id"] for crop in told["crops"])
    shown = client.ask(f"/crop/{first}")
    assert (shown.headers["content-type"], shown.body) == ("image/png", b"a-000001-000-7-62.png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert post(client, "/label", {"crop": first, "class": 7}).json() == {
        "counts": [0] * 7 + [1, 0, 0, 0], "left": 2, "done": 1, "last": first,
    }  # fmt: skip
    assert post(client, "/label", {"crop": second, "class": 10}).status == 200
    assert files(folder) == {
        "labelled/7/a-000001-000-7-62.png", "labelled/reject/a-000002-000-1-31.png", "a-000003-001-unknown-11.png",
    }  # fmt: skip
    assert client.ask(f"/crop/{first}").status == 409
    undone = post(client, "/undo", {"crop": second}).json()
    assert (undone["crop"]["id"], undone["last"], undone["counts"][10]) == (second, first, 0)
    assert post(client, "/undo", {"crop": second}).status == 410
    assert "a-000002-000-1-31.png" in files(folder)


def test_of_two_tabs_the_second_gets_409_and_what_vanished_410(client, folder):
    first, second, _ = ids(client)
    assert post(client, "/label", {"crop": first, "class": 7}).status == 200
    refused = post(client, "/label", {"crop": first, "class": 1})
    assert refused.status == 409
    assert refused.json() == {"error": "this crop was labelled 7 already"}
    (folder / "a-000002-000-1-31.png").unlink()
    assert client.ask(f"/crop/{second}").status == 410
    assert post(client, "/label", {"crop": second, "class": 1}).status == 410
    assert client.ask("/crops").json()["left"] == 1


def test_many_at_once_get_one_crop_once(client, folder):
    first, *_ = ids(client)
    statuses: list[int] = []
    asking = [
        threading.Thread(target=lambda i=i: statuses.append(post(client, "/label", {"crop": first, "class": i}).status))
        for i in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(statuses) == [200] + 7 * [409]
    assert len([name for name in files(folder) if name.startswith("labelled/")]) == 1


@pytest.mark.parametrize("id", TRAVERSALS, ids=range(len(TRAVERSALS)))
def test_no_path_comes_from_a_request(refusing, kept, id):
    before = files(kept.parent)
    raw = f"GET /crop/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = refusing.raw(raw)
    assert int(answer.split(b" ", 2)[1]) in (400, 404, 410)
    assert b"secret" not in answer
    for path in ("/label", "/undo"):
        assert post(refusing, path, {"crop": id, "class": 1}).status in (410, 413)
        assert post(refusing, path, {"crop": id, "class": "../../x"}).status in (400, 410, 413)
    assert files(kept.parent) == before


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_site_changes_nothing(refusing, kept, headers):
    (first, *_), before = ids(refusing), files(kept)
    for path in ("/label", "/undo"):
        assert post(refusing, path, {"crop": first, "class": 7}, **headers).status in (403, 421)
    assert refusing.ask("/crops", **headers).status in (403, 421)
    assert files(kept) == before


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_could_send_is_not_taken(refusing, kept, media_type):
    """By a browser too old to name the site that posts."""
    (first, *_), before = ids(refusing), files(kept)
    assert post(refusing, "/label", {"crop": first, "class": 7}, Content_Type=media_type).status == 415
    assert refusing.ask("/label", "OPTIONS", Origin="http://evil.example").status == 403
    assert refusing.ask("/label", "OPTIONS").status == 405
    assert files(kept) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_no_other_method_changes_anything(refusing, kept, method):
    (first, *_), before = ids(refusing), files(kept)
    body = json.dumps({"crop": first, "class": 7}).encode()
    for path in ("/label", "/undo", f"/label?crop={first}&class=7"):
        assert refusing.ask(path, method, body, Content_Type=JSON).status == 405
    for path in ("/", "/crops", f"/crop/{first}"):
        if method not in ("GET", "HEAD"):
            assert refusing.ask(path, method).status == 405
    assert refusing.ask("/crops", "POST", body, Content_Type=JSON).status == 405
    assert files(kept) == before


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_what_is_no_label_is_refused(refusing, kept, body):
    (first, *_), before = ids(refusing), files(kept)
    answer = refusing.ask("/label", "POST", body.replace(b"%s", first.encode()), Content_Type=JSON)
    assert answer.status == 400, answer.body
    assert refusing.ask("/undo", "POST", body, Content_Type=JSON).status in (400, 410)
    assert files(kept) == before


def test_a_body_too_large_is_refused(refusing, kept):
    before = files(kept)
    large = json.dumps({"crop": "x" * 2000, "class": 1}).encode()
    assert refusing.ask("/label", "POST", large, Content_Type=JSON).json() == {
        "error": "expected a request of at most 1024 bytes, found a larger one"
    }
    chunked = (
        b"POST /label HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    )
    answer = refusing.raw(chunked + b"Connection: close\r\n\r\n800\r\n" + b" " * 0x800 + b"\r\n0\r\n\r\n")
    assert int(answer.split(b" ", 2)[1]) == 413
    assert files(kept) == before


def test_a_class_whose_folder_cannot_be_made_is_said_and_the_crop_stays(client, folder):
    (folder / "labelled").write_text("a file, no folder")
    first, *_ = ids(client)
    answer = post(client, "/label", {"crop": first, "class": 7})
    assert answer.status == 500
    assert answer.json()["error"].startswith("the crop stays where it was: ")
    assert str(folder) not in answer.json()["error"]
    assert client.ask("/crops").json()["left"] == 3


def test_a_full_disk_is_said(client, monkeypatch):
    from edgeproof.web.label import crops

    def full(*_words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere")

    monkeypatch.setattr(crops, "_moved", full)
    first, *_ = ids(client)
    answer = post(client, "/label", {"crop": first, "class": 7})
    assert (answer.status, answer.json()) == (507, {"error": "the crop stays where it was: No space left on device"})
    monkeypatch.undo()
    assert post(client, "/label", {"crop": first, "class": 7}).status == 200


def test_a_folder_without_crops_is_an_answer(tmp_path, client_of):
    page = page_of(tmp_path)
    page.start()
    try:
        assert client_of(page).ask("/crops").json()["crops"] == []
        (tmp_path / "late.png").touch()
        assert client_of(page).ask("/crops").json()["left"] == 1
        tmp_path.rename(tmp_path.with_name("moved"))
        assert client_of(page).ask("/crops").status == 500
    finally:
        page.close()


def test_with_a_token_nothing_is_shown_or_changed_without_it(folder, client_of):
    token = "a-token-of-some-length"
    page = page_of(folder, token=token)
    page.start()
    try:
        client, before = client_of(page), files(folder)
        for path in ("/", "/crops", "/label.js"):
            assert client.ask(path).status == 401
        assert post(client, "/label", {"crop": "x", "class": 1}).status == 401
        told = client.ask("/crops", Authorization=f"Bearer {token}").json()
        assert files(folder) == before
        first = told["crops"][0]["id"]
        assert post(client, "/label", {"crop": first, "class": 1}, Authorization=f"Bearer {token}").status == 200
    finally:
        page.close()
