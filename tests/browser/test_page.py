"""The page as a person meets it, in a real browser: it moves, it reads what is drawn, it comes back, and all can use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from edgeproof.sources.source import Health

expect.set_options(timeout=20_000)  # machines are shared
pytestmark = pytest.mark.browser

SEVEN = [(0.40, 0.22), (0.62, 0.22), (0.48, 0.80)]
BOTH = pytest.mark.parametrize("tab", ["desktop-light", "phone-dark"], indirect=True)
NUMBERS = ["1984", "27", "365", "480", "90210"]  # of the sample video

#: The stream as the browser shows it, 16 × 12 pixels of it.
LOOK = """() => {
  const small = document.createElement("canvas"); small.width = 16; small.height = 12;
  const pen = small.getContext("2d");
  pen.drawImage(document.getElementById("stream"), 0, 0, 16, 12);
  return [...pen.getImageData(0, 0, 16, 12).data].join();
}"""

#: What a browser tells a page that is no longer in front.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def draw(page, stroke):
    """With the mouse, over the sketchpad; places as shares of its sides."""
    pad = page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in stroke]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def serious(page) -> list[str]:
    """What axe-core finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@BOTH
def test_the_stream_moves_the_numbers_are_there_and_the_browser_has_no_complaint(camera, tab):
    page = tab.page
    page.goto(camera.page.url)
    expect(page.locator("#numbers .score")).to_have_count(len(NUMBERS))
    assert [text.split()[0] for text in page.locator("#numbers li").all_inner_texts()] == NUMBERS
    page.wait_for_function("() => document.getElementById('stream').naturalWidth > 0")
    looks = set()
    end = time.monotonic() + 20
    while len(looks) < 3 and time.monotonic() < end:
        looks.add(page.evaluate(LOOK))
        time.sleep(0.1)
    assert len(looks) >= 3
    assert page.locator("#source-name").inner_text() == "camera 0 <b>&amp;", "a name is text"
    expect(page.locator("#condition-text")).to_have_text("ok")
    expect(page.locator("#spoken")).to_have_text("Read: " + ", ".join(NUMBERS))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing beyond the side"
    assert tab.errors == []


@BOTH
def test_a_seven_drawn_with_the_mouse_is_read_undone_and_cleared(camera, tab):
    page = tab.page
    page.goto(camera.page.url)
    draw(page, SEVEN)
    expect(page.locator("#sketch-status")).to_contain_text("Read 7 in the sketch")
    expect(page.locator("#sketch-numbers li")).to_have_count(1)
    expect(page.locator("#glyphs canvas")).to_have_count(1)
    assert page.locator("#sketch-ms dt").all_inner_texts() == ["decode", "segment", "classify", "total"]
    page.locator("summary").click()
    page.wait_for_function("() => document.getElementById('explained').naturalWidth > 500")
    draw(page, [(0.80, 0.20), (0.80, 0.80)])
    expect(page.locator("#sketch-status")).to_contain_text("Read 71")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#sketch-status")).to_contain_text("Read 7 in")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#sketch-status")).to_have_text("Nothing drawn yet.")
    assert tab.errors == []


def test_a_photo_is_read_and_what_is_none_is_refused_in_words(camera, tab, tmp_path, request):
    page = tab.page
    page.goto(camera.page.url)
    page.locator("#file").set_input_files(request.config.rootpath / "samples" / "numbers.jpg")
    expect(page.locator("#sketch-status")).to_contain_text("Read 9 numbers in the photo")
    expect(page.locator("#sketch-numbers li").first).to_contain_text("2026")
    (tmp_path / "no.png").write_bytes(b"no picture")
    page.locator("#file").set_input_files(tmp_path / "no.png")
    expect(page.locator("#sketch-status.failed")).to_contain_text("picture: ")
    assert [error for error in tab.errors if "400" not in error] == []


@BOTH
def test_all_can_use_it(camera, tab):
    page = tab.page
    page.goto(camera.page.url)
    expect(page.locator("#numbers li")).to_have_count(len(NUMBERS))
    assert serious(page) == []
    draw(page, SEVEN)
    draw(page, [(0.1, 0.5), (0.3, 0.5)])
    expect(page.locator("#result")).to_be_visible()
    page.locator("summary").click()
    assert serious(page) == []


