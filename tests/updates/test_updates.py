"""Updates of a device that reads from a camera meanwhile: bad versions are rolled back, kills do no harm, results hardly pause.

The short form runs always, the long one (T21: 200 updates, 50 of them bad) in four parts in `make soak`.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.slots.folder import Slots
from tests.runtime.cameras import MotionJpeg, page
from tests.updates import versions

ROLLED_BACK_S = 10.0
PAUSE_S = 0.5
BAD = {
    "NaN weights": (versions.not_a_number, {"claimed": True}, 6),
    "other input shape": (versions.other_shape, {"contract": versions.PICTURES}, 6),
    "twice as slow": (versions.twice_as_slow, {}, 3),
    "accuracy below golden": (versions.worse, {}, 3),
    "other answers than proven": (versions.worse, {"claimed": True}, 6),
}


class Device:
    """A camera, a reader on it that is started again when it dies, as a service is, and when each of its records came."""

    def __init__(self, folder: Path) -> None:
        self.slots = Slots(folder / "slots")
        self.records = folder / "out.jsonl"
        self.errors = folder / "stderr"
        self.camera = MotionJpeg(15.0, page)
        self.came: list[float] = []  # of records, seconds, monotonic
        self.down: list[tuple[float, float]] = []  # from a kill to the first record after it
        self._ended = threading.Event()
        self.begin()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def begin(self) -> None:
        words = ["read", self.camera.source.location, "--slots", str(self.slots.folder), "--json", str(self.records)]
        with self.errors.open("ab") as said:
            self.reader = subprocess.Popen(
                [sys.executable, "-m", "edgeproof", *words, "--append", "--no-show", "--still", "0"],
                stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL, and the next one begins."""
        killed = time.monotonic()
        self.reader.kill()
        self.reader.wait()
        self.begin()
        self.wait()
        self.down.append((killed, time.monotonic()))

    def wait(self) -> None:
        """For the next record."""
        count, end = len(self.came), time.monotonic() + 20
        while len(self.came) == count:
            assert self.reader.poll() is None, self.errors.read_text()
            assert time.monotonic() < end, self.errors.read_text()
            time.sleep(0.01)

    def _look(self) -> None:
        size = 0
        while not self._ended.wait(0.004):
            now = self.records.stat().st_size if self.records.exists() else 0
            if now > size:
                self.came.append(time.monotonic())
            size = now

    def longest_pause(self, begin: float, end: float) -> float:
        """Between two records, seconds, where the reader was not killed."""
        times = [came for came in self.came if begin <= came <= end]
        return max((b - a for a, b in itertools.pairwise(times) if not self._was_down(a, b)), default=0.0)

    def _was_down(self, a: float, b: float) -> bool:
        return any(begin <= b and a <= end for begin, end in self.down)

    def end(self) -> None:
        self._ended.set()
        self._watch.join()
        self.reader.send_signal(signal.SIGTERM)
        try:
            assert self.reader.wait(10) == 130, self.errors.read_text()
        finally:
            self.reader.kill()
            self.camera.down()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    first = versions.write_version(tmp_path / "v" / "first", versions.good, 10_000)
    assert update(first, Slots(tmp_path / "slots"))[0] == 0
    made = Device(tmp_path)
    made.wait()
    yield made
    made.end()


