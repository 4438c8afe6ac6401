"""The system's Chromium, driven by Playwright, before a page whose camera plays the sample video."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Frame, Health, Source
from edgeproof.tracking.regions import RegionTracker
from edgeproof.web.address import Address

if TYPE_CHECKING:
    from edgeproof.web.server import WebPage

PACKAGES = ("starlette", "uvicorn", "prometheus_client", "playwright", "axe_playwright_python")
#: Without them there is nothing to test here; a skip in a conftest would end the whole run.
collect_ignore_glob = [] if all(map(importlib.util.find_spec, PACKAGES)) else ["test_*.py"]

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
    tracker: RegionTracker | None = None
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
            reading = examination.reading
            tracked = self.tracker.update(frame.time_s, reading) if self.tracker else None
            self.page.take(Shot(CAMERA, frame, reading, self.reader.facts, 5.0, examination, tracked))
            index += 1

    def stop(self) -> None:
        self._end.set()


def playing(stack: ExitStack, reader: Reader, frames: list[Frame], port: int = 0, token: str | None = None) -> Camera:
    """A page on `port`, a free one for 0, and a camera that plays into it until `stack` ends."""
    from edgeproof.web.server import WebPage

    page = WebPage(Address("127.0.0.1", port), reader, token)
    page.start()
    stack.callback(page.close)
    camera = Camera(reader, page, frames, tracker=None if reader.input.ink else RegionTracker())
    thread = threading.Thread(target=camera.run)
    thread.start()
    stack.callback(thread.join)
    stack.callback(camera.stop)
    return camera


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with open_reader() as opened:
        yield opened


@pytest.fixture(scope="session")
def frames() -> list[Frame]:
    (source,) = parse(str(ROOT / "samples" / "numbers.mp4"))
    return list(frames_of(source))


@pytest.fixture(scope="module")
def camera(reader, frames) -> Iterator[Camera]:
    """One page for all tests that only look at it."""
    with ExitStack() as stack:
        yield playing(stack, reader, frames)


@pytest.fixture
def serve(reader, frames) -> Iterator[Callable[..., Camera]]:
    """`serve(port, token)` opens a page of the test's own, with its camera playing."""
    with ExitStack() as stack:
        yield lambda port=0, token=None: playing(stack, reader, frames, port, token)


@pytest.fixture
def picture_camera() -> Iterator[Camera]:
    """A page of a bundle of pictures; its camera shows red, then blue, for three seconds each."""
    images = [np.full((60, 80, 3), 35, np.uint8) for _ in range(2)]
    images[0][12:45, 20:60], images[1][12:45, 20:60] = (40, 40, 220), (220, 90, 60)
    frames = [Frame(CAMERA.name, i, i / FPS, images[i // 24], 1.0) for i in range(48)]
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(ROOT / "tests" / "runtime" / "colour"))
        yield playing(stack, reader, frames)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: on Debian, apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A tab, and every error that the browser wrote about it."""

    page: Any
    errors: list[str]


@pytest.fixture
def tab(request, chromium) -> Iterator[Tab]:
    """A tab, on a desktop unless the test asks for a phone, in dark colours."""
    device, scheme = getattr(request, "param", "desktop-light").split("-")
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
