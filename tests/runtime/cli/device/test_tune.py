"""`edgeproof tune` as a user meets it, and what `read` makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.bench import timing
from edgeproof.bench.timing import ROUNDS
from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.cli.device.doctor import CHECKS, probe
from edgeproof.cli.main import main
from edgeproof.support import files, machine

RANKING = load_bundle().manifest.ranking
SECOND = RANKING[1]
Rounds = dict[tuple[str, str], list[list[int]]]


@pytest.fixture
def injected(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    """Rounds by artifact and backend, for `tune` to have measured with one thread; 100 µs for all others."""
    times: Rounds = {}
    rows = [choice for choice in RANKING for _ in dict.fromkeys((1, machine.physical_cores()))]

    def measure(subjects: list[timing.Subject], _duration_s: float, _progress: object) -> None:
        left = dict(times)
        for choice, subject in zip(rows, subjects, strict=True):
            subject.rounds = left.pop((choice.artifact, choice.backend), [[100_000] * 3] * ROUNDS)
            subject.warm = True

    monkeypatch.setattr(timing, "measure_in_turns", measure)
    return times


def content() -> dict[str, str]:
    return {path.name: files.sha256(path) for path in default_bundle().iterdir()}


def edgeproof(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, with this test's cache."""
    command = [sys.executable, "-m", "edgeproof", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def read(picture: Path, *words: str) -> tuple[dict[str, str], str]:
    """The record of a picture, and stderr."""
    result = edgeproof("read", picture, "--json", "-", *words)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr


def test_tune_then_read_then_forget(
    injected: Rounds, own_cache: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, picture = content(), samples / "numbers.jpg"
    injected[SECOND.artifact, SECOND.backend] = [[50_000] * 3] * ROUNDS
    assert main(["tune"]) == 0
    (path,) = own_cache.rglob("*.json")
    *table, choice, wrote = capsys.readouterr().out.splitlines()
    assert [line.split()[1:4] for line in table if line.startswith("★")] == [[SECOND.artifact, SECOND.backend, "1"]]
    assert choice.startswith(f"★ {SECOND.artifact} on {SECOND.backend}, 1 thread: 0.50 [0.50–0.50] × the time of")
    assert wrote == f"wrote {path}"

    record, said = read(picture)
    assert (record["artifact"], record["backend"], record["chosen_by"]) == (SECOND.artifact, SECOND.backend, "tuned")
    assert said == ""
    record, _ = read(picture, "--artifact", RANKING[0].artifact, "--backend", RANKING[0].backend)
    assert (record["artifact"], record["backend"]) == (RANKING[0].artifact, RANKING[0].backend)
    assert record["chosen_by"] == "flags"
    explained = edgeproof("explain", picture, "--out", own_cache / "why.png")
    assert (explained.returncode, explained.stderr) == (0, "")

    path.write_text(path.read_text()[:200])
    record, said = read(picture)
    assert (record["artifact"], record["backend"], record["chosen_by"]) == (*_pair(), "bundle")
    assert said.startswith(f"edgeproof: {path}: damaged")
    assert said.count("\n") == 1
    explained = edgeproof("explain", picture, "--out", own_cache / "why.png", "--overwrite")
    assert (explained.returncode, explained.stderr) == (0, said)

    for expected in (f"removed {path}\n", "nothing was measured for digits\n"):
        assert main(["tune", "--forget"]) == 0
        assert capsys.readouterr().out == expected
    assert not path.exists()
    assert content() == before


def _pair() -> tuple[str, str]:
    return RANKING[0].artifact, RANKING[0].backend


def test_an_unsteady_machine_is_exit_code_7_and_keeps_what_there_was(
    injected: Rounds, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    injected[_pair()] = [[100_000 + 10_000 * number] * 3 for number in range(ROUNDS)]
    assert main(["tune"]) == 7
    told = capsys.readouterr()
    assert "★ " not in told.out.partition("\n  artifact")[2]
    assert "DRIFT" in told.out
    assert "the machine was not steady" in told.err
    assert [*own_cache.iterdir()] == []
    injected.clear()
    assert main(["tune"]) == 0
    (path,) = own_cache.rglob("*.json")
    kept = path.read_bytes()
    injected[_pair()] = [[100_000 + 10_000 * number] * 3 for number in range(ROUNDS)]
    assert main(["tune"]) == 7
    assert path.read_bytes() == kept


@pytest.mark.usefixtures("injected")
def test_json_for_programs(own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    (path,) = own_cache.rglob("*.json")
    assert (told["type"], told["verdict"], told["written"]) == ("tune", "valid", str(path))
    assert told["choice"] == told["default"] == "{} on {}, 1 thread".format(*_pair())
    file = tmp_path / "tune.json"
    assert main(["tune", "--json", str(file)]) == 0
    assert "★" in capsys.readouterr().out
    assert json.loads(file.read_text()).keys() == told.keys()
    assert main(["tune", "--json", str(file)]) == 2
    assert main(["tune", "--json", str(file), "--overwrite"]) == 0


@pytest.mark.usefixtures("injected")
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for words, code, says in (
        (["tune"], 1, "set XDG_CACHE_HOME to a folder of your own"),
        (["tune", "nowhere"], 6, "expected a bundle"),
    ):
        assert main(words) == code
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert says in told.err
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["tune", "--duration", "0"]) == 2
    assert "--duration: expected" in capsys.readouterr().err


@pytest.mark.usefixtures("injected")
def test_the_doctor_says_whether_this_machine_was_tuned() -> None:
    check = next(check for check in CHECKS if check.name == "tuned")
    before = probe(check.code)
    assert (before.state, before.text) == (
        "missing", "digits: not measured here, the bundle's own ranking is followed",
    )  # fmt: skip
    assert "edgeproof tune" in check.remedy
    assert main(["tune"]) == 0
    after = probe(check.code)
    assert after.state == "ok"
    assert after.text.startswith("digits: {} on {}, 1 thread, measured here at 20".format(*_pair()))
