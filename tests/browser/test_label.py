"""The labelling page as a person meets it in a real browser: by keyboard alone, by thumb, and while others label too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from edgeproof.web.address import Address

if TYPE_CHECKING:
    from edgeproof.web.label.page import LabelPage

expect.set_options(timeout=20_000)  # machines are shared
pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("tab", ["desktop-light", "phone-dark"], indirect=True)
SHOWN = "() => document.querySelector('#stage img')?.naturalWidth > 0"
Opened = Callable[..., "LabelPage"]


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Four crops, of which the reader took one for a 7, two for a 1, and one for nothing."""
    folder = tmp_path / "crops <b>"
    folder.mkdir()
    for i, guess in enumerate(("7-62", "1-31", "1-55", "unknown-12")):
        crop = np.full((90, 60, 3), 230, np.uint8)
        cv2.putText(crop, guess[0], (10, 70), cv2.FONT_HERSHEY_SIMPLEX, 2, (60, 40, 30), 4, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"page-000000-{i:03}-{guess}.png"), crop)
    return folder


@pytest.fixture
def opened(crops: Path) -> Iterator[Opened]:
    """`opened(classes)` starts the page before the crops."""
    from edgeproof.web.label.choices import choices_of
    from edgeproof.web.label.crops import Crops
    from edgeproof.web.label.page import LabelPage

    pages = []

    def start(classes: str = "0123456789", port: int = 0) -> LabelPage:
        waiting = Crops(crops, crops / "labelled", choices_of(classes.split() if " " in classes else list(classes)))
        page = LabelPage(Address("127.0.0.1", port), waiting, "python -m train run own-images --data labelled")
        pages.append(page)
        page.start()
        return page

    yield start
    for page in pages:
        page.close()


def labelled(crops: Path) -> list[str]:
    return sorted(str(path.relative_to(crops / "labelled")) for path in (crops / "labelled").rglob("*.png"))


