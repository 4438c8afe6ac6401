"""The table of the targets tells what the tests came to, and the page that it stands on names tests that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import soak_table
from tests.soak_table import TARGETS, table, write

ROOT = Path(__file__).parents[1]
KEPT: soak_table.Results = {
    "tests/a.py::test_short[1]": {"targets": ["T1"], "long": False, "outcome": "passed", "figure": ""},
    "tests/a.py::test_short[2]": {"targets": ["T1"], "long": False, "outcome": "failed", "figure": "7 of 9 | 3"},
    "tests/b.py::test_long": {"targets": ["T1", "T2"], "long": True},
}
OWN = """
import pytest
@pytest.mark.target("{target}")
def test_one(record_property):
    record_property("figure", "a figure")
@pytest.mark.target("T7")
@pytest.mark.soak
def test_two():
    print("said last")
@pytest.mark.target("T7")
def test_three():
    assert False
def test_of_nothing(): pass
"""


def test_the_table_has_a_row_per_target() -> None:
    head, _, *rows = table(KEPT).splitlines()
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(TARGETS) == [f"T{n}" for n in range(1, 24)]
    assert {row.count("|") for row in rows} == {head.count("|")}
    first, second, third = (row.split(" | ")[2:] for row in rows[:3])
    assert first == ["`a.py::test_short`", "`b.py::test_long`", "1 failed, 1 not run, 1 passed", "7 of 9 ∣ 3 |"]
    assert second[:3] == ["", "`b.py::test_long`", "1 not run"]
    assert third[2] == "**missing**"


def test_the_table_takes_the_place_of_the_last(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{soak_table.BEGIN}old\n{soak_table.END}after\n")
    write("new\n", page)
    write("newer\n", page)
    assert page.read_text() == f"before\n{soak_table.BEGIN}newer\n{soak_table.END}after\n"


def test_no_results_take_the_place_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("as it was")
    monkeypatch.setattr(soak_table, "KEPT", tmp_path / "kept.json")
    monkeypatch.setattr(soak_table, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr("sys.argv", ["soak_table", "--write"])
    for content in (None, "{}"):
        if content:
            soak_table.KEPT.write_text(content)
        with pytest.raises(SystemExit, match="expected the results of tests, found none: make soak"):
            soak_table.main()
    assert soak_table.PAGE.read_text() == "as it was"


def pytest_of(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_own.py").write_text(OWN.format(target=target))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    target: x\n    soak: x\n")
    code = (
        "import sys, pytest; from pathlib import Path; from tests import soak_table\n"
        f"soak_table.KEPT = Path({str(folder / 'kept.json')!r})\n"
        f"sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', {str(folder)!r}], plugins=[soak_table]))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_tests_come_to_is_kept_with_their_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pytest_of(tmp_path, "T5").returncode == 1
    monkeypatch.setattr(soak_table, "KEPT", tmp_path / "kept.json")
    kept = {node.rpartition("::")[2]: facts for node, facts in soak_table.results().items()}
    assert kept == {
        "test_one": {"targets": ["T5"], "long": False, "outcome": "passed", "figure": "a figure"},
        "test_two": {"targets": ["T7"], "long": True, "outcome": "passed", "figure": "said last"},
        "test_three": {"targets": ["T7"], "long": False, "outcome": "failed", "figure": ""},
    }


def test_a_target_that_is_none_is_an_error(tmp_path: Path) -> None:
    done = pytest_of(tmp_path, "T99")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "expected a target of tests/soak_table.py, found ['T99']" in done.stdout + done.stderr


def test_the_page_names_tests_that_there_are() -> None:
    page = soak_table.PAGE.read_text()
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert named
    for file, name in named:
        assert re.search(rf"^\s*def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), f"{file}::{name}"
