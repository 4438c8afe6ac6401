"""The files of the page: all there, nothing inline that its own policy would block, and no text ever taken as markup."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STATIC = resources.files("edgeproof.web").joinpath("static")
SHOWN = {file.name: file.read_text() for file in STATIC.iterdir() if file.is_file()}
LABEL = {f"label/{file.name}": file.read_text() for file in STATIC.joinpath("label").iterdir()}
FILES = SHOWN | LABEL


def test_the_files_ship():
    scripts = {"page.js", "charts.js", "numbers.js", "answers.js", "bars.js", "sketch.js"}
    assert scripts | {"index.html", "style.css", "icon.svg"} == set(SHOWN)
    assert {"label/index.html", "label/label.css", "label/label.js"} == set(LABEL)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".html")])
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(name):
    page = FILES[name]
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.S) == [""]
    for content in FILES.values():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", content)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_no_script_makes_markup_of_text(name):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser", FILES[name]
    )


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_element_that_a_script_asks_for_is_in_the_page(name):
    wanted = set(re.findall(r'\b(?:find|text)\("([\w-]+)"', FILES[name]))
    page = FILES[f"{name.rpartition('/')[0]}/index.html".lstrip("/")]
    assert wanted <= set(re.findall(r'id="([\w-]+)"', page))
