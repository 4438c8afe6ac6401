"""`make demo`: the samples with each runtime, annotated files where there is no display, a row per runtime."""

from __future__ import annotations

import json

import pytest

from edgeproof.backends import OWN
from edgeproof.cli import demo

cv2 = pytest.importorskip("cv2")


def test_the_demo_reads_the_samples_with_every_runtime(samples, tmp_path, capsys):
    for runtime in OWN.values():
        (tmp_path / runtime).mkdir()
        (tmp_path / runtime / "numbers.png").write_bytes(b"of an earlier demo")
    code = demo.main([str(samples / "numbers.jpg"), str(samples / "numbers.mp4"), "--out", str(tmp_path), "--no-show"])
    out = capsys.readouterr().out
    assert code == 0
    expected = json.loads((samples / "labels.jsonl").read_text().splitlines()[0])["numbers"]
    said = [line for line in out.splitlines() if line.startswith("the picture says")]
    assert [line.partition(": ")[2].split() for line in said] == [expected] * len(OWN.values())
    for runtime in OWN.values():
        row = next(line for line in out.splitlines() if line.startswith(runtime))
        assert row.split()[1][0].isdigit()  # the runtime's version
        assert cv2.imread(str(tmp_path / runtime / "numbers.png")) is not None
        assert (tmp_path / runtime / "numbers.mkv").stat().st_size > 10_000
        assert len(list((tmp_path / runtime).iterdir())) == 2


def test_a_missing_sample_is_one_line(tmp_path, capsys):
    assert demo.main([str(tmp_path / "no.jpg"), str(tmp_path / "no.mp4")]) == 5
    assert "no such file" in capsys.readouterr().err
