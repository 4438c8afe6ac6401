"""A reader that goes on: it takes up what is staged and what is current, and goes back from what dies."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.cli.batch import Batch
from edgeproof.cli.main import main
from edgeproof.errors import EdgeproofError, IntegrityError, SourceError, UnavailableError, UsageError
from edgeproof.page.reader import Reader
from edgeproof.page.reading import Examination
from edgeproof.slots.folder import Slots
from edgeproof.slots.follow import Follower, News
from edgeproof.slots.update import Open, Openers
from edgeproof.slots.verdict import Bounds
from edgeproof.sources.parse import parse
from tests.runtime.slots.conftest import Version

SAID: list[str] = []
QUICK = Bounds(inputs=100, seconds=0.3)


def news(follower: Follower) -> News:
    """The next, while golden inputs go by."""
    golden, end = follower.reader.bundle.golden.images, time.monotonic() + 30
    while not (found := follower.news()):
        follower.see(golden[:10])
        time.sleep(0.01)
        assert time.monotonic() < end, "it did not come"
    return found


def staged(slots: Slots, bundle: Path) -> Path:
    stored = slots.store(bundle, load_bundle)
    slots.stage(stored)
    return stored


def follower_of(slots: Slots, opening: Open, bounds: Bounds = QUICK) -> Follower:
    return Follower(Slots(slots.folder, bounds), opening, Openers(load_bundle, opening, opening), SAID.append)


def test_what_is_staged_is_tried_on_live_inputs_and_taken(slots: Slots, version: Version, opening: Open) -> None:
    with follower_of(slots, opening) as follower:
        b = staged(slots, version("b"))
        told = news(follower)
        assert told.event == "updated"
        assert told.reader is not None
        assert told.reader.bundle.path == b.resolve()
        assert (slots.required(), slots.linked("staged")) == (b, None)
        counts = slots.state.counts
        assert counts is not None
        assert counts.inputs >= 10
        assert counts.agreed == counts.answered
        assert (slots.state.probation, slots.state.unfinished) == (b.name, 1)
    assert slots.state.unfinished == 0, "it ended well"


def test_what_breaks_a_bound_is_refused_and_nothing_changes(slots: Slots, version: Version, opening: Open) -> None:
    a = slots.required()
    with follower_of(slots, opening, Bounds(inputs=100, seconds=0.3, slower=0.01)) as follower:
        staged(slots, version("b"))
        told = news(follower)
        assert (told.event, told.reader) == ("refused", None)
        assert "latency" in told.reason
        assert (slots.required(), slots.state.outcome) == (a, "refused")


def test_a_trial_in_which_the_process_dies_thrice_is_the_last(slots: Slots, version: Version, opening: Open) -> None:
    b = staged(slots, version("b"))
    for _ in range(QUICK.deaths):
        slots.count_attempt(b)
    with follower_of(slots, opening) as follower:
        assert "found 3 in which this process died" in news(follower).reason
    assert slots.linked("staged") is None


def test_what_another_process_made_current_is_taken_up(slots: Slots, version: Version, opening: Open) -> None:
    a = slots.required()
    with follower_of(slots, opening) as follower, slots.alone(".trial"):
        b = staged(slots, version("b"))
        slots.commit(b, None, running=False)
        assert news(follower).event == "updated"
        slots.roll_back("as told", load_bundle)
        told = news(follower)
        assert (told.event, told.reader and told.reader.bundle.path) == ("rolled_back", a.resolve())


def test_a_second_reader_follows_and_judges_nothing(slots: Slots, version: Version, opening: Open) -> None:
    with follower_of(slots, opening), slots.alone(".trial"), follower_of(slots, opening) as second:
        b = staged(slots, version("b"))
        time.sleep(0.5)
        assert slots.linked("staged") == b
        slots.commit(b, None, running=False)
        assert news(second).event == "updated"


def test_a_current_version_that_does_not_load_is_gone_back_from(slots: Slots, version: Version, opening: Open) -> None:
    a, b = slots.required(), staged(slots, version("b"))
    slots.commit(b, None, running=False)
    (b / "fp32.onnx").write_bytes(b"bit rot")
    with follower_of(slots, opening) as follower:
        told = news(follower)
        assert (told.event, follower.reader.bundle.path) == ("rolled_back", a.resolve())
        assert "fp32.onnx" in told.reason


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (IntegrityError("release.pub: expected a key"), {"a", "b"}),
        (UnavailableError("no memory left to try it"), {"b"}),
    ],
)
def test_an_error_that_is_not_of_current_alone_drops_nothing(
    slots: Slots, version: Version, opening: Open, error: EdgeproofError, where: set[str]
) -> None:
    """Nor do starts that fail so count as runs of current that died."""
    a, b = slots.required(), staged(slots, version("b"))
    slots.commit(b, None, running=False)
    failing = {{"a": a, "b": b}[name] for name in where}

    def broken(bundle: Path) -> Reader:
        if bundle in failing:
            raise error
        return opening(bundle)

    for _ in range(slots.bounds.deaths + 1):
        with pytest.raises(type(error), match=str(error)), follower_of(slots, broken):
            pass
    assert (slots.required(), slots.linked("previous"), slots.state.unfinished) == (b, a, 0)


@pytest.mark.parametrize(
    "error", [UsageError("--artifact int8.onnx: not in bundle"), PermissionError(13, "Permission denied")]
)
def test_a_current_version_that_is_not_what_this_reader_asks_for_is_gone_back_from(
    slots: Slots, version: Version, opening: Open, error: Exception
) -> None:
    a, b = slots.required(), staged(slots, version("b"))
    slots.commit(b, None, running=False)

    def pinned(bundle: Path) -> Reader:
        if bundle == b:
            raise error
        return opening(bundle)

    with follower_of(slots, pinned) as follower:
        assert follower.reader.bundle.path == a.resolve()
    assert slots.required() == a


@pytest.mark.parametrize("failed", [False, True])
def test_a_version_that_failed_to_answer_is_not_trusted_however_long_it_runs(
    slots: Slots, opening: Open, *, failed: bool
) -> None:
    with follower_of(slots, opening, Bounds(probation_s=0.0)) as follower:
        follower.model_failed = failed
        time.sleep(1.0)
        assert bool(slots.state.probation) == failed


def test_a_current_version_that_does_not_answer_is_no_fault_of_what_is_staged(
    slots: Slots, version: Version, opening: Open
) -> None:
    def failing(bundle: Path) -> Reader:
        reader = opening(bundle)
        reader.warm_up = lambda: None  # type: ignore[method-assign]
        reader.classify = lambda _images: 1 / 0  # type: ignore
        return reader

    SAID.clear()
    with Follower(Slots(slots.folder, QUICK), opening, Openers(load_bundle, opening, failing), SAID.append):
        b = staged(slots, version("b"))
        end = time.monotonic() + 30
        while not SAID:
            time.sleep(0.01)
            assert time.monotonic() < end, "it was not tried"
        assert "the current version: division by zero" in SAID[0]
        assert (slots.linked("staged"), slots.state.attempts) == (b, 0)


def test_going_back_is_said_at_once(slots: Slots, version: Version, opening: Open) -> None:
    b = staged(slots, version("b"))
    slots.commit(b, None, running=False)
    (b / "fp32.onnx").write_bytes(b"bit rot")
    SAID.clear()
    with follower_of(slots, opening) as follower:
        assert len(SAID) == 1
        assert SAID[0].startswith("rolled back: now with ")
        assert news(follower).said


@pytest.mark.parametrize("named", [True, False])
def test_a_key_that_cannot_be_read_is_no_fault_of_current(
    slots: Slots,
    version: Version,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    named: bool,
) -> None:
    pytest.importorskip("cryptography")
    a, b = slots.required(), staged(slots, version("b"))
    slots.commit(b, None, running=False)
    settings = tmp_path / "settings"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(settings))
    garbage = settings / "edgeproof" / "trusted" / "key.pub"
    words = ["read", str(samples / "numbers.mp4"), "--slots", str(slots.folder), "--no-show", "--max-frames", "1"]
    if named:
        words += ["--trust", str(tmp_path / "typo.pub")]
    else:
        garbage.parent.mkdir(parents=True)
        garbage.write_text("no key")
    for _ in range(slots.bounds.deaths + 1):
        assert main(words) == 6
    garbage.unlink(missing_ok=True)
    assert main(words[:7]) == 0
    assert (slots.required(), slots.linked("previous"), slots.state.outcome) == (b, a, "committed")


def test_a_run_whose_model_failed_counts_as_one_that_died(slots: Slots, version: Version, opening: Open) -> None:
    slots.commit(staged(slots, version("b")), None, running=False)
    for blamed, unfinished in ((False, 0), (True, 1), (False, 1)):
        with follower_of(slots, opening) as follower:
            follower.model_failed = blamed
        assert slots.state.unfinished == unfinished


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (RuntimeError("of a runtime"), True),
        (IntegrityError("NaN"), True),
        (SourceError("no room"), False),
        (OSError(5, "no"), False),
    ],
)
def test_a_runtimes_own_error_is_the_models_and_ends_with_its_version(
    slots: Slots,
    version: Version,
    opening: Open,
    samples: Path,
    error: Exception,
    *,
    blamed: bool,
) -> None:
    def failing(_image: object, _turn: int) -> Examination:
        raise error

    source = parse(str(samples / "numbers.mp4"))[0]
    with follower_of(slots, opening) as follower:
        follower.reader.examine = failing  # type: ignore[method-assign]
        batch = Batch(follower.reader, max_frames=1, follower=follower)
        batch.read_all([(source.name, [source])])
        assert follower.model_failed == blamed
        slots.commit(staged(slots, version("b")), None, running=False)
        while batch.reader is follower.reader:
            batch._follow(source)
            time.sleep(0.01)
        assert not follower.model_failed


def test_a_current_that_cannot_be_opened_twice_is_no_fault_of_what_is_staged(
    slots: Slots, version: Version, opening: Open
) -> None:
    def short(_bundle: Path) -> Reader:
        raise UnavailableError("no memory left to open it twice")

    SAID.clear()
    with Follower(slots, opening, Openers(load_bundle, opening, short), SAID.append):
        b = staged(slots, version("b"))
        end = time.monotonic() + 30
        while not SAID:
            time.sleep(0.01)
            assert time.monotonic() < end, "it was not tried"
        assert "no memory left to open it twice" in SAID[0]
        assert (slots.linked("staged"), slots.state.outcome, slots.state.attempts) == (b, "staged", 0)


def test_a_reader_that_followed_is_in_charge_when_the_first_one_ends(
    slots: Slots, version: Version, opening: Open
) -> None:
    with contextlib.ExitStack() as first:
        first.enter_context(follower_of(slots, opening))
        with follower_of(slots, opening) as second:
            first.close()
            end = time.monotonic() + 30
            while slots.state.unfinished == 0:  # its own run counts from now on
                time.sleep(0.01)
                assert time.monotonic() < end, "it did not take over"
            b = staged(slots, version("b"))
            assert news(second).event == "updated"
            assert slots.required() == b
            assert slots.state.unfinished == 1
        assert slots.state.unfinished == 0


def test_the_bare_flag_is_no_folders_name(
    slots: Slots, samples: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(slots.folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "none"))
    words = ["read", str(samples / "numbers.mp4"), "--no-show", "--max-frames", "1", "--slots"]
    assert main([*words, "."]) == 0
    assert main(words) == 2


def test_flags_that_contradict_and_empty_slots_are_usage(
    slots: Slots, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["read", "x.jpg", "--slots", str(slots.folder), "--bundle", "b"]) == 2
    assert main(["read", "x.jpg", "--slots", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert "--slots: expected no --bundle beside it" in said
    assert "expected a current version, found none" in said


def test_frames_wait_for_no_trial(slots: Slots, version: Version, opening: Open) -> None:
    """The queue is full, nobody takes from it, and `see` returns."""
    busy = threading.Event()

    def hanging(bundle: Path) -> Reader:
        reader = opening(bundle)
        if bundle != slots.required():
            reader.warm_up = lambda: None  # type: ignore[method-assign]
            reader.classify = lambda _images: busy.wait(2.0) and None  # type: ignore
        return reader

    with follower_of(slots, hanging) as follower:
        staged(slots, version("b"))
        while not follower._inputs.full():
            follower.see(np.zeros((64, 16, 24, 3), np.uint8))
        for _ in range(1000):
            follower.see(np.zeros((64, 16, 24, 3), np.uint8))
        assert follower._inputs.full(), "nobody took any meanwhile"
        busy.set()
        assert news(follower).event == "refused"


def test_a_version_under_which_read_is_killed_is_gone_back_from(slots: Slots, version: Version, samples: Path) -> None:
    a, b = slots.required(), staged(slots, version("b"))
    slots.commit(b, None, running=False)
    words = [sys.executable, "-m", "edgeproof", "read", "--slots", str(slots.folder), "--no-show"]
    for death in range(slots.bounds.deaths):
        with subprocess.Popen([*words, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            while slots.state.unfinished == death:
                time.sleep(0.01)
            process.kill()
    last = subprocess.run(
        [*words, str(samples / "numbers.mp4"), "--max-frames", "1", "--json", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    event, frame = map(json.loads, last.stdout.splitlines()[:2])
    assert (event["event"], frame["type"]) == ("rolled_back", "frame")
    assert "3 runs of it died" in event["reason"]
    assert "rolled back: now with" in last.stderr
    assert slots.required() == a
