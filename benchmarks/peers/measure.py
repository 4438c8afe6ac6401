"""Every peer on the same pictures, in one run.

    python -m benchmarks peers --run runs/digits [--pictures DIR ...] [--training mnist.npz] [--write docs/results.md]

Each peer lives in a process of its own and reads with one thread. They take turns picture by picture, so that a busy machine
hits all alike; each reads the first picture once more before anything is timed. A peer that does not work here is reported
as missing, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import scoring
from benchmarks.peers import pictures, publish
from benchmarks.peers.child import NAMES
from benchmarks.peers.pictures import LabelledPicture
from benchmarks.peers.report import SCHEMA, PeerRow, PeersReport, PictureSet
from benchmarks.scoring import Tally
from edgeproof.bundle import load_bundle
from edgeproof.errors import BenchmarkError, IntegrityError, UnavailableError, UsageError
from edgeproof.support.machine import environment
from edgeproof.support.tables import nearest

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT"), "1")


@dataclass
class Child:
    """A peer's process, and what it has said so far: per set the counts and the times in milliseconds."""

    peer: str
    process: subprocess.Popen[str]
    version: str = ""
    installed_bytes: int | None = None
    missing: str = ""
    tallies: dict[str, Tally] = field(default_factory=dict)
    ms: dict[str, list[float]] = field(default_factory=dict)
    peak_mib: float = 0.0

    def ask(self, path: Path) -> Any:
        """Its answer to one picture. Raises BenchmarkError when the process is gone."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # that it ended is found out when it is heard
            print(path.resolve(), file=self.process.stdin, flush=True)  # it works in another folder
        return self.hear()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchmarkError(f"peers: {self.peer} ended with code {self.process.wait()} and no answer: see above")
        return json.loads(line)

    def close(self) -> None:
        """Let it end, and take its peak memory."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        if not self.missing and self.process.poll() is None:
            self.peak_mib = self.hear()["peak_mib"] or 0.0
        self.process.wait()


def run(args: argparse.Namespace) -> int:
    """The verb. Raises UsageError about a peer's name, SourceError and IntegrityError about pictures, BenchmarkError when a
    peer dies on one."""
    for peer in args.peer or ():
        if peer not in NAMES:
            raise UsageError(f"--peer {peer}: no such peer{nearest(peer, NAMES)}")
    with tempfile.TemporaryDirectory(prefix="peers-") as work:
        drawn = pictures.draw(args.run, Path(work), args.scenes, args.seed)
        groups = {"drawn scenes": drawn, **pictures.load_groups(args.pictures or pictures.named_folders())}
        options = {"bundle": args.bundle, "tutorial_bundle": args.tutorial_bundle}
        given = {name: str(path.resolve()) for name, path in options.items() if path is not None}
        if args.training is not None:
            given |= _fitted(args.training, Path(work))
        rows = measure(groups, given, args.peer or NAMES)
    sizes = {
        name: PictureSet(len(group), sum(len(picture.digits) for picture in group)) for name, group in groups.items()
    }
    bundle = load_bundle(args.bundle).manifest.name
    report = PeersReport(
        SCHEMA, datetime.now(UTC).isoformat(timespec="seconds"), bundle, args.seed, sizes, environment(), tuple(rows)
    )
    print(publish.markdown(report))
    print(*publish.save(report, args.out), sep="\n")
    if args.write:
        print(*publish.write(report, args.write), sep="\n")
    return 0


def _fitted(training: Path, work: Path) -> dict[str, str]:
    """The support vectors, fitted on the images of an .npz; nothing when scikit-learn is missing: the peer says so itself."""
    from benchmarks.peers import hog_svm

    try:
        with np.load(training, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, KeyError, ValueError) as problem:
        raise IntegrityError(f"{training}: expected an .npz with images and labels: {problem}") from None
    try:
        machine = hog_svm.fit(images, labels)
    except UnavailableError as missing:
        print(f"HOG + SVM: {missing}", file=sys.stderr)
        return {}
    file = work / "svm.npz"
    np.savez(file, **machine)  # type: ignore[arg-type]
    return {"svm": str(file)}


def measure(groups: dict[str, list[LabelledPicture]], options: dict[str, str], peers: Sequence[str]) -> list[PeerRow]:
    """Each of `peers` on each group of pictures."""
    with ExitStack() as stack:
        children = [_started(peer, options) for peer in peers]
        for child in children:
            stack.callback(child.process.kill)
        working = [child for child in children if not child.missing]
        for name, group in groups.items():
            for child in working:
                child.ask(group[0].path)
                child.tallies[name], child.ms[name] = Tally(), []
            for number, picture in enumerate(group):
                print(f"{name}: picture {number + 1} of {len(group)}", file=sys.stderr)
                for child in working:
                    answer = child.ask(picture.path)
                    child.tallies[name] += scoring.tally(
                        picture.digits, [(one, tuple(box)) for one, box in answer["digits"]]
                    )
                    child.ms[name].append(answer["ms"])
        for child in children:
            child.close()
    return [_row(child, name) for name in groups for child in children]


def _started(peer: str, options: dict[str, str]) -> Child:
    words = [sys.executable, "-m", "benchmarks.peers.child", peer, json.dumps(options)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        env=os.environ | ONE_THREAD,
    )  # fmt: skip
    child = Child(peer, process)
    said = child.hear()
    child.missing = said.get("missing", "")
    child.version, child.installed_bytes = said.get("version", ""), said.get("bytes")
    return child


def _row(child: Child, name: str) -> PeerRow:
    if child.missing:
        return PeerRow(child.peer, name, child.missing)
    row = PeerRow(
        child.peer,
        name,
        version=child.version,
        installed_bytes=child.installed_bytes,
        peak_mib=round(child.peak_mib, 1),
    )
    return replace(row, tally=child.tallies[name], p50_ms=round(median(child.ms[name]), 2))