def update(bundle: Path, slots: Slots, kill_after_s: float | None = None) -> tuple[int | None, float, str]:
    """`edgeproof update`: its exit code, None where it was killed; seconds; what it said."""
    began = time.monotonic()
    words = [sys.executable, "-m", "edgeproof", "update", str(bundle), "--slots", str(slots.folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=kill_after_s or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None, time.monotonic() - began, ""
    return process.returncode, time.monotonic() - began, out + err


@dataclass
class Tally:
    """Of one kind of version. again: bad ones that were killed before a verdict, and pushed once more, to their end."""

    count: int = 0
    killed: int = 0
    again: int = 0
    committed: int = 0
    rolled_back: int = 0
    seconds: list[float] = field(default_factory=list)


def run(device: Device, folder: Path, plan: list[tuple[int, str]], seed: int, kills: float) -> dict[str, Tally]:
    """Each of `plan`, a number and "good" or a kind of BAD. kills: share of updates in which it, or the reader, is killed."""
    moments = random.Random(seed)
    tallies: dict[str, Tally] = {}
    for number, kind in plan:
        bundle, code = folder / f"v{number}", BAD.get(kind, (None, {}, 0))[2]
        tally = tallies.setdefault(kind, Tally())
        tally.count += 1
        before, began = device.slots.linked("current"), time.monotonic()
        victim = moments.choice(["update", "read"]) if moments.random() < kills else ""
        if victim == "read":
            timer = threading.Timer(moments.uniform(0.1, 2.5), device.kill)
            timer.start()
        exit_code, took, said = update(bundle, device.slots, moments.uniform(0.1, 2.5) if victim == "update" else None)
        if victim == "read":
            timer.join()
        tally.killed += bool(victim)
        while exit_code is None and device.slots.linked("staged"):  # the reader decides
            assert time.monotonic() - began < 60, (kind, device.errors.read_text()[-2000:])
            time.sleep(0.02)
        name = f"bundle-{hash_of(bundle)}"
        if (
            kind != "good"
            and exit_code is None
            and (device.slots.state.bundle, device.slots.state.outcome) != (name, "refused")
        ):
            tally.again, began = tally.again + 1, time.monotonic()
            exit_code, took, said = update(bundle, device.slots)
        tally.seconds.append(took if exit_code is not None else time.monotonic() - began)
        current = device.slots.linked("current")
        assert current is not None
        load_bundle(current)
        if kind == "good":
            assert exit_code in (0, None) or victim, said
            tally.committed += current != before
            continue
        assert current.name != name
        assert exit_code in (code, None), said
        tally.rolled_back += 1
    return tallies


def written(folder: Path, plan: list[tuple[int, str]]) -> None:
    """The version of each of `plan`: before anything is timed, for camera and clock are in this process."""
    for number, kind in plan:
        change, options, _ = BAD.get(kind, (versions.good, {}, 0))
        versions.write_version(folder / f"v{number}", change, number, **options)


def hash_of(bundle: Path) -> str:
    from edgeproof.support.files import content_hash

    return content_hash(bundle.resolve())[:16]


def plan_of(count: int, bad: int, first: int, seed: int) -> list[tuple[int, str]]:
    kinds = [*BAD] * bad
    mixed = kinds[:bad] + ["good"] * (count - bad)
    random.Random(seed).shuffle(mixed)
    return list(enumerate(mixed, first))


@pytest.mark.target("T21")
@pytest.mark.timed
def test_bad_versions_are_rolled_back_while_a_camera_is_read(device: Device, tmp_path: Path) -> None:
    plan = [(0, "good"), (1, "twice as slow")]
    written(tmp_path / "v", plan)
    tallies = run(device, tmp_path / "v", plan, 1, kills=0)
    assert (tallies["good"].committed, tallies["twice as slow"].rolled_back) == (1, 1)
    said = device.errors.read_text()
    assert "updated: now with bundle-" in said
    assert "was refused: latency: expected at most 1.5" in said


PARTS, UPDATES, BAD_ONES = 10, 20, 5


@pytest.mark.soak
@pytest.mark.target("T21")
@pytest.mark.timed
@pytest.mark.parametrize("part", range(PARTS))
def test_soak_two_hundred_updates_of_which_fifty_are_bad(device: Device, tmp_path: Path, part: int) -> None:
    """In ten parts, each with one bad version of every kind; two updates in five are disturbed by a kill."""
    plan = plan_of(UPDATES, BAD_ONES, 100 * part, seed=part)
    written(tmp_path / "v", plan)
    quiet = time.monotonic()
    time.sleep(10.0)
    began = time.monotonic()
    tallies = run(device, tmp_path / "v", plan, part, kills=0.4)
    pause = device.longest_pause(began, time.monotonic())
    print(
        f"\n{'version':<28} {'updates':>8} {'killed':>7} {'again':>6} {'committed':>10} {'rolled back':>12} {'median s':>9} "
        f"{'max s':>6}"
    )
    for kind, tally in tallies.items():
        counts = f"{tally.count:>8} {tally.killed:>7} {tally.again:>6} {tally.committed:>10} {tally.rolled_back:>12}"
        print(f"{kind:<28} {counts} {float(np.median(tally.seconds)):>9.2f} {max(tally.seconds):>6.2f}")
    away = [b - a for a, b in device.down]
    print(
        f"longest pause of results {1000 * pause:.0f} ms, without updates {1000 * device.longest_pause(quiet, began):.0f} ms; "
        f"{len(away)} kills of the reader, away at most {max(away, default=0.0):.2f} s; {len(device.came)} records; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    bad = [tally for kind, tally in tallies.items() if kind != "good"]
    assert sum(tally.rolled_back for tally in bad) == BAD_ONES
    if os.getloadavg()[0] <= 1.5 * (os.cpu_count() or 1):  # of a machine that does much else, times say nothing
        assert max(max(tally.seconds) for tally in bad) <= ROLLED_BACK_S
        assert pause <= PAUSE_S
