"""Cameras on loopback that can be cut, stalled and brought back: Motion JPEG over HTTP, and RTSP with RTP/JPEG (RFC 2435)."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from edgeproof.bundle import load_bundle
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Source

BITS = 16  # of the number that each frame shows
SIDE = 16  # pixels of the square that shows one


def numbered(number: int, size: tuple[int, int] = (64, 256)) -> bytes:
    """A JPEG that shows `number` in its first row of squares, black for 0 and white for 1, over noise. size: height, width."""
    image = np.random.default_rng(number).integers(60, 190, (*size, 3), np.uint8)
    for bit in range(BITS):
        image[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def number_of(image: Any) -> int:
    """What `numbered` wrote."""
    return sum((int(image[SIDE // 2, bit * SIDE + SIDE // 2, 1]) > 127) << bit for bit in range(BITS))


def page(number: int) -> bytes:
    """A JPEG of the digits 729041, written on paper that rests; the noise is another in each of eight frames."""
    return _noisy_page(number % 8)


@functools.cache
def _noisy_page(number: int) -> bytes:
    golden = load_bundle().golden
    sheet = np.random.default_rng(number).integers(225, 235, (120, 320), np.uint8)
    for place, label in enumerate((7, 2, 9, 0, 4, 1)):
        digit = cv2.resize(golden.images[list(golden.labels).index(label)], (44, 44), interpolation=cv2.INTER_CUBIC)
        sheet[38:82, 8 + 52 * place : 52 + 52 * place] -= (0.75 * digit).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", sheet)[1])


class Camera:
    """A server on loopback. Frame n is sent at n / fps seconds after the start, also while nobody looks.

    It can be `down` (the port refuses), `stalled` (connections stay open and nothing comes), or neither. `content` makes a frame.
    """

    scheme = ""

    def __init__(self, fps: float = 30.0, content: Callable[[int], bytes] = numbered) -> None:
        self.fps, self.content = fps, content
        self.stalled = False
        self.began_s = time.monotonic()
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []
        self.port = 0
        self.up()

    @property
    def source(self) -> Source:
        return parse(f"{self.scheme}://127.0.0.1:{self.port}/camera")[0]

    def frame_now(self) -> int:
        return int((time.monotonic() - self.began_s) * self.fps)

    def up(self) -> None:
        self.stalled = False
        if self._listener is None:
            listener = socket.create_server(("127.0.0.1", self.port))
            self.port, self._listener = listener.getsockname()[1], listener
            threading.Thread(target=self._accept, args=[listener], daemon=True).start()

    def down(self) -> None:
        """As a process that was killed: the port refuses and every connection is closed."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._clients.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a small packet must not wait for an answer
            self._clients.append(client)
            threading.Thread(target=self._guarded, args=[client], daemon=True).start()

    def _guarded(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            self.serve(client)

    def numbers(self) -> Iterator[int]:
        """The number of each frame when it is due."""
        number = self.frame_now() + 1
        while True:
            time.sleep(max(0.0, self.began_s + number / self.fps - time.monotonic()))
            while self.stalled:
                time.sleep(0.005)
                number = self.frame_now()
            yield number
            number += 1

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError


class MotionJpeg(Camera):
    scheme = "http"

    def serve(self, client: socket.socket) -> None:
        asked = client.recv(4096)
        while self.stalled:
            time.sleep(0.005)
        if asked.startswith(b"GET"):
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")
        for number in self.numbers():
            jpeg = self.content(number)
            head = b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            client.sendall(head + jpeg + b"\r\n")


class Rtsp(Camera):
    """RTP/JPEG, interleaved with RTSP on one TCP connection."""

    scheme = "rtsp"

    def serve(self, client: socket.socket) -> None:
        requests = client.makefile("rb")
        while True:
            words, fields = requests.readline().split(), {}
            while line := requests.readline().strip():
                name, _, value = line.partition(b":")
                fields[name.lower()] = value.strip()
            if not words:
                return
            while self.stalled:
                time.sleep(0.005)
            head = b"RTSP/1.0 200 OK\r\nCSeq: " + fields.get(b"cseq", b"0") + b"\r\n"
            if words[0] == b"DESCRIBE":
                description = (
                    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
                    b"c=IN IP4 0.0.0.0\r\na=control:track\r\na=framerate:%d\r\n" % self.fps
                )
                head += b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(description) + description
            elif words[0] == b"SETUP":
                head += b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n"
            else:
                head += b"Session: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
            client.sendall(head)
            if words[0] == b"PLAY":
                threading.Thread(target=_read_all, args=[requests], daemon=True).start()  # keep-alives
                self._play(client)

    def _play(self, client: socket.socket) -> None:
        sequence = 0
        for number in self.numbers():
            jpeg = self.content(number)
            size, tables, scan = _jpeg_parts(jpeg)
            offset = 0
            while offset < len(scan):
                head = b"\0" + struct.pack(">I", offset)[1:] + bytes([1, 255, size[1] // 8, size[0] // 8])
                if offset == 0:
                    head += struct.pack(">BBH", 0, 0, len(tables)) + tables
                part = scan[offset : offset + 1200]
                offset += len(part)
                last = 0x80 if offset >= len(scan) else 0
                stamp = int(90_000 * number / self.fps) & 0xFFFFFFFF
                packet = struct.pack(">BBHII", 0x80, last | 26, sequence & 0xFFFF, stamp, 1) + head + part
                client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                sequence += 1


def _read_all(requests: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        requests.read()


def _jpeg_parts(jpeg: bytes) -> tuple[tuple[int, int], bytes, bytes]:
    """(height, width), the two quantization tables, and the scan of a JPEG whose Huffman tables are the standard's."""
    place, tables, size = 2, b"", (0, 0)
    while True:
        marker, length = jpeg[place + 1], struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
        body = jpeg[place + 4 : place + 2 + length]
        if marker == 0xDB:
            tables += b"".join(body[at + 1 : at + 65] for at in range(0, len(body), 65))
        elif marker == 0xC0:
            size = struct.unpack(">HH", body[1:5])
        elif marker == 0xDA:
            return size, tables, jpeg[place + 2 + length : -2]
        place += 2 + length


CAMERAS = {"http": MotionJpeg, "rtsp": Rtsp}