def goes_to(page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(SHOWN)


def serious(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in found for node in violation["nodes"]]


def press(page, key: str, status: str) -> None:
    """A key, for a crop that is seen; and what is said then."""
    page.wait_for_function(SHOWN)
    page.keyboard.press(key)
    expect(page.locator("#status")).to_have_text(status)


@BOTH
def test_by_keyboard_alone_three_crops_are_filed_and_one_is_undone(opened, crops, tab):
    page = tab.page
    goes_to(page, opened().url)
    assert page.locator("#folder").inner_text() == "crops <b>", "a name is text"
    expect(page.locator("#guess")).to_have_text("Read as 7, 62 % sure")
    expect(page.locator(".guessed b")).to_have_text("7")
    expect(page.locator("#strip li")).to_have_count(3)
    assert serious(page) == []
    press(page, "7", "Filed as 7.")
    press(page, "4", "Filed as 4.")
    expect(page.locator("#progress")).to_have_text("2 of 4")
    press(page, "u", "Undone: here it is again.")
    expect(page.locator("#guess")).to_have_text("Read as 1, 31 % sure")
    expect(page.locator("#progress")).to_have_text("1 of 4")
    press(page, "1", "Filed as 1.")
    press(page, "Space", "Skipped; it comes again at the end.")
    expect(page.locator("#guess")).to_have_text("Nothing was read in it")
    press(page, "x", "Filed as none of these.")
    assert labelled(crops) == [
        "1/page-000000-001-1-31.png", "7/page-000000-000-7-62.png", "reject/page-000000-003-unknown-12.png",
    ]  # fmt: skip
    page.wait_for_function(SHOWN)
    page.keyboard.press("1")
    expect(page.locator("#none-text")).to_have_text("All are labelled. Train with them:")
    expect(page.locator("#none-command")).to_have_text("python -m train run own-images --data labelled")
    assert serious(page) == []
    page.keyboard.press("Backspace")
    expect(page.locator("#status")).to_have_text("Undone: here it is again.")
    expect(page.locator("#guess")).to_have_text("Read as 1, 55 % sure")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing beyond the side"
    assert tab.errors == []


@pytest.mark.parametrize("tab", ["phone-light"], indirect=True)
def test_by_thumb_and_the_buttons_are_large_enough(opened, crops, tab):
    page = tab.page
    goes_to(page, opened("plus minus x").url)
    for button in page.locator("main button").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 48
        assert box["y"] + box["height"] <= 812, "all are there without scrolling"
    page.get_by_role("button", name="minus").tap()
    expect(page.locator("#status")).to_have_text("Filed as minus.")
    page.get_by_role("button", name="Undo").tap()
    expect(page.locator("#status")).to_have_text("Undone: here it is again.")
    assert labelled(crops) == []


def test_tab_reaches_every_button_and_a_mouse_leaves_the_keys_to_the_crops(opened, crops, tab):
    page = tab.page
    goes_to(page, opened().url)
    page.locator("#classes button").nth(2).click()
    expect(page.locator("#status")).to_have_text("Filed as 2.")
    press(page, "Space", "Skipped; it comes again at the end.")  # and no 2 once more
    for _ in range(14):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "3":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(page, "Space", "Filed as 3.")
    page.locator("#keys").uncheck()  # for who speaks to the machine, or rests a hand on the keyboard
    page.keyboard.press("5")
    page.locator("#keys").check()
    press(page, "6", "Filed as 6.")
    assert [name.split("/")[0] for name in labelled(crops)] == ["2", "3", "6"]


def test_a_key_that_is_held_down_files_one_crop(opened, crops, tab):
    page = tab.page
    goes_to(page, opened().url)
    for _ in range(5):
        page.keyboard.down("7")
    expect(page.locator("#status")).to_have_text("Filed as 7.")
    page.keyboard.up("7")
    press(page, "1", "Filed as 1.")
    assert len(labelled(crops)) == 2


def test_what_another_tab_filed_or_somebody_removed_is_said_and_passed_over(opened, crops, chromium, tab):
    url = opened().url
    page, other = tab.page, chromium.new_page()
    goes_to(page, url)
    goes_to(other, url)
    press(other, "7", "Filed as 7.")
    press(page, "1", "Not filed: this crop was labelled 7 already.")
    next(crops.glob("*-1-31.png")).unlink()
    press(page, "1", "Not filed: this crop is gone: it was labelled elsewhere or removed.")
    press(page, "1", "Filed as 1.")
    assert labelled(crops) == ["1/page-000000-002-1-55.png", "7/page-000000-000-7-62.png"]
    other.close()


def test_without_the_device_nothing_is_lost_and_it_goes_on_when_it_is_back(opened, crops, tab):
    page = tab.page
    served = opened()
    goes_to(page, served.url)
    port = int(served.url.rstrip("/").rpartition(":")[2])
    served.close()
    press(page, "7", "Not filed: the device did not answer.")
    expect(page.locator("#lost")).to_have_text("Connection lost. Trying again…")
    assert serious(page) == []
    opened(port=port)
    expect(page.locator("#lost")).to_have_text("")
    expect(page.locator("#progress")).to_have_text("0 of 4")
    # To a device that was started again this page's crop is a stranger: nothing is filed that it might mistake for another.
    press(page, "1", "Not filed: this crop is gone: it was labelled elsewhere or removed.")
    assert labelled(crops) == []
    expect(page.locator("#guess")).to_have_text("Read as 7, 62 % sure")
    press(page, "7", "Filed as 7.")
    assert labelled(crops) == ["7/page-000000-000-7-62.png"]


def test_an_empty_folder_says_what_fills_it(opened, crops, tab):
    for crop in crops.glob("*.png"):
        crop.unlink()
    tab.page.goto(opened().url)
    expect(tab.page.locator("#none-text")).to_have_text("No crops wait in this folder. This writes some:")
    expect(tab.page.locator("#none-command")).to_contain_text("edgeproof read SOURCE --save-uncertain")
    assert serious(tab.page) == []
