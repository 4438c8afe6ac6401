"""What a run says of itself, on one page and in run.json."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from train.fit.temperature import reliability


@pytest.mark.slow
def test_the_page_holds_everything_and_asks_for_nothing(tiny_run: Path) -> None:
    text = (tiny_run / "report/report.html").read_text()
    facts = json.loads((tiny_run / "run.json").read_text())
    pictures = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', text)]
    assert {path.read_bytes() for path in (tiny_run / "report").glob("*.png")} == set(pictures)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(pictures) >= 6
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert f"{facts['metrics']['test_accuracy']:.2%}" in text
    assert re.search(r"<td>logits</td><td>Dense</td><td>10</td><td>330</td><td>320</td>", text)
    assert f"Temperature {facts['temperature']:.3f}" in text
    for name, count in zip("0123456789", (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009), strict=True):
        assert re.search(rf"<td>{name}</td>(<td>[01]\.\d{{4}}</td>){{3}}<td>{count}</td>", text)


@pytest.mark.slow
def test_run_json_says_how_well_and_how_fast(tiny_run: Path) -> None:
    facts = json.loads((tiny_run / "run.json").read_text())
    test = np.load(tiny_run / "test.npz")
    found = reliability(test["logits"], test["labels"], facts["temperature"])
    # run.json has four digits of the temperature: permitted is that a few scores lie on the other side of a group's edge.
    assert facts["metrics"]["test_ece"] == pytest.approx(found.calibration_error, abs=1e-3)
    assert facts["metrics"]["test_ece_uncalibrated"] == pytest.approx(
        reliability(test["logits"], test["labels"]).calibration_error
    )
    assert facts["epochs"]["done"] == 3
    assert facts["pace"]["input_images_per_s"] > facts["pace"]["training_images_per_s"] > 0
    assert 0 <= facts["pace"]["waiting_share"] < 1
