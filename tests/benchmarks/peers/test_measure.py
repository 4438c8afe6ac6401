"""Each peer in a process of its own; what is not there is said to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.peers import measure, pictures
from benchmarks.scoring import Tally
from edgeproof.errors import BenchmarkError, UsageError


def test_each_peer_answers_from_its_own_process(scene: pictures.LabelledPicture) -> None:
    """edgeproof and the tutorial for real; two that cannot work here say why, and are not counted as having read nothing."""
    peers = ("edgeproof", "tutorial, same model", "tutorial CNN", "HOG + SVM")
    rows = measure.measure({"drawn scenes": [scene]}, {}, peers)
    assert [row.peer for row in rows] == list(peers)
    for row in rows[:2]:
        assert row.tally.f1 > 0.8
        assert row.p50_ms > 0
        assert row.peak_mib > 30
        assert row.installed_bytes
    assert "--tutorial-bundle" in rows[2].missing
    assert "--training" in rows[3].missing
    assert all(row.tally == Tally() for row in rows[2:])


def test_a_peer_that_dies_ends_the_run_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "no-picture.png").write_text("text")
    broken = pictures.LabelledPicture(tmp_path / "no-picture.png", ((1, (0, 0, 1, 1)),))
    with pytest.raises(BenchmarkError, match="tutorial, same model ended with code 1"):
        measure.measure({"broken": [broken]}, {}, ("tutorial, same model",))


def test_an_unknown_peer_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["peers", "--run", "nowhere", "--peer", "tesserract"]) == UsageError.exit_code
    assert "did you mean 'Tesseract'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("scenes", "--scenes", "0"), ("peers", "--scenes", "0"), ("touching", "--count", "-1")]
)
def test_nothing_is_not_measured(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmarks.main([*words, "--run", "nowhere"])
    assert ended.value.code == UsageError.exit_code
    assert "a whole number from 1 to" in capsys.readouterr().err
