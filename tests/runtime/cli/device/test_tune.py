"""`edgeproof tune` as a user meets it, and what `read` makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import ANY

import pytest

from edgeproof.bench import timing
from edgeproof.bench.timing import ROUNDS
from edgeproof.bundle import load_bundle, write_bundle
from edgeproof.cli.device.doctor import CHECKS, probe
from edgeproof.cli.main import main
from edgeproof.support import files, machine

BUNDLE = load_bundle()
RANKING = BUNDLE.manifest.ranking
SECOND = RANKING[1]
Rounds = dict[tuple[str, str], list[list[int]]]
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def injected(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    """Rounds by artifact and backend, for `tune` to have measured with one thread; 100 µs for all others."""
    times: Rounds = {}
    rows = [choice for choice in RANKING for _ in dict.fromkeys((1, machine.physical_cores()))]

    def measure(subjects: list[timing.Subject], _duration_s: float, _progress: object) -> None:
        left = dict(times)
        for choice, subject in zip(rows, subjects, strict=False):
            subject.rounds = left.pop((choice.artifact, choice.backend), [[100_000] * 3] * ROUNDS)
            subject.warm = True

    monkeypatch.setattr(timing, "measure_in_turns", measure)
    return times


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's bundle with the first two rows of its ranking: each that is measured has to be opened."""
    folder = tmp_path_factory.mktemp("bundle")
    manifest = replace(BUNDLE.manifest, ranking=RANKING[:2])
    write_bundle(folder, manifest, BUNDLE.models, BUNDLE.golden, scorer=BUNDLE.scorer)
    return folder


def content(bundle: Path) -> dict[str, str]:
    return {path.name: files.sha256(path) for path in bundle.iterdir()}


def read(picture: Path, *words: str | Path) -> dict[str, str]:
    """The record of a picture."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "record.jsonl"
        assert main(["read", str(picture), "--no-show", "--json", str(file), *map(str, words)]) == 0
        found: dict[str, str] = json.loads(file.read_text())
    return found


def test_tune_then_read_then_forget(
    injected: Rounds, few: Path, own_cache: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, picture, bundle = content(few), samples / "numbers.jpg", ("--bundle", few)
    injected[SECOND.artifact, SECOND.backend] = [[50_000] * 3] * ROUNDS
    assert main(["tune", str(few)]) == 0
    (path,) = own_cache.rglob("tuned/*.json")
    *table, choice, wrote = capsys.readouterr().out.splitlines()
    assert [line.split()[1:4] for line in table if line.startswith("★")] == [[SECOND.artifact, SECOND.backend, "1"]]
    assert choice.startswith(f"★ {SECOND.artifact} on {SECOND.backend}, 1 thread: 0.50 [0.50–0.50] × the time of")
    assert wrote == f"wrote {path}"

    record = read(picture, *bundle)
    assert (record["artifact"], record["backend"], record["chosen_by"]) == (SECOND.artifact, SECOND.backend, "tuned")
    record = read(picture, *bundle, "--artifact", RANKING[0].artifact, "--backend", RANKING[0].backend)
    assert (record["artifact"], record["backend"], record["chosen_by"]) == (*_pair(), "flags")
    explain = ["explain", str(picture), *map(str, bundle), "--overwrite", "--out", str(own_cache / "why.png")]
    assert main(explain) == 0
    assert capsys.readouterr().err == ""

    path.write_text(path.read_text()[:200])
    record = read(picture, *bundle)
    assert (record["artifact"], record["backend"], record["chosen_by"]) == (*_pair(), "bundle")
    said = capsys.readouterr().err
    assert said.startswith(f"edgeproof: {path}: damaged")
    assert said.count("\n") == 1
    assert main(explain) == 0
    assert capsys.readouterr() == (ANY, said)

    for expected in (f"removed {path}\n", "nothing was measured for digits\n"):
        assert main(["tune", str(few), "--forget"]) == 0
        assert capsys.readouterr().out == expected
    assert not path.exists()
    assert content(few) == before


def _pair() -> tuple[str, str]:
    return RANKING[0].artifact, RANKING[0].backend


def test_an_unsteady_machine_is_exit_code_7_and_keeps_what_there_was(
    injected: Rounds, few: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    injected[_pair()] = [[100_000 + 10_000 * number] * 3 for number in range(ROUNDS)]
    assert main(["tune", str(few)]) == 7
    told = capsys.readouterr()
    assert "★ " not in told.out.partition("\n  artifact")[2]
    assert "DRIFT" in told.out
    assert "the machine was not steady" in told.err
    assert [*own_cache.rglob("tuned/*")] == []
    injected.clear()
    assert main(["tune", str(few)]) == 0
    (path,) = own_cache.rglob("tuned/*.json")
    kept = path.read_bytes()
    injected[_pair()] = [[100_000 + 10_000 * number] * 3 for number in range(ROUNDS)]
    assert main(["tune", str(few)]) == 7
    assert path.read_bytes() == kept


@pytest.mark.usefixtures("injected")
def test_json_for_programs(few: Path, own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(few), "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    (path,) = own_cache.rglob("tuned/*.json")
    assert (told["type"], told["verdict"], told["written"]) == ("tune", "valid", str(path))
    assert told["choice"] == told["default"] == "{} on {}, 1 thread".format(*_pair())
    file = tmp_path / "tune.json"
    assert main(["tune", str(few), "--json", str(file)]) == 0
    assert "★" in capsys.readouterr().out
    assert json.loads(file.read_text()).keys() == told.keys()
    assert main(["tune", str(few), "--json", str(file)]) == 2
    assert main(["tune", str(few), "--json", str(file), "--overwrite"]) == 0


def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "measure_in_turns", lambda *_: pytest.fail("measured, though nothing comes of it"))
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
