"""What lies in the slots folder, and that no kill leaves anything but a version that loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeproof.bundle import load_bundle
from edgeproof.errors import GateError, IntegrityError, UnavailableError, UsageError
from edgeproof.slots import folder
from edgeproof.slots.folder import Slots
from edgeproof.slots.verdict import Counts
from edgeproof.support import files
from tests.runtime.slots.conftest import Version


class KilledError(BaseException):
    """In place of a SIGKILL: nothing catches it, and nothing is tidied but by `finally`."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`kill_at(n)`: the n-th step on the disk from now on is the last, 0 for none."""
    left = [0]

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def step(*words: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return function(*words, **named)

        return step

    for owner, name in (
        (Path, "symlink_to"), (Path, "replace"), (Path, "unlink"), (Path, "rename"), (files, "sync_directory"),
        (files, "sync_tree"), (files, "write_atomic"), (folder.shutil, "rmtree"), (folder.shutil, "copytree"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return lambda n: left.__setitem__(0, n)


def changed_to(slots: Slots, bundle: Path) -> Path:
    """All that an update writes."""
    slots.tidy()
    stored = slots.store(bundle, load_bundle)
    slots.stage(stored)
    slots.count_attempt(stored)
    slots.commit(stored, Counts(), running=False)
    return stored


def test_a_kill_at_any_step_of_an_update_leaves_one_version_or_the_other(
    slots: Slots, version: Version, kill_at: Callable[[int], None]
) -> None:
    a, b = slots.required(), version("b")
    for step in range(1, 100):
        slots.roll_back("again", load_bundle) if slots.required() != a else None
        kill_at(step)
        try:
            stored = changed_to(slots, b)
        except KilledError:
            kill_at(0)
            after = Slots(slots.folder)
            load_bundle(after.folder / "current")
            after.begin(load_bundle)
            after.tidy()
            current = after.required()
            load_bundle(current)
            assert current == a or current.name == after.state.probation == after.state.bundle
            assert after.linked("previous") != current
            assert orphans(after) == set()
            continue
        kill_at(0)
        assert (slots.required(), slots.linked("previous"), slots.linked("staged")) == (stored, a, None)
        assert step > 15, "it counts the steps"
        return
    raise AssertionError("it never ended")


def orphans(slots: Slots) -> set[str]:
    kept = {linked.name for slot in ("current", "previous", "staged") if (linked := slots.linked(slot))}  # type: ignore[arg-type]
    locks = {".update", ".trial", ".reader"}
    ours = {
        "current",
        "previous",
        "staged",
        "state.json",
        *locks,
        *kept,
        ".current-link",
        ".previous-link",
        ".staged-link",
    }
    return {path.name for path in slots.folder.iterdir()} - ours


def test_a_kill_at_any_step_back_leaves_one_version_or_the_other(
    slots: Slots, version: Version, kill_at: Callable[[int], None]
) -> None:
    a = slots.required()
    for step in range(1, 30):
        b = changed_to(slots, version("b"))
        kill_at(step)
        try:
            slots.roll_back("as told", load_bundle)
        except KilledError:
            kill_at(0)
            slots.begin(load_bundle)
            assert slots.required() in (a, b)
            load_bundle(slots.required())
            assert slots.linked("previous") != slots.required()
            continue
        kill_at(0)
        assert (slots.required(), slots.linked("previous"), slots.state.reason) == (a, None, "as told")
        return
    raise AssertionError("it never ended")


def test_there_is_something_to_go_back_to_once(slots: Slots, version: Version) -> None:
    a = slots.required()
    with pytest.raises(UsageError, match="expected a previous version to go back to, found none"):
        slots.roll_back("", load_bundle)
    changed_to(slots, version("b"))
    assert slots.roll_back("", load_bundle) == a
    with pytest.raises(UsageError, match="found none"):
        slots.roll_back("", load_bundle)


def test_a_version_whose_runs_die_is_gone_back_from(slots: Slots, version: Version) -> None:
    a = slots.required()
    b = changed_to(slots, version("b"))
    for _ in range(slots.bounds.deaths):
        assert slots.begin(load_bundle) == ""
        assert slots.required() == b
    assert "3 runs of it died within their first 180 s" in slots.begin(load_bundle)
    assert (slots.required(), slots.state.outcome) == (a, "rolled back")
    assert slots.begin(load_bundle) == "", "the one before is in no probation"


def test_what_is_in_probation_is_not_gone_back_to_while_another_has_passed_its_own(
    slots: Slots, version: Version
) -> None:
    a = slots.required()
    slots.begin(load_bundle)
    slots.trust(a)
    changed_to(slots, version("b"))
    c = changed_to(slots, version("c"))
    assert (slots.required(), slots.linked("previous")) == (c, a)
    slots.begin(load_bundle)
    slots.trust(c)
    d = changed_to(slots, version("d"))
    assert (slots.required(), slots.linked("previous")) == (d, c)


def test_deaths_in_a_trial_are_no_fault_of_current(slots: Slots, version: Version) -> None:
    b = changed_to(slots, version("b"))
    slots.begin(load_bundle)
    c = slots.store(version("c"), load_bundle)
    slots.stage(c)
    for _ in range(slots.bounds.deaths + 1):
        slots.count_attempt(c)  # and dies there
        assert slots.begin(load_bundle) == ""
    assert slots.required() == b
    slots.count_attempt(c)
    slots.refuse(c, GateError("the last"))
    assert slots.state.unfinished == 1, "the run that goes on"
    for _ in range(slots.bounds.deaths - 1):
        assert slots.begin(load_bundle) == ""
    assert "3 runs of it died" in slots.begin(load_bundle)


def test_what_a_killed_commit_left_staged_is_not_tried_after_going_back(slots: Slots, version: Version) -> None:
    a = slots.required()
    b = slots.store(version("b"), load_bundle)
    slots.stage(b)
    slots._link("previous", a)
    slots._link("current", b)
    slots.roll_back("as told", load_bundle)
    assert (slots.required(), slots.linked("staged")) == (a, None)


def test_another_user_may_read_what_was_private_where_it_came_from(slots: Slots, version: Version) -> None:
    bundle = version("b")
    for path in (bundle, *bundle.iterdir()):
        path.chmod(0o700 if path.is_dir() else 0o600)
    stored = slots.store(bundle, load_bundle)
    modes = [path.stat().st_mode & 0o777 for path in (stored, *stored.iterdir())]
    assert [oct(mode) for mode in modes if mode & 0o044 != 0o044] == []


def test_nothing_is_gone_back_to_that_is_refused(slots: Slots, version: Version) -> None:
    """Neither as told, nor for runs that died."""
    a = slots.required()
    b = changed_to(slots, version("b"))

    def refused(bundle: Path) -> None:
        assert bundle == a
        raise IntegrityError("expected a signature")

    with pytest.raises(IntegrityError, match="expected a signature"):
        slots.roll_back("", refused)
    for _ in range(slots.bounds.deaths):
        slots.begin(refused)
    for _ in range(2):
        assert "it stays, for the previous version is refused: expected a signature" in slots.begin(refused)
    assert (slots.required(), slots.linked("previous"), slots.state.outcome) == (b, a, "committed")


def test_who_never_lets_go_of_the_folder_is_not_waited_for(slots: Slots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LOCKED_S", 0.05)
    with files.locked(slots.folder), pytest.raises(UnavailableError, match="another process holds it"):
        slots.begin(load_bundle)


def test_runs_that_end_well_do_not_count_and_one_that_lasts_ends_the_probation(slots: Slots, version: Version) -> None:
    b = changed_to(slots, version("b"))
    for _ in range(9):
        assert slots.begin(load_bundle) == ""
        slots.ended_well(b)
    slots.begin(load_bundle)
    slots.trust(b)
    for _ in range(9):
        assert slots.begin(load_bundle) == ""
    assert slots.required() == b


def test_a_first_version_that_dies_stays_for_there_is_no_other(slots: Slots) -> None:
    a = slots.required()
    for _ in range(9):
        assert slots.begin(load_bundle) == ""
    assert slots.required() == a


def test_what_was_refused_goes_and_current_keeps_its_probation(slots: Slots, version: Version) -> None:
    b = changed_to(slots, version("b"))
    slots.begin(load_bundle)
    stored = slots.store(version("c"), load_bundle)
    slots.stage(stored)
    slots.refuse(stored, GateError("too slow\x1b[2J"))
    slots.tidy()
    state = slots.state
    assert (state.outcome, state.exit_code, state.probation, state.unfinished) == ("refused", 3, b.name, 1)
    assert state.reason.startswith("too slow")
    assert (slots.required(), stored.exists()) == (b, False)


def test_a_damaged_state_and_links_that_lead_elsewhere_are_nothing(slots: Slots, tmp_path: Path) -> None:
    (slots.folder / "state.json").write_text('{"bundle": "../x"}')
    assert slots.state == folder.State()
    (slots.folder / "previous").symlink_to(tmp_path)
    assert slots.linked("previous") is None


def test_a_copy_that_was_damaged_is_made_anew(slots: Slots, version: Version) -> None:
    stored = slots.required()
    (stored / "fp32.onnx").write_bytes(b"bit rot")
    assert slots.store(version("a"), load_bundle) == stored
    load_bundle(stored)


def test_the_default_folder_is_that_of_the_users_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Slots().folder == tmp_path / "edgeproof" / "slots"
