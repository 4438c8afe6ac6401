"""Credentials, in whatever form they are typed, reach no terminal, no record and no file name."""

from __future__ import annotations

import http.server
import itertools
import json
import threading
import time

import numpy as np
import pytest

from edgeproof.cli.main import main
from edgeproof.errors import EdgeproofError, SourceError, UsageError
from edgeproof.sources.parse import parse, parse_all
from edgeproof.sources.redact import redacted
from edgeproof.sources.source import Source

cv2 = pytest.importorskip("cv2")

SECRET = "hunter2"
HOST = "127.0.0.1:9"  # nothing listens there
#: What stands behind a scheme, or alone.
BEHIND = [
    f"admin:{SECRET}@{HOST}/live",
    f"{SECRET}@{HOST}/live",
    f"admin:{SECRET}@{HOST}",
    f"admin:a@{SECRET}@{HOST}/live",
    *[f"admin:{SECRET}{odd}x@{HOST}/live" for odd in "#?/\\%:&;=[ \"'|<>!"],
    *[f"admin:x{odd}{SECRET}@{HOST}/live" for odd in "#?/\\%:&;=[ \"'|<>!"],
    f"admin:{SECRET}é@{HOST}/live",
    f"admin:{SECRET}%40{HOST}/live",
    f"admin%3A{SECRET}@{HOST}/live",
    f"admin%3A{SECRET}%40{HOST}/live",
    f"admin:{SECRET}",
    f"admin:{SECRET}@[::1/live",
    f"admin:{SECRET}@[::1]:9/live",
    f"admin:{SECRET}@",
    f"{HOST}/user=admin_password={SECRET}_channel=1_stream=0.sdp",
    f"{HOST}/user=admin&password={SECRET}&channel=1",
    f"{HOST}/live;password={SECRET}",
    f"{HOST}/live?user=admin&password={SECRET}",
    f"{HOST}/live?token={SECRET}",
    f"{HOST}/live?{SECRET}",
    f"{HOST}/live#token={SECRET}",
    f"{HOST}/0/admin:{SECRET}/main",
    f"{HOST}/live?password=x@{SECRET}",
    f"{HOST}/user=admin_password=x@{SECRET}_channel=1",
]
SCHEMES = ["http://", "https://", "rtsp://", "rtsps://", "rtmp://", "ftp://", "RTSP://", "rtsp:/", "rtsp:", "rtsp:///",
           "http:\\\\", "rtsp//", " rtsp://", "\trtsp://", "concat:rtsp://", "subfile,,start,0,end,9,,:http://"]  # fmt: skip
ENDS = ["", "\n", " ", "/*.jpg", "/" + "x" * 300, "\udce9"]
FORMS = [
    *[scheme + rest for scheme in SCHEMES for rest in BEHIND],
    *["rtsp://" + rest + end for rest, end in itertools.product(BEHIND, ENDS[1:])],
    *[rest for rest in BEHIND if rest.startswith("admin:") and "@" in rest and not rest.endswith("@")],
    *[f"nothing/{rest}" for rest in BEHIND if "password=" in rest or "token=" in rest],
]
#: A few, for what takes its time.
SOME = FORMS[:: len(FORMS) // 20]


@pytest.mark.target("T18")
def test_no_form_of_a_source_shows_its_secret():
    for form in FORMS:
        assert SECRET not in redacted(form), form
        try:
            for source in parse(form):
                assert SECRET not in source.name + repr(source), form
        except EdgeproofError as error:
            assert isinstance(error, UsageError | SourceError), form
            assert SECRET not in str(error), form


@pytest.mark.timed
def test_a_long_text_takes_no_time():
    """Generous: 1 s where some milliseconds were seen; trying every start of every word took minutes."""
    start = time.perf_counter()
    for word in ("x", "user", "@", ":", "a:", "rtsp:/", "key-"):
        redacted(word * 50_000)
    assert time.perf_counter() - start < 1


def test_nor_does_the_name_that_a_failed_source_gets():
    with pytest.raises(UsageError):
        list(parse_all([f"rtmp://admin:{SECRET}@h"]))
    ((name, error),) = parse_all([f"nothing/password={SECRET}.jpg"])
    assert SECRET not in name + str(error)


@pytest.mark.parametrize("form", SOME)
@pytest.mark.parametrize("verb", ["read", "explain"])
@pytest.mark.target("T18")
def test_no_verb_shows_it(verb, form, tmp_path, capfd):
    words = ["--no-show", "--json", str(tmp_path / "out.jsonl")] if verb == "read" else []
    assert main([verb, form, *words]) in (2, 5)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    # OpenCV warns by itself where, as in tests, it was loaded before edgeproof could set its level.
    assert sum(line.startswith("edgeproof: ") for line in said.err.splitlines()) == 1
    assert all(SECRET not in path.name and SECRET not in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("me@home.jpg", "me@home.jpg"),
        ("lr=0.1.png", "lr=0.1.png"),
        ("C:\\me\\photo.jpg", "C:\\me\\photo.jpg"),
        ("concat:a.mp4|b.mp4", "concat:a.mp4|b.mp4"),
        ("http://camera/video.mjpg", "http://camera/video.mjpg"),
        ("rtsp://admin:x@camera.example:554/a/b", "rtsp://camera.example:554/a/b"),
        ("rtsp://[fe80::1]:554/a", "rtsp://[fe80::1]:554/a"),
        ("https://u:p@h/x.mjpg?key=1", "https://h/x.mjpg"),
    ],
)
def test_what_is_no_secret_stays_readable(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://[::1/x", "expected a host"),
        ("http://", "expected a host"),
        ("rtsp://admin:x", "expected a host"),
        ("rtsp://:554/a", "expected a host"),
        ("rtsp://u:p#x@h/", "expected a host"),
        ("http://h/a@b", "write %40"),
        ("http://h/a?b=c@d", "write %40"),
        ("http://h/caf\udce9", "percent-encode"),
        ("http://hôte/a", "percent-encode"),
    ],
)
def test_a_url_that_leaves_doubts_is_refused(url, says):
    with pytest.raises(UsageError, match=says):
        parse(url)


def test_a_url_longer_than_a_file_name_is_a_url():
    url = "http://camera/" + "x" * 3000
    assert parse(url) == [Source("stream", url, url)]


class OnePicture(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = cv2.imencode(".jpg", np.full((48, 64, 3), 220, np.uint8))[1].tobytes()
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_what_is_written_of_a_stream_does_not_tell_it(tmp_path, capfd):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OnePicture) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://admin:{SECRET}@127.0.0.1:{server.server_port}/user=admin_password={SECRET}/x.jpg?token={SECRET}"
        words = ["--no-show", "--max-frames", "1", "--json", "-", "--save", str(tmp_path / "out"), "--save-crop"]
        assert main(["read", url, *words]) == 0
        server.shutdown()
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert json.loads(said.out)["source"].endswith("/user=…/x.jpg")
    assert all(SECRET not in str(path) for path in tmp_path.rglob("*"))
