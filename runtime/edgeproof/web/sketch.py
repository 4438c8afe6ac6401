"""A posted picture, drawn or photographed, read by the same reader as the camera's frames, and forgotten."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from edgeproof.errors import EdgeproofError, SourceError
from edgeproof.output import explain
from edgeproof.page.reader import Reader
from edgeproof.page.reading import Examination
from edgeproof.sources.pictures.header import look
from edgeproof.sources.pictures.picture import decode
from edgeproof.support import command
from edgeproof.support.opencv import cv2
from edgeproof.web.connection import as_json, body_of
from edgeproof.web.packages import Request, Response

MAX_BYTES = 16 * 2**20  # of a posted picture
MAX_PIXELS = 25_000_000  # 75 MB decoded: the camera's frames need memory too
BODY_S = 15.0  # until it is here
MOST_CANDIDATES = 200  # that the answer lists
QUALITY = 85  # of the explained picture's JPEG


class Sketches:
    """Reads posted pictures one at a time, so that they never keep the camera waiting for long.

    reader: with which, from the next picture on.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._busy = False
        self._worker = ThreadPoolExecutor(1, "edgeproof-web-sketch")

    async def answer(self, request: Request) -> Response:
        """The reading of the request's body, a picture file, as JSON; `error` with one line where there is none."""
        if not request.headers.get("content-type", "").startswith("image/"):
            return as_json(415, {"error": "expected a picture (Content-Type: image/…), found something else"})
        if self._busy:
            return as_json(429, {"error": "another picture is being read: try again"}, {"retry-after": "1"})
        self._busy = True
        try:
            data = await body_of(request, MAX_BYTES, BODY_S, "a picture")
            if isinstance(data, Response):
                return data
            loop = asyncio.get_running_loop()
            return as_json(200, await loop.run_in_executor(self._worker, reading_of, self.reader, data))
        except SourceError as error:
            return as_json(400, {"error": str(error)})
        except (EdgeproofError, MemoryError, cv2.error) as error:
            return as_json(500, {"error": command.one_line(command.describe(error))})
        finally:
            self._busy = False

    def end(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)


def reading_of(reader: Reader, data: bytes) -> dict[str, Any]:
    """What is read in a picture file, and why: the record that the page shows.

    A number's `digits` index into the candidates without a reason. A candidate's glyph is base64 of 28 × 28 bytes, 0 = paper;
    `explained` is base64 of a JPEG. Raises SourceError when it is no picture, is damaged, or has too many pixels.
    """
    start = time.perf_counter()
    header = look(data)
    if header.width * header.height > MAX_PIXELS:
        raise SourceError(f"picture: expected at most {MAX_PIXELS // 10**6} megapixels, found more: make it smaller")
    image = decode(data, "picture")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise SourceError(f"picture: expected at most {MAX_PIXELS // 10**6} megapixels, found more: make it smaller")
    decoded = time.perf_counter()
    examination = reader.examine(image)
    reading = examination.reading
    explained = cv2.imencode(
        ".jpg", explain.picture(image, examination, reader.classes), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )[1]
    return {
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "turn": reading.turn,
        "numbers": [
            {"text": number.text, "score": round(number.score, 4), "digits": list(number.digits)}
            for number in reading.numbers
        ],
        "ms": {"decode": round(1000 * (decoded - start), 2)} | {k: round(ms, 2) for k, ms in reading.ms.items()},
        "candidates": _candidates(examination, reader.classes),
        "more": max(0, len(examination.candidates) - MOST_CANDIDATES) + reading.left_off,
        "never": Counter(dropped.reason for dropped in examination.segmentation.dropped),
        "nothing": examination.segmentation.nothing,
        "explained": base64.b64encode(explained.tobytes()).decode(),
    }


def _candidates(examination: Examination, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each thing that the model saw; `reason` says why it was refused, empty for a digit that was read."""
    return [
        {
            "name": row.name,
            "score": round(row.score, 4),
            "box": list(row.box),
            "reason": row.reason,
            "glyph": base64.b64encode(glyph.tobytes()).decode(),
        }
        for row, glyph in zip(
            explain.rows(examination, classes)[:MOST_CANDIDATES], examination.glyphs[:MOST_CANDIDATES], strict=False
        )
    ]
