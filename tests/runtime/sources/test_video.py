"""Video files: what is missing is said and only that, times are the container's, nothing else is opened."""

from __future__ import annotations

import http.server
import struct
import sys
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import SourceError
from edgeproof.sources import video
from edgeproof.sources.container import missing_bytes
from edgeproof.sources.frames import frames_of
from edgeproof.sources.source import Source

cv2 = pytest.importorskip("cv2")

FRAMES = 30
#: suffix → codec of OpenCV's own FFmpeg
WRITABLE = {"avi": "MJPG", "mp4": "mp4v", "mov": "mp4v", "mkv": "MJPG", "webm": "VP80", "wmv": "WMV2", "ts": "mpg2",
            "mjpeg": "MJPG"}  # fmt: skip
STATES_ITS_LENGTH = {"avi", "mp4", "mov", "mkv", "webm", "wmv"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> dict[str, bytes]:
    """The content of one video per suffix: 30 frames of noise at 10 per second."""
    folder = tmp_path_factory.mktemp("videos")
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(FRAMES)]
    written = {}
    for suffix, codec in WRITABLE.items():
        path = folder / f"clip.{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 10, (64, 48))
        for frame in frames:
            writer.write(frame)
        writer.release()
        written[suffix] = path.read_bytes()
    return written


def source(path: Path) -> Source:
    return Source("video", str(path), path.name)


def read(path: Path) -> list[float]:
    """The times of all frames."""
    return [frame.time_s for frame in frames_of(source(path))]


def read_until_error(path: Path) -> tuple[int, str]:
    """How many frames came, and what was said at the end."""
    count, frames = 0, frames_of(source(path))
    try:
        for _ in frames:
            count += 1
    except SourceError as error:
        return count, str(error)
    return count, ""


def boxes(content: bytes) -> list[bytes]:
    parts, place = [], 0
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        parts.append(content[place : place + length])
        place += length
    return parts


def fast_start(content: bytes) -> bytes:
    """An MP4 with its index in front, as cameras' apps and servers write it."""
    parts = {part[4:8]: part for part in boxes(content)}
    moov = bytearray(parts[b"moov"])
    place = moov.index(b"stco")
    (count,) = struct.unpack_from(">I", moov, place + 8)
    for at in range(place + 12, place + 12 + 4 * count, 4):
        struct.pack_into(">I", moov, at, struct.unpack_from(">I", moov, at)[0] + len(moov))
    rest = b"".join(part for kind, part in parts.items() if kind not in (b"ftyp", b"moov"))
    return parts[b"ftyp"] + bytes(moov) + rest


@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_whole_video_is_read_without_a_word(suffix, videos, tmp_path):
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(videos[suffix])
    count, said = read_until_error(path)
    assert (count, said) == (FRAMES, "")


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("suffix", [*WRITABLE, "fast start"])
@pytest.mark.target("T5")
def test_a_truncated_video_is_said_where_it_states_its_length(suffix, share, videos, tmp_path):
    content = fast_start(videos["mp4"]) if suffix == "fast start" else videos[suffix]
    path = tmp_path / f"clip.{'mp4' if suffix == 'fast start' else suffix}"
    path.write_bytes(content[: int(share * len(content))])
    count, said = read_until_error(path)
    if suffix in ("mp4", "mov"):  # their index is at the end
        assert count == 0
        assert said.endswith("bytes are missing that the file states: copy it again")
    elif suffix in STATES_ITS_LENGTH | {"fast start"}:
        assert 0 < count <= FRAMES  # of some files an index alone stands behind the last frame
        assert f"expected a whole video, found its end after {count} frames" in said
        assert f"{len(content) - int(share * len(content)):,} bytes are missing" in said
    else:
        assert count > 0
        assert said == ""


