"""Odd strings and odd file names: a source or one typed error, never a crash, and names that lead back to the file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import SourceError, UsageError
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse, parse_all

cv2 = pytest.importorskip("cv2")

linux = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
#: As they come from a folder, or from the command line: bytes that are no UTF-8 arrive as lone surrogates.
NAMES = ["caf\udce9.png", "new\nline.png", "esc\x1b[31m.png", "x" * 245 + ".png", "a b.png", "[1].png", "é.png",
         "http:.png", "u:p@h.png", "-.png", "~.png"]  # fmt: skip


@linux
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_an_odd_name_is_read_and_keeps_it(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(cv2.imencode(".png", np.full((4, 6, 3), 200, np.uint8))[1].tobytes())
    (source,) = parse(str(tmp_path))
    assert source.name == str(path)
    (frame,) = frames_of(source)
    assert (frame.source, frame.image.shape) == (str(path), (4, 6, 3))
    if name.isprintable() or "\udce9" in name:
        assert parse(str(path)) == [source]


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00.png", "\x1b[2J", "\udce9", "caf\udce9/*.png", "x" * 250, "x" * 5000, "x/" * 3000, "*" * 300, "[", "[!]",
     "http:", "://", ":", "@", "=", "?", "#", "%", "…", "\udcff://u:p@h", "http://\udcff/", "/dev/video", "/dev/v4l/by-id/\udce9",
     "9999", "-1", "0x1", "٣"],
)  # fmt: skip
@pytest.mark.target("T19")
def test_any_string_is_a_source_or_a_typed_error(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UsageError, SourceError), match=r"^source ") as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_looked_into_stops_no_other(tmp_path, monkeypatch):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "closed").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.iterdir", denied)
        (_, error), (_, found) = parse_all([str(tmp_path / "closed"), str(picture)])
    assert isinstance(error, SourceError)
    assert "Permission denied" in str(error)
    assert [source.location for source in found] == [str(picture)]


def test_a_pattern_fits_so_many_names_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeproof.sources.parse.MAX_MATCHES", 3)
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"")
    assert len(parse(f"{tmp_path}/*")) == 3
    (tmp_path / "d.txt").write_bytes(b"")
    with pytest.raises(UsageError, match="fits more than 3 names"):
        parse(f"{tmp_path}/*")


@pytest.mark.parametrize("name", ["a\x1b[31m.png", "two\nlines.png", "tab\t.png", "del\x7f.png"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (source,) = parse(str(tmp_path / name))
    assert (source.kind, source.name) == ("picture", str(tmp_path / name))
    with pytest.raises(UsageError, match="found control characters"):
        parse(str(tmp_path / f"no {name}"))


def test_the_environment_may_say_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "rtsp://user:password@camera:554/live"
    monkeypatch.setenv("DOOR", url)
    ((shown, found),) = parse_all(["env:DOOR"])
    assert shown == "env:DOOR"
    assert [(source.kind, source.location, source.name) for source in found] == [
        ("stream", url, "rtsp://camera:554/live")
    ]
    monkeypatch.setenv("DOOR", "env:DOOR")
    with pytest.raises(UsageError, match="the protocol 'env', which is not accepted"):
        parse("env:DOOR")
    for value in ("", None):
        monkeypatch.delenv("DOOR", raising=False)
        if value is not None:
            monkeypatch.setenv("DOOR", value)
        with pytest.raises(UsageError, match="expected a source in the environment variable DOOR, found none"):
            parse("env:DOOR")