def test_by_keyboard_every_control_is_reached_and_seen(camera, tab):
    page = tab.page
    page.goto(camera.page.url)
    draw(page, SEVEN)
    expect(page.locator("#undo")).to_be_enabled()
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert {"undo", "clear", "file"} <= set(seen)
    page.locator("#undo").focus()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_stalled_camera_is_said_and_so_is_its_return(serve, tab):
    page = tab.page
    camera = serve()
    page.goto(camera.page.url)
    expect(page.locator("#condition-text")).to_have_text("ok")
    camera.health = Health("camera 0", "stalled", "no frame for 3 s", time.monotonic())
    expect(page.locator("#condition-text")).to_have_text("stalled: no frame for 3 s")
    expect(page.locator("#screen-note")).to_have_text("stalled: no frame for 3 s")
    assert serious(page) == []
    camera.health = Health("camera 0", "live", "", time.monotonic())
    expect(page.locator("#condition-text")).to_have_text("ok")
    expect(page.locator("#screen-note")).to_be_hidden()


def test_it_comes_back_after_the_server_does(serve, tab):
    page = tab.page
    camera = serve()
    page.goto(camera.page.url)
    expect(page.locator("#numbers li")).to_have_count(len(NUMBERS))
    port = int(camera.page.url.rstrip("/").rpartition(":")[2])
    camera.stop()
    camera.page.close()
    expect(page.locator("#lost")).to_have_text("Connection lost. Trying again…")
    expect(page.locator("#condition-text")).to_have_text("not connected")
    assert serious(page) == []
    serve(port)
    expect(page.locator("#lost")).to_have_text("")
    expect(page.locator("#condition-text")).to_have_text("ok")
    first = page.evaluate(LOOK)
    wait_until(lambda: page.evaluate(LOOK) != first)
    assert [error for error in tab.errors if "ERR_" not in error] == [], "but for the server that was away"


def wait_until(true: Callable[[], Any]) -> None:
    """A browser takes its time, on a machine under load twenty seconds of it."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_a_hidden_page_costs_the_device_nothing(serve, tab):
    page = tab.page
    camera = serve()
    page.goto(camera.page.url)
    viewers = camera.page._pictures.newest
    expect(page.locator("#numbers li")).to_have_count(len(NUMBERS))
    wait_until(lambda: viewers.viewers == 1)
    page.evaluate(HIDE, True)
    wait_until(lambda: viewers.viewers == 0)
    page.evaluate(HIDE, False)
    page.wait_for_function("() => document.getElementById('stream').naturalWidth > 0")


def test_a_browser_with_the_token_is_let_in_and_the_address_forgets_it(serve, tab):
    page = tab.page
    url = serve(token="a-token-of-some-length").page.url
    assert page.goto(url).status == 401
    page.goto(f"{url}?token=a-token-of-some-length")
    expect(page.locator("#numbers li")).to_have_count(len(NUMBERS))
    assert page.url == url
    page.reload()
    expect(page.locator("#condition-text")).to_have_text("ok")


@BOTH
def test_of_pictures_the_page_shows_the_answer_what_else_it_may_be_and_what_it_was(picture_camera, tab):
    page = tab.page
    page.goto(picture_camera.page.url)
    expect(page.locator("#now-title")).to_have_text("Seen now")
    expect(page.locator("#numbers li")).to_contain_text("sky blue")
    expect(page.locator("#spells li").last).to_contain_text("sky blue")
    expect(page.locator("#numbers li")).to_contain_text("red")
    expect(page.locator("#events li").first).to_contain_text("sky blue → red")
    expect(page.locator("#likeliest-bars dt")).to_have_count(3)
    expect(page.locator("#likeliest-bars dt").first).to_have_text("red")
    expect(page.locator("#sketch")).to_be_hidden()
    expect(page.locator("#skip")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing beyond the side"
    assert serious(page) == []
    assert tab.errors == []