def test_who_takes_some_frames_alone_hears_nothing_of_the_rest(videos, tmp_path):
    path = tmp_path / "clip.avi"
    path.write_bytes(videos["avi"][: len(videos["avi"]) // 2])
    frames = frames_of(source(path))
    assert len(list(islice(frames, 3))) == 3
    frames.close()


def test_a_trimmed_mp4_is_whole(videos, tmp_path):
    """An edit list hides the first second, and the count of frames still says 30."""
    content = bytearray(videos["mp4"])
    (scale,) = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)
    struct.pack_into(">I", content, content.index(b"elst") + 16, scale)
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert read_until_error(path) == (20, "")


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\0\0\0\0AVI LIST",
        b"RIFF\xff\xff\xff\xffAVI LIST",
        b"\x1aE\xdf\xa3\x84webm\x18S\x80g\x01" + b"\xff" * 7,
        b"\0\0\0\x0cftypisom\0\0\0\0mdat",
        b"\0\0\0\x0cftypisom\x7f\xff\xff\xfftail",
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
        b"\x1aE\xdf\xa3",
        b"RIFF",
        b"G" * 188,
        b"",
    ],
    ids=["avi not finished", "avi not finished either", "webm of a live recording", "mp4 up to its end",
         "mp4 with a camera's own tail", "wmv of nothing", "mkv of nothing", "riff of nothing", "ts", "nothing"],
)  # fmt: skip
def test_what_states_no_length_misses_nothing(content, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(content)
    assert missing_bytes(path) == 0


@pytest.mark.target("T5")
def test_any_flipped_byte_of_a_head_gives_a_number(videos, tmp_path):
    random = np.random.default_rng(2)
    path = tmp_path / "clip"
    for content in videos.values():
        for _ in range(40):
            broken = bytearray(content[:2000])
            broken[int(random.integers(200))] = int(random.integers(256))
            path.write_bytes(broken)
            assert missing_bytes(path) >= 0


def slow_second_half(content: bytes) -> bytes:
    """The MP4 with 2 s between the frames of its second half, as a phone in the dark, or a screen recorder, leaves it."""
    moov = bytearray(content)
    place = moov.index(b"stts") + 8
    count, delta = struct.unpack_from(">II", moov, place + 4)
    half = count // 2
    moov[place : place + 12] = struct.pack(">IIIII", 2, half, delta, count - half, 20 * delta)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        at = moov.index(kind) - 4
        struct.pack_into(">I", moov, at, struct.unpack_from(">I", moov, at)[0] + 8)
    struct.pack_into(">I", moov, moov.index(b"elst") + 12, 10**6)  # the edit list must not end it
    return bytes(moov)


def test_times_are_the_containers_own(videos, tmp_path):
    """The rate, an average, would place every frame wrongly."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(slow_second_half(videos["mp4"]))
    half = FRAMES // 2
    assert read(path) == pytest.approx([0.1 * i for i in range(half)] + [0.1 * half + 2 * i for i in range(half)])


@pytest.mark.parametrize("suffix", WRITABLE)
def test_times_grow_evenly_where_frames_do(suffix, videos, tmp_path):
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(videos[suffix])
    distance = 0.04 if suffix == "mjpeg" else 0.1  # raw pictures state no rate: 25 is FFmpeg's guess
    assert read(path) == pytest.approx([distance * i for i in range(FRAMES)])


def test_frames_beyond_the_cap_are_refused_before_one_is_decoded(videos, tmp_path, monkeypatch):
    path = tmp_path / "clip.avi"
    path.write_bytes(videos["avi"])
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 48)
    assert len(read(path)) == FRAMES
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 48 - 1)
    monkeypatch.setattr(video, "bgr", None)
    with pytest.raises(SourceError, match=r"clip\.avi: expected frames of at most 0 megapixels, found 64×48"):
        read(path)


def test_a_file_that_goes_away_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match=r"clip\.mp4: cannot be read"):
        read(tmp_path / "clip.mp4")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no file names that are no UTF-8")
@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_name_that_is_no_utf8_ends_no_process(suffix, videos, tmp_path):
    for name in (f"caf\udce9.{suffix}", f"\udcff\udcfe/clip.{suffix}"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(videos[suffix])
        assert len(read(path)) == FRAMES
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert len(read(path)) == FRAMES
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile clip.avi\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.avi\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.ts\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n",
    ],
    ids=["ffconcat", "hls", "hls of ts", "sdp"],
)
@pytest.mark.parametrize("suffix", ["mp4", "ts"])
@pytest.mark.target("T19")
def test_a_playlist_that_is_named_as_a_video_opens_nothing(playlist, suffix, videos, tmp_path):
    for neighbour in ("avi", "ts"):
        (tmp_path / f"clip.{neighbour}").write_bytes(videos[neighbour])
    path = tmp_path / f"list.{suffix}"
    path.write_text(playlist)
    with pytest.raises(SourceError, match="found a file that does not open: it is empty, damaged or a playlist"):
        read(path)


class Playlists(http.server.BaseHTTPRequestHandler):
    """Every path is a playlist of two more here. `asked` lists what was asked for."""

    asked: list[str]

    def do_GET(self):
        type(self).asked.append(self.path)
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        content = {
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{here}/secret.ts\n#EXTINF:1,\nnext.ts\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile {here}/secret.ts\nfile next.ts\n",
            "dash": f"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' mediaPresentationDuration='PT1S'><Period>"
            f"<AdaptationSet mimeType='video/mp4'><Representation id='1' bandwidth='1'><BaseURL>{here}/secret.mp4</BaseURL>"
            "</Representation></AdaptationSet></Period></MPD>",
        }[self.path.strip("/").split(".")[0]].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("name", ["hls.m3u8", "hls.mp4", "concat.txt", "concat.mp4", "dash.mpd", "dash.mp4"])
@pytest.mark.target("T19")
def test_a_playlist_from_a_server_asks_for_nothing_more(name):
    Playlists.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Playlists) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{name}"
        with pytest.raises(SourceError, match=r"does not open: .* a playlist \(HLS, DASH\) is not followed"):
            next(frames_of(Source("stream", address, address)))
        server.shutdown()
    assert set(Playlists.asked) == {f"/{name}"}
