"""A bundle that goes into slots on the device, beside what reads there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproof.cli.main import main
from tests.runtime.deploy.far_side import Host, wheel
from tests.runtime.deploy.test_deploy import PLACE, deployed, fake, runs


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said_by(name: str) -> list[str]:
    """What the stand-in was called with there, the last time."""
    newest = max(Path("deployments").glob(f"*/{name}.txt"), key=lambda file: file.stat().st_mtime_ns)
    return list(json.loads(newest.read_text()))


@pytest.mark.usefixtures("wheelhouse")
def test_the_service_reads_what_the_slots_hold(host: Host, colour: Path) -> None:
    fake(host, "systemctl", "echo running")
    assert deployed(host, str(colour), "--slots", "slots", "--service", "read 0", "--no-measure") == 0
    root = host.home / PLACE
    release = root / "releases" / (root / "current").readlink().name
    assert said_by("update") == ["1", "update", str(release / "bundle"), "--slots", str(root / "slots")]
    assert said_by("service")[-4:] == ["read", "0", "--slots", str(root / "slots")]
    assert deployed(host, str(colour), "--slots", str(host.home / "other"), "--no-measure") == 0
    assert said_by("update")[-1] == str(host.home / "other")


@pytest.mark.parametrize("code", [3, 6])
def test_what_does_not_pass_its_trial_is_not_switched_to(
    host: Host, wheelhouse: Path, colour: Path, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    words = (str(colour), "--slots", "slots", "--no-measure")
    assert deployed(host, *words) == 0
    wheel(wheelhouse, "2", {"update": code})
    assert deployed(host, *words) == code
    assert runs(host) == "1"
    assert "edgeproof update, on the host: " in capsys.readouterr().err


def test_slots_without_a_bundle_are_refused_before_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "a", "--slots", "slots"]) == 2
    assert "expected a BUNDLE" in capsys.readouterr().err
