"""sabotage: the gate refuses what it must, and says what would have been shipped without it."""

from __future__ import annotations

import pytest

from convert.run_folder import Run
from convert.verbs import sabotage
from edgeproof.errors import GateError

pytestmark = pytest.mark.slow


def test_sabotage_shows_what_the_gate_refuses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The undamaged model, the worst of its weights, and one poison of each kind; the whole list is the command's."""
    kept = {"nothing", "weights rounded to 2 bits", "labels of other images", "half as bright"}
    for table in ("WEIGHTS", "CALIBRATIONS"):
        monkeypatch.setattr(sabotage, table, tuple(row for row in getattr(sabotage, table) if row[0] in kept))
    said: list[str] = []
    attempts = sabotage.sabotage(run, say=said.append)
    assert [attempt.refused for attempt in attempts] == [False, True, False, True, True]
    assert attempts[0].right == run.test.correct
    assert "(max_drop_points)" in attempts[1].reason
    assert "of the calibration images rightly" in attempts[3].reason
    assert attempts[3].right is not None, "what would have been shipped is told too"
    assert attempts[4].right is None, "its input would not take raw pixels"
    assert len(said[0].splitlines()) == 1 + len(attempts)
    monkeypatch.setattr(sabotage, "check_calibration", lambda *_: None)
    monkeypatch.setattr(sabotage, "WEIGHTS", ())
    with pytest.raises(GateError, match=r"wrongly: int8\.tflite, calibration: labels of other images: "):
        sabotage.sabotage(run, say=said.append)
