"""An update where no reader goes on: tried here, kept or gone."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.cli.main import main
from edgeproof.errors import GateError, IntegrityError, UnavailableError, UsageError
from edgeproof.page.reader import Reader
from edgeproof.slots import update as module
from edgeproof.slots.folder import Slots
from edgeproof.slots.trial import CurrentFailedError, Trial, labelled
from edgeproof.slots.update import Open, Openers, update
from edgeproof.slots.verdict import Bounds, judge
from edgeproof.trust.keys import make_key, read_private
from tests.runtime.slots.conftest import Version


def openers(opening: Open) -> Openers:
    return Openers(load_bundle, opening, opening)


def test_the_verbs_update_and_go_back(version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = ["--slots", str(tmp_path / "slots")]
    assert main(["rollback", *there]) == 2
    assert main(["update", str(version("a")), *there]) == 0
    assert main(["rollback", *there]) == 2
    first = Slots(tmp_path / "slots").required()
    assert main(["update", str(version("b")), *there]) == 0
    assert main(["update", str(version("b")), *there]) == 0
    said = capsys.readouterr()
    assert said.err.count("expected a current version, found none: edgeproof update BUNDLE") == 1
    assert said.err.count("expected a previous version to go back to, found none") == 1
    assert "tried here: 16 labelled inputs: 0 answered worse, 0 better" in said.out
    assert "this is the current version already" in said.out
    assert main(["rollback", *there]) == 0
    assert f"current is {first.name} again" in capsys.readouterr().out


def test_another_task_is_refused_and_current_stays(slots: Slots, capsys: pytest.CaptureFixture[str]) -> None:
    before = slots.required()
    assert main(["update", str(default_bundle()), "--slots", str(slots.folder)]) == 6
    assert "rolled back: classes: expected" in (said := capsys.readouterr().err)
    assert f"{before.name} stays current" in said
    assert slots.required() == before
    assert len([path for path in slots.folder.iterdir() if path.name.startswith("bundle-")]) == 1


def test_what_is_wrong_with_the_command_makes_no_folder_and_rolls_nothing_back(
    version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography")
    there, empty = ["--slots", str(tmp_path / "slots")], tmp_path / "empty"
    empty.mkdir()
    for crops in (empty, tmp_path / "none"):
        assert main(["update", str(version("a")), *there, "--crops", str(crops)]) == 2
    assert main(["update", str(version("a")), *there, "--trust", str(tmp_path / "typo.pub")]) == 6
    said = capsys.readouterr().err
    assert said.count("--crops: expected a folder per class") == 2
    assert "rolled back" not in said
    assert main(["update", str(tmp_path / "none"), *there]) == 6
    assert not (tmp_path / "slots").exists()


def test_edgeproofs_own_bundle_is_to_be_signed_where_a_key_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the slots it is a copy, which no run would take."""
    pytest.importorskip("cryptography")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    installed = tmp_path / "settings" / "edgeproof" / "trusted"
    installed.mkdir(parents=True)
    make_key(tmp_path / "release")
    (tmp_path / "release.pub").rename(installed / "release.pub")
    assert main(["update", str(default_bundle()), "--slots", str(tmp_path / "slots")]) == 6
    said = capsys.readouterr().err
    assert "copy it, sign the copy" in said
    assert ".writing" not in said
    assert not (tmp_path / "slots").exists()


def test_a_damaged_bundle_never_gets_there(slots: Slots, version: Version, opening: Open) -> None:
    bundle = version("b")
    (bundle / "fp32.onnx").write_bytes(b"no model")
    with pytest.raises(IntegrityError, match=r"fp32\.onnx"):
        update(bundle, slots, openers(opening))
    assert slots.state.outcome == "committed", "that of before"


def test_a_current_version_that_does_not_load_is_in_no_updates_way(
    slots: Slots, version: Version, opening: Open
) -> None:
    (slots.required() / "fp32.onnx").write_bytes(b"bit rot")
    done = update(version("b"), slots, openers(opening))
    assert done is not None
    assert (slots.required(), slots.linked("previous"), done.counts) == (done.folder, None, None)


