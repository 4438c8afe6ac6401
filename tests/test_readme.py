"""The README's commands are executed: `edgeproof …` for real, `make …` as far as make itself goes."""

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
COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)


def test_there_are_commands() -> None:
    assert "make demo" in COMMANDS
    assert sum(command.startswith("edgeproof") for command in COMMANDS) >= 5


def marked(command: str) -> Any:
    """Measuring every artifact in its own process is long by itself; tests/runtime/bench/test_measure.py measures a few."""
    return pytest.param(command, marks=pytest.mark.slow if command.startswith("edgeproof bench") else ())


@pytest.mark.parametrize("command", [marked(command) for command in COMMANDS if command.startswith("edgeproof")])
def test_edgeproof_command(command: str, tmp_path: Path) -> None:
    """Run in a folder of its own that sees the samples, with nothing else of the checkout."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    busy = command.startswith("edgeproof bench") and result.returncode == errors.BenchmarkError.exit_code
    assert result.returncode == 0 or busy, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make")])
def test_make_command_is_understood(command: str) -> None:
    """`make -n` resolves targets, prerequisites and recipes without running them; the targets' work has tests of its own."""
    subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, check=True)


def test_every_make_target_of_the_readme_is_in_make_help() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in set(re.findall(r"`make ([a-z-]+)`", README)) - {"help"}:
        assert f"make {target} " in listed, target


def test_exit_codes_are_the_program_s() -> None:
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert stated == raised | {0, 130}


def test_pictures_exist() -> None:
    for picture in re.findall(r"!\[.*?\]\((.+?)\)", README):
        assert (ROOT / picture).is_file(), picture
