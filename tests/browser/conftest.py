"""The system's Chromium, driven by Playwright, before a page whose camera plays the sample video."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
sync_api = pytest.importorskip("playwright.sync_api")

from edgeproof.output.sinks import Shot
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Frame, Health, Source
from edgeproof.web.address import Address
from edgeproof.web.server import WebPage

ROOT = Path(__file__).parents[2]
FPS = 8.0
CAMERA = Source("camera", "0", "camera 0 <b>&amp;")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {"desktop": (1280, 800), "phone": (375, 812)}


@dataclass
class Camera:
    """Plays frames into a page from a thread of its own, until it is told what has become of it."""

    reader: Reader
    page: WebPage
    frames: list[Frame]
    health: Health | None = None
    _end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        index = 0
        while not self._end.wait(1 / FPS):
            if self.health is not None:
                self.page.tell(self.health)
                continue
            played = self.frames[index % len(self.frames)]
            frame = Frame(CAMERA.name, index, index / FPS, played.image, 1.0, time.monotonic(), dropped=3)
            examination = self.reader.examine(frame.image)
            self.page.take(Shot(CAMERA, frame, examination.reading, self.reader.facts, 5.0, examination))
            index += 1

    def stop(self) -> None:
        self._end.set()


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with open_reader() as opened:
        yield opened


@pytest.fixture(scope="session")
def frames() -> list[Frame]:
    (source,) = parse(str(ROOT / "samples" / "numbers.mp4"))
    return list(frames_of(source))


@pytest.fixture
def serve(reader, frames) -> Iterator[Callable[..., Camera]]:
    """`serve(port)` opens a page with its camera playing; both end with the test."""
    with ExitStack() as stack:

        def start(port: int = 0, token: str | None = None) -> Camera:
            page = WebPage(Address("127.0.0.1", port), reader, token)
            page.start()
            stack.callback(page.close)
            camera = Camera(reader, page, frames)
            playing = threading.Thread(target=camera.run)
            playing.start()
            stack.callback(playing.join)
            stack.callback(camera.stop)
            return camera

        yield start


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: on Debian, apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A tab, and every error that the browser wrote about it."""

    page: Any
    errors: list[str]


@pytest.fixture(params=["desktop-light", "phone-dark"])
def tab(request, chromium) -> Iterator[Tab]:
    """A tab in both layouts, and in both colour schemes."""
    device, scheme = request.param.split("-")
    width, height = WIDTHS[device]
    touch = device == "phone"
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch, is_mobile=touch
    )
    errors: list[str] = []
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Tab(page, errors)
    context.close()