def test_of_two_that_do_not_load_neither_is_kept(slots: Slots, version: Version, opening: Open) -> None:
    update(version("b"), slots, openers(opening))
    for slot in ("current", "previous"):
        (slots.folder / slot / "fp32.onnx").write_bytes(b"bit rot")
    done = update(version("c"), slots, openers(opening))
    assert done is not None
    assert (slots.required(), slots.linked("previous")) == (done.folder, None)


def test_what_does_not_load_is_left_for_nothing_but_a_version_that_passes(
    slots: Slots, version: Version, opening: Open
) -> None:
    """Compared with the previous version, and refused: the folder is as it was."""
    a = slots.required()
    update(version("b"), slots, openers(opening))
    b, strict = slots.required(), Slots(slots.folder, Bounds(slower=0.01))
    (b / "fp32.onnx").write_bytes(b"bit rot")
    with pytest.raises(GateError, match="latency"):
        update(version("c"), strict, openers(opening))
    assert (slots.required(), slots.linked("previous"), slots.linked("staged")) == (b, a, None)


def test_a_current_version_that_cannot_be_opened_now_is_not_left(slots: Slots, version: Version, opening: Open) -> None:
    def short(_bundle: Path) -> Reader:
        raise UnavailableError("no memory left to try it")

    a = slots.required()
    with pytest.raises(UnavailableError, match="no memory"):
        update(version("b"), slots, Openers(load_bundle, opening, short))
    assert (slots.required(), slots.linked("previous")) == (a, None)


