"""What the documents say holds: commands are executed, links and pictures are there, targets and exit codes are the program's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeproof import errors

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RESULTS = (ROOT / "docs" / "results.md").read_text()


def documents() -> dict[str, str]:
    """Every Markdown file of the repository, by its path."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name: (ROOT / name).read_text() for name in listed.split("\0") if name and (ROOT / name).is_file()}


DOCUMENTS = documents()
COMMANDS = sorted({command for text in DOCUMENTS.values() for command in re.findall(r"^\$ (.+)$", text, re.MULTILINE)})


def test_there_are_commands() -> None:
    assert "make demo" in COMMANDS
    assert sum(command.startswith("edgeproof") for command in COMMANDS) >= 5


MEASURING = ("edgeproof bench", "edgeproof tune")


def marked(command: str) -> Any:
    """Measuring every artifact is long by itself; tests/runtime/bench measures a few."""
    return pytest.param(command, marks=(pytest.mark.slow, pytest.mark.timed) if command.startswith(MEASURING) else ())


@pytest.mark.parametrize("command", [marked(command) for command in COMMANDS if command.startswith("edgeproof")])
def test_edgeproof_command(command: str, tmp_path: Path) -> None:
    """Run in a folder of its own that sees the samples, with nothing else of the checkout."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    busy = command.startswith(MEASURING) and result.returncode == errors.BenchmarkError.exit_code
    assert result.returncode == 0 or busy, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make")])
def test_make_command_is_understood(command: str) -> None:
    """`make -n` resolves targets, prerequisites and recipes without running them; the targets' work has tests of its own."""
    subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, check=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_that_is_named_is_in_make_help(name: str) -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in set(re.findall(r"`(?:\w+=\S+ )*make ([a-z0-9-]+)", DOCUMENTS[name])) - {"help"}:
        assert f"make {target} " in listed, target


def test_exit_codes_are_the_program_s() -> None:
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert stated == raised | {0, 130}


def anchors(text: str) -> set[str]:
    """What GitHub makes of headings: lower case, blanks to hyphens, other signs gone."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_pictures_are_there(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_files_that_contributing_names_are_there() -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|pyproject\.toml)`", DOCUMENTS["CONTRIBUTING.md"])
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


def between(text: str, name: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    assert (text.count(begin), text.count(end)) == (1, 1), name
    return text[text.index(begin) : text.index(end)]


def test_the_readme_has_one_table_of_results_and_it_is_that_of_the_results() -> None:
    table = between(README, "results")
    assert table == between(RESULTS, "results"), "make table writes both"
    assert len([line for line in table.splitlines() if line.startswith("| ")]) - 2 <= 8
    for name in ("scenes", "peers", "exporters"):
        assert f"<!-- {name} -->" not in README
        assert "\n| " in between(RESULTS, name)
