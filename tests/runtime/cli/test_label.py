"""`edgeproof label` from its first line to Ctrl-C, as a person starts and ends it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

Started = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def label(tmp_path: Path) -> Iterator[Started]:
    """`label(*words, **environment)` starts the command in the test's folder; gives the process, and the port it says."""
    running = []

    def start(*words: str, **environment: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-m", "edgeproof", "label", *words, "--web", "127.0.0.1:0"],
            cwd=tmp_path, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        said = process.stderr.readline()
        found = re.search(r"label page: http://127\.0\.0\.1:(\d+)/ \((.*)\)", said)
        assert found, said + process.stderr.read()
        return process, int(found[1])

    yield start
    for process in running:
        process.kill()
        process.communicate()


def ask(port: int, path: str, content: object = None) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = None if content is None else json.dumps(content)
    connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"} if body else {})
    answer: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_what_was_labelled_is_told_at_the_end_with_the_next_command(label: Started, tmp_path: Path):
    crops = tmp_path / "my crops"
    crops.mkdir()
    for i in range(3):
        (crops / f"p-000000-{i:03}-7-50.png").write_bytes(b"x")
    process, port = label("my crops", "--no-open")
    first, second, _ = (crop["id"] for crop in ask(port, "/crops")["crops"])
    ask(port, "/label", {"crop": first, "class": 7})
    ask(port, "/label", {"crop": second, "class": 10})
    process.send_signal(signal.SIGINT)
    told, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")
    assert [line.split() for line in told.splitlines()[:-1]] == [
        ["2", "labelled,", "1", "left"], ["class", "now", "in", "all"], ["7", "1", "1"], ["reject", "1", "1"],
    ]  # fmt: skip
    assert told.splitlines()[-1] == "next: python -m train run own-images --data 'my crops/labelled'"
    assert sorted(path.name for path in (crops / "labelled").iterdir()) == ["7", "reject"]


def test_a_folder_without_crops_is_said_and_a_browser_opened_where_there_is_one(label: Started, tmp_path: Path):
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > "{tmp_path}/opened.new"\nmv "{tmp_path}/opened.new" "{tmp_path}/opened"\n'
    )
    browser.chmod(0o700)
    (tmp_path / "empty").mkdir()
    process, port = label("empty", "--out", "elsewhere", BROWSER=str(browser))
    end = time.monotonic() + 20
    while not (tmp_path / "opened").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert told == "0 labelled, 0 left\n", "nothing to train with yet"
    assert (tmp_path / "opened").read_text() == f"http://127.0.0.1:{port}/\n"
    assert not (tmp_path / "elsewhere").exists()


def refused(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edgeproof", "label", *words, "--no-open"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_what_cannot_be_is_one_line(tmp_path: Path):
    from edgeproof.bundle import default_bundle

    code, said = refused(str(tmp_path / "none"))
    assert (code, "expected a folder with crops, found none" in said) == (5, True)
    code, said = refused(str(tmp_path), "--web", "0.0.0.0:0")
    assert (code, "expected a token too" in said) == (2, True)
    code, said = refused(str(tmp_path), "--bundle", str(tmp_path / "none"))
    assert code == 6
    code, said = refused(str(tmp_path), "--out", str(default_bundle()))
    assert (code, "--out: expected a place that nothing is read from" in said) == (2, True)