def test_from_unsigned_to_signed_and_no_way_back(
    slots: Slots, version: Version, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The unsigned one is compared all the same; once a key is named nothing goes back to it."""
    pytest.importorskip("cryptography")
    a = slots.required()
    make_key(tmp_path / "release")
    sign_bundle(version("b"), read_private(tmp_path / "release.key"))
    words = ["--slots", str(slots.folder), "--trust", str(tmp_path / "release.pub")]
    assert main(["update", str(version("b")), *words]) == 0
    assert "16 labelled inputs" in capsys.readouterr().out
    b = slots.required()
    assert main(["rollback", *words]) == 6
    said = capsys.readouterr().err
    assert "the previous version is refused" in said
    assert f"{b.name} stays current" in said
    assert (slots.required(), slots.linked("previous")) == (b, a)
    assert main(["rollback", *words[:2]]) == 0


def test_what_is_interrupted_is_withdrawn(slots: Slots, version: Version, opening: Open) -> None:
    def interrupted(bundle: Path) -> Reader:
        if slots.linked("staged") is None and bundle != before:
            raise KeyboardInterrupt
        return opening(bundle)

    before = slots.required()
    with pytest.raises(KeyboardInterrupt):
        update(version("b"), slots, openers(interrupted))
    assert (slots.required(), slots.linked("staged"), slots.state.reason) == (before, None, "interrupted")
    slots.refuse(before, GateError("too late"))
    assert slots.state.reason == "interrupted", "what is current is not refused any more"


def test_two_updates_at_a_time_are_one_too_many(slots: Slots, version: Version, opening: Open) -> None:
    with slots.alone(".update"), pytest.raises(UsageError, match="found one at work"):
        update(version("b"), slots, openers(opening))


def test_a_bound_that_is_broken_rolls_back(slots: Slots, version: Version, opening: Open) -> None:
    """The same file is not a hundred times as fast."""
    strict, before = Slots(slots.folder, Bounds(slower=0.01)), slots.required()
    with pytest.raises(GateError, match=r"latency: expected at most 0\.01 ×"):
        update(version("b"), strict, openers(opening))
    assert (slots.required(), slots.state.outcome, slots.linked("staged")) == (before, "refused", None)


def test_a_version_in_whose_trial_the_reader_died_is_not_taken_for_its_golden_answers(
    slots: Slots, version: Version, opening: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKEN_UP_S", 0.5)
    before, quick = slots.required(), Slots(slots.folder, Bounds(seconds=0.1))

    def read() -> None:
        with slots.alone(".reader"):
            while (staged := slots.linked("staged")) is None:
                time.sleep(0.005)
            with slots.alone(".trial"):
                slots.count_attempt(staged)

    reader = threading.Thread(target=read)
    reader.start()
    with pytest.raises(GateError, match="found that it died in the trial"):
        update(version("b"), quick, openers(opening))
    reader.join()
    assert (slots.required(), slots.linked("staged")) == (before, None)


def test_a_current_version_that_fails_on_crops_refuses_no_other(opening: Open, tmp_path: Path) -> None:
    (tmp_path / "crops" / "3").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "crops" / "3" / "crop.png"), np.full((96, 96), 230, np.uint8))
    with opening(default_bundle()) as one, opening(default_bundle()) as other:
        one.read = lambda _crop: 1 / 0  # type: ignore
        with pytest.raises(CurrentFailedError, match="the current version: division by zero"):
            labelled(one, other, tmp_path / "crops")


def test_a_trial_looks_for_longer_where_little_is_to_be_seen(opening: Open) -> None:
    golden, bounds = load_bundle().golden, Bounds(seconds=2.0)
    with opening(default_bundle()) as one, opening(default_bundle()) as other:
        trial = Trial(one, other, bounds)
        assert trial.seconds == 6.0
        trial.compare(golden.images)
        assert trial.seconds == 2.0


def test_slow_versions_are_timed_no_longer_than_needed(version: Version, opening: Open) -> None:
    shown = []

    def slow(reader: Reader, seconds: float) -> Reader:
        answers = reader.classify

        def classify(images: NDArray[np.uint8]) -> NDArray[np.int64]:
            shown.append(len(images))
            time.sleep(seconds)
            return answers(images)

        reader.classify = classify  # type: ignore[method-assign]
        return reader

    bounds = Bounds(seconds=0.2)
    with opening(version("a")) as one, opening(version("b")) as other:
        counts = Trial(slow(one, 0.02), slow(other, 0.06), bounds).finish()
    assert bounds.least_pairs <= counts.pairs < 30
    assert set(shown) == {1}, "a frame is one picture"
    with pytest.raises(GateError, match="latency"):
        judge(counts, bounds)


def test_labelled_crops_are_read_by_both(opening: Open, tmp_path: Path) -> None:
    """Golden digits on paper; one lies in the folder of another class, one is no picture."""
    golden = load_bundle().golden
    for name, label in (("3", 3), ("7", 7), ("4", 7)):
        crop = np.full((96, 96), 230, np.uint8)
        digit = golden.images[list(golden.labels).index(label)]
        crop[20:76, 20:76] -= (0.8 * cv2.resize(digit, (56, 56), interpolation=cv2.INTER_CUBIC)).astype(np.uint8)
        (tmp_path / "crops" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "crops" / name / "crop.png"), crop)
    (tmp_path / "crops" / "3" / "none.png").write_bytes(b"none")
    with opening(default_bundle()) as one, opening(default_bundle()) as other:
        counts = labelled(one, other, tmp_path / "crops")
    assert (counts.labelled, counts.lost, counts.gained) == (len(golden.labels) + 3, 0, 0)


def test_a_trial_counts_answers_refusals_and_failures(opening: Open) -> None:
    golden = load_bundle().golden
    with opening(default_bundle()) as one, opening(default_bundle()) as other:
        trial = Trial(one, other, Bounds(inputs=len(golden.labels) + 1))
        trial.compare(golden.images)
        assert not trial.over
        trial.compare(golden.images[:5])
        assert trial.over
        counts = trial.finish()
        assert counts.inputs == len(golden.labels) + 5
        assert counts.agreed == counts.answered == counts.inputs - counts.refused
        assert counts.refused_before == counts.refused >= (golden.labels == len(one.classes) - 1).sum() > 0
        assert counts.pairs >= 60
        other.close()
        trial.compare(golden.images)
        assert (trial.counts.failures, trial.over) == (1, True)
