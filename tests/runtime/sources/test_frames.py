"""Source strings are parsed strictly; whatever a file holds, it is a frame or one clear line."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from edgeproof.errors import SourceError, UsageError
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.pictures.picture import decode
from edgeproof.sources.source import Source

cv2 = pytest.importorskip("cv2")


@pytest.fixture
def picture(tmp_path):
    """Upper half dark, the rest light; 40 rows, 60 columns."""
    image = np.full((40, 60, 3), 200, np.uint8)
    image[:20] = 30
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for i in range(12):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    return path


def test_what_strings_name(tmp_path, picture, video):
    assert parse("0") == [Source("camera", "0", "0")]
    assert parse("/dev/video3")[0].kind == "camera"
    assert parse(str(picture)) == [Source("picture", str(picture), str(picture))]
    assert parse(str(video))[0].kind == "video"
    (tmp_path / "notes.txt").write_text("not a source")
    assert [source.location for source in parse(str(tmp_path))] == [str(video), str(picture)]
    assert [source.location for source in parse(str(tmp_path / "*.png"))] == [str(picture)]
    assert parse("rtsp://user:secret@camera.example:554/a?token=b")[0].name == "rtsp://camera.example:554/a"


@pytest.mark.parametrize(
    "text",
    ["", "a\nb.jpg", "\x00", "concat:a.mp4|b.mp4", "subfile,,start,0,end,9,,:/etc/passwd", "file:///etc/passwd", "udp://host:1",
     "http://", "http://host/a b", "http://host/a|b", "pipe:0", "data:image/png;base64,AA=="],
)  # fmt: skip
@pytest.mark.target("T19")
def test_what_is_no_source_is_a_usage_error(text):
    with pytest.raises(UsageError, match=r"^source"):
        parse(text)


#: What FFmpeg, GStreamer, OpenCV and a shell would take for more than a name.
PROTOCOLS = [
    "concat:", "file:", "file://", "subfile,,start,0,end,9,,:", "cache:", "async:", "data:", "data:video/mp4;base64,", "pipe:",
    "pipe:0", "tcp://", "udp://", "ftp://", "sftp://", "smb://", "rtmp://", "gopher://", "mms://", "rtp://", "srt://", "tls://",
    "unix:", "tee:", "crypto:", "crypto+", "hls+http://", "hls:", "lavfi:", "md5:", "fd:", "ipfs:", "javascript:", "jar:", "gst:",
    "gstreamer:", "dshow:", "v4l2:", "avfoundation:", "x11grab:", "screen:", "images:", "-", "--", "|", "!", "`", "HTTP+file://",
    "http:", "rtsp:", "ffconcat version 1.0\nfile ", "appsrc ! ", "filesrc location=", "$(cat ", "; cat ", "http://\0",
    "http://a b/",
]  # fmt: skip


@pytest.mark.target("T19")
def test_no_hostile_name_is_opened(tmp_path, monkeypatch, record_property):
    """A file that is there, by its name, by its path and from a folder below, and a server, each behind whatever a library
    would follow. What `parse` refuses, no library is given."""
    (tmp_path / "film.mp4").write_bytes(b"x")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    names = [
        start + rest
        for start in PROTOCOLS
        for rest in ("film.mp4", str(tmp_path / "film.mp4"), "../film.mp4", "127.0.0.1:1/film.mp4")
    ]
    assert len(set(names)) >= 200
    for name in names:
        with pytest.raises((UsageError, SourceError), match=r"^source "):
            parse(name)
    record_property("figure", f"{len(names)} names, none opened")


def test_what_is_not_there_is_a_source_error(tmp_path):
    for text in ("missing.jpg", str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / ("x" * 300 + ".png"))):
        with pytest.raises(SourceError, match=r"^source"):
            parse(text)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"'\.txt'"):
        parse(str(tmp_path / "notes.txt"))


def test_a_picture_is_one_frame(picture):
    (frame,) = frames_of(parse(str(picture))[0])
    assert frame.image.shape == (40, 60, 3)
    assert (frame.index, frame.time_s, frame.age_ms) == (0, 0.0, None)
    assert frame.capture_ms > 0


def exif_turned(jpeg: bytes, orientation: int) -> bytes:
    tiff = (
        b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
        + struct.pack(">HH", orientation, 0)
        + bytes(4)
    )
    payload = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def test_pictures_come_as_a_person_sees_them(picture):
    upright = cv2.imread(str(picture))
    jpeg = cv2.imencode(".jpg", upright)[1].tobytes()
    turned = decode(exif_turned(jpeg, 6), "turned.jpg")  # 6: to be turned a quarter clockwise
    assert turned.shape == (60, 40, 3)
    assert turned[:, :15].mean() > 150
    assert turned[:, 25:].mean() < 60


def test_depth_grey_and_transparency_become_8_bit_bgr():
    deep = np.full((8, 9), 40000, np.uint16)
    assert decode(cv2.imencode(".png", deep)[1].tobytes(), "16 bit").shape == (8, 9, 3)
    assert abs(int(decode(cv2.imencode(".png", deep)[1].tobytes(), "16 bit")[0, 0, 0]) - 40000 // 257) <= 1
    clear = np.zeros((8, 9, 4), np.uint8)  # black and wholly transparent, but for one opaque black pixel
    clear[2, 3, 3] = 255
    image = decode(cv2.imencode(".png", clear)[1].tobytes(), "alpha")
    assert image.shape == (8, 9, 3)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[2, 3].tolist() == [0, 0, 0]


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of a few kilobytes that claims width × height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BAD = {
    "empty": b"",
    "text": b"this is a text file named .jpg\n" * 20,
    "truncated header": b"\x89PNG\r\n\x1a\n\x00\x00",
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.target("T4")
def test_a_damaged_picture_is_one_line_that_names_it(kind, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(BAD[kind])
    with pytest.raises(SourceError, match=r"photo\.jpg: expected a picture") as caught:
        list(frames_of(parse(str(path))[0]))
    assert "\n" not in str(caught.value)


def test_a_picture_too_short_for_its_claim_says_how_short(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(bomb(9_900, 9_999)[:105])
    with pytest.raises(SourceError, match=r"photo\.png: expected 9900×9999 pixels.*found 105 bytes"):
        list(frames_of(parse(str(path))[0]))


@pytest.mark.target("T4")
def test_a_truncated_jpeg_is_refused_or_read_but_never_crashes():
    data = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))[1].tobytes()
    try:
        assert decode(data[: len(data) // 2], "half.jpg").shape == (200, 200, 3)  # OpenCV 4 fills the rest
    except SourceError as error:
        assert "half.jpg" in str(error)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads its peak memory from /proc")
@pytest.mark.target("T4")
def test_an_image_bomb_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb(30000, 30000))
    code = (
        "import pathlib, re, sys; from edgeproof.sources.frames import frames_of; from edgeproof.sources.parse import parse\n"
        "from edgeproof.errors import SourceError\n"
        "try: next(frames_of(parse(sys.argv[1])[0]))\n"
        "except SourceError as e: print(e)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.png")], capture_output=True, text=True, check=True, timeout=60
    )
    assert "at most 100 megapixels" in child.stdout
    assert int(child.stdout.split()[-1]) < 500_000  # kB at its highest; decoded it would be 2,700,000


def test_every_frame_of_a_video_is_read(video):
    read = list(frames_of(parse(str(video))[0]))
    assert [frame.index for frame in read] == list(range(12))
    assert read[-1].time_s == pytest.approx(1.1)
    assert abs(int(read[-1].image.mean()) - 220) < 6


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(2000)])
def test_a_video_without_frames_is_a_source_error(content, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4: expected a video"):
        list(frames_of(parse(str(path))[0]))


@pytest.mark.target("T19")
def test_a_playlist_in_disguise_opens_nothing_on_the_network(tmp_path):
    """An HLS playlist named .mp4 that points to a server: the server must not be asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1.0)
        port = server.getsockname()[1]
        path = tmp_path / "clip.mp4"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n")
        with pytest.raises(SourceError):
            list(frames_of(parse(str(path))[0]))
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_camera_that_is_not_there_says_what_to_do():
    with pytest.raises(SourceError, match=r"camera 99: does not open .*connect a camera"):
        next(frames_of(parse("99")[0]))
