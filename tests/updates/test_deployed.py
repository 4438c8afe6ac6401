"""Versions of a bundle that come over ssh, from here into the slots of a device that reads a camera."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edgeproof.cli.main import main
from tests.runtime.cameras import MotionJpeg, page
from tests.runtime.deploy.far_side import SSHD, far_side
from tests.updates import versions


@pytest.mark.soak
@pytest.mark.skipif(SSHD is None, reason="no sshd")
def test_good_and_bad_ones_come_while_a_camera_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the wheels of `make wheelhouse`, whose folder EDGEPROOF_WHEELHOUSE names."""
    folder = os.environ.get("EDGEPROOF_WHEELHOUSE")
    if folder is None:
        pytest.skip("EDGEPROOF_WHEELHOUSE does not point to a wheelhouse")
    wheelhouse = str(Path(folder).absolute())
    monkeypatch.chdir(tmp_path)
    good, better = (versions.write_version(tmp_path / "v" / str(seed), versions.good, seed) for seed in (1, 2))
    bad = versions.write_version(tmp_path / "v" / "bad", versions.worse, 3)
    with far_side(tmp_path / "far") as host:
        root = host.home / "edgeproof"

        def deployed(bundle: Path) -> int:
            words = ["--slots", "slots", "--no-measure", "--wheelhouse", wheelhouse, "--ssh-config", str(host.config)]
            return main(["deploy", "127.0.0.1", str(bundle), *words])

        assert deployed(good) == 0
        first, camera = (root / "slots" / "current").readlink(), MotionJpeg(15.0, page)
        program = root / "current" / "venv" / "bin" / "edgeproof"
        words = [program, "read", camera.source.location, "--slots", root / "slots", "--json", "out.jsonl", "--no-show"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reader:
            try:
                assert deployed(bad) == 3
                assert (root / "slots" / "current").readlink() == first
                assert deployed(better) == 0
                assert reader.poll() is None
            finally:
                reader.terminate()
                camera.down()
        assert (root / "slots" / "previous").readlink() == first != (root / "slots" / "current").readlink()
    told = capsys.readouterr()
    assert "tried on live frames" in told.out
    assert "edgeproof update, on the host: " in told.err
    assert '"event": "updated"' in Path("out.jsonl").read_text()
