"""Models made to harm, in bundles whose checksums are right: this process lives, says why with exit code 6, and remembers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.manifest import Artifact
from edgeproof.manifest_file import checksum_of
from edgeproof.probed import probe, process, verdicts
from edgeproof.probed.child import Job, Reply
from edgeproof.probed.verdicts import Outcome
from tests.runtime.probed.hostile import with_model
from tests.runtime.probed.mutants import Field, chain, damaged, endless, grafted, huge, twice_as_wide

pytestmark = pytest.mark.usefixtures("own_cache")
Started = list[Any]
Hostile = Callable[[list[Field]], Path]
SEARCH = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "NO_COLOR": "1"}
#: Mutants of int8.tflite of the bundle `colour` that end LiteRT 2.3.0 with SIGSEGV.
DEADLY = (145, 223, 447)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The children that were started, which are real ones."""
    found: list[Any] = []

    class Counted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *words: Any, **more: Any) -> None:
            super().__init__(*words, **more)
            found.append(self)

    monkeypatch.setattr(process.subprocess, "Popen", Counted)
    return found


@pytest.fixture
def onnx(colour: Path) -> Artifact:
    return load_bundle(colour).manifest.artifact("fp32.onnx")


@pytest.fixture
def hostile(colour: Path, tmp_path: Path) -> Hostile:
    """`hostile(nodes)`: the bundle `colour` with these before the end of fp32.onnx."""
    good = (colour / "fp32.onnx").read_bytes()
    return lambda nodes: with_model(colour, tmp_path / "hostile", "fp32.onnx", grafted(good, nodes))


@pytest.fixture
def deadly(colour: Path, tmp_path: Path) -> Path:
    return mutant(colour, tmp_path / "deadly", DEADLY[0])


def mutant(colour: Path, target: Path, seed: int) -> Path:
    good = (colour / "int8.tflite").read_bytes()
    return with_model(colour, target, "int8.tflite", damaged(good, "tflite", seed))


def kept() -> list[Path]:
    return sorted(Path(os.environ["XDG_CACHE_HOME"], "edgeproof", "probed").glob("*.json"))


@pytest.mark.parametrize("seed", DEADLY)
def test_a_model_that_ends_its_runtime_is_refused(colour: Path, tmp_path: Path, seed: int) -> None:
    """It would end this process. A LiteRT of another version may refuse it instead, which is an IntegrityError too."""
    bundle = load_bundle(mutant(colour, tmp_path / "deadly", seed))
    with pytest.raises(IntegrityError, match=r"int8\.tflite: ") as refusal:
        open_classifier(bundle, "int8.tflite", "litert")
    if metadata.version("ai-edge-litert") == "2.3.0":
        assert "found one that died of SIGSEGV while opening it" in str(refusal.value)
        assert len(kept()) == 1


def test_the_command_line_says_it_in_one_line(deadly: Path, samples: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "edgeproof",
        "read",
        samples / "numbers.jpg",
        "--bundle",
        deadly,
        "--json",
        "-",
        "--no-show",
    ]
    for _ in range(2):  # tried, then remembered
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | SEARCH
        )
        assert (ended.returncode, ended.stdout) == (6, "")
        assert "int8.tflite: " in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_what_takes_too_long_is_refused(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that its runtime takes seconds to load, and a patience used up before, which the kernel takes for a second."""
    monkeypatch.setattr(probe, "PATIENCE_S", -1)
    with pytest.raises(IntegrityError, match="took more than -1 s of CPU time while opening it"):
        open_classifier(load_bundle(hostile(chain(50_000))), backend="onnxruntime")
    assert len(kept()) == 1


def test_what_takes_too_much_memory_is_refused_and_not_remembered(hostile: Hostile) -> None:
    """4 GB of zeros: the next machine, or the next moment, may have as much."""
    with pytest.raises(UnavailableError, match=r"fp32\.onnx: .* wants more than 1024 MB of memory"):
        open_classifier(load_bundle(hostile(huge(2**30))), "fp32.onnx", "onnxruntime")
    assert kept() == []


def test_an_answer_of_another_shape_is_refused(hostile: Hostile) -> None:
    with pytest.raises(IntegrityError, match=r"fp32\.onnx: expected an answer of shape \(1, 4\), found \(1, 8\)"):
        open_classifier(load_bundle(hostile(twice_as_wide())), "fp32.onnx", "onnxruntime")


def test_what_never_ends_reaches_no_runtime(hostile: Hostile, started: Started) -> None:
    with pytest.raises(IntegrityError, match="operator Loop: expected a graph without loops"):
        load_bundle(hostile(endless()))
    assert started == []


def test_a_harmless_model_is_tried_once(hostile: Hostile, started: Started) -> None:
    """Also one with operators that no training of ours writes."""
    bundle = load_bundle(hostile(huge(1000)))
    for _ in range(2):
        with open_classifier(bundle, "fp32.onnx", "onnxruntime") as classifier:
            assert len(classifier.logits(bundle.golden.images)) == len(bundle.golden.images)
    assert len(started) == 1
    open_classifier(bundle, "int8.tflite", "litert", probe=False).close()
    assert len(started) == 1


def test_the_bundle_of_the_wheel_is_not_tried_but_its_copy_is(tmp_path: Path, started: Started) -> None:
    open_classifier(load_bundle(), backend="litert").close()
    assert started == []
    shutil.copytree(default_bundle(), tmp_path / "copy")
    open_classifier(load_bundle(tmp_path / "copy"), backend="litert").close()
    assert len(started) == 1


def test_only_what_was_proven_there_is_a_broken_claim(deadly: Path) -> None:
    """As with every other refusal: of a pair that the bundle ranks it ends the choice, any other one is passed over."""
    bundle = load_bundle(deadly)
    with pytest.raises(IntegrityError, match=r"int8\.tflite: "):
        open_classifier(bundle)
    unranked = replace(bundle, manifest=replace(bundle.manifest, ranking=()))
    with pytest.raises(UnavailableError, match=r"int8\.tflite on litert: .*int8\.tflite: "):
        open_classifier(unranked, backend="litert")


def test_a_refusal_is_not_remembered(hostile: Hostile, started: Started) -> None:
    """For want of memory a runtime says much the same."""
    bundle = load_bundle(hostile(twice_as_wide()))
    said = []
    for _ in range(2):
        with pytest.raises(IntegrityError) as refusal:
            open_classifier(bundle, "fp32.onnx", "onnxruntime")
        said.append(str(refusal.value))
    assert said[0] == said[1]
    assert len(started) == 2


def edited(path: Path, **changes: Any) -> None:
    """By somebody who knows how the checksum is made."""
    table = json.loads(path.read_text())
    del table["checksum"]
    table |= changes
    path.write_text(json.dumps(table | {"checksum": checksum_of(table)}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda path: path.write_bytes(path.read_bytes().replace(b"harmless", b"harmful!")),
    "no JSON": lambda path: path.write_bytes(b"\xff" * 100),
    "huge": lambda path: path.write_bytes(b" " * 2**20),
    "a kind of its own": lambda path: edited(path, kind="fine"),
    "a key of its own": lambda path: edited(path, more=1),
    "another schema": lambda path: edited(path, schema=2),
    "another subject": lambda path: edited(path, subject=json.loads(path.read_text())["subject"] | {"device": "cuda"}),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def test_a_damaged_entry_counts_as_none() -> None:
    subject = verdicts.subject_of("0" * 64, "litert", "cpu")
    path = verdicts.path_of(subject)
    assert path is not None
    for name, damage in DAMAGES.items():
        verdicts.keep(subject, Outcome("harmless"))
        assert verdicts.read(subject) is not None
        damage(path)
        assert verdicts.read(subject) is None, name


def test_where_nothing_can_be_kept_it_is_tried_each_time(
    hostile: Hostile, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    bundle = load_bundle(hostile(huge(10)))
    for count in (1, 2):
        open_classifier(bundle, "fp32.onnx", "onnxruntime").close()
        assert len(started) == count


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (signal.SIGKILL, "ended from outside .SIGKILL. while opening it"),
        (signal.SIGTERM, "ended from outside .SIGTERM. while opening it"),
        (signal.SIGSTOP, "took more than 1 s while opening it, most of them not computing"),
    ],
)
def test_what_others_do_to_the_child_is_no_verdict(
    hostile: Hostile, started: Started, monkeypatch: pytest.MonkeyPatch, sent: int, said: str
) -> None:
    """A kernel without memory kills, a machine that is busy stops."""
    real = process._received

    def received(child: Any) -> Any:
        reply = real(child)
        os.kill(child.pid, sent)
        return reply

    monkeypatch.setattr(process, "_received", received)
    monkeypatch.setattr(Job, "wall_s", lambda *_: 1)
    with pytest.raises(UnavailableError, match=said):
        open_classifier(load_bundle(hostile(chain(2000))), "fp32.onnx", "onnxruntime")
    assert kept() == []
    assert started[0].returncode is not None


def test_without_limits_of_its_own_a_child_is_judged_by_the_clock_on_the_wall(onnx: Artifact) -> None:
    """A GPU's drivers map more memory than they use, and TensorRT computes for minutes: only a step of many minutes is harm."""
    job, *_ = probe._job(onnx, "onnxruntime", "cuda", b"", np.zeros((8, 1), np.float32))
    assert (job.memory_bytes, job.counts_cpu, job.sizes) == (0, False, (1, 2, 4, 8))
    assert job.wall_s(0) >= 300
    late = process._late(Reply("opening it"), job)
    assert (late.kind, late.lasting) == ("harmful", False)
    died = process._ended(-signal.SIGSEGV, Reply("opening it"), job)
    assert (died.kind, died.lasting) == ("harmful", False), "of another driver it may not die"


def test_how_windows_ends_a_process_is_told_by_its_number(onnx: Artifact) -> None:
    job, *_ = probe._job(onnx, "onnxruntime", "cpu", b"", np.zeros((1, 1), np.float32))
    told = process._ended(0xC0000005, Reply("opening it"), job)
    assert (told.kind, told.reason) == ("harmful", "died of exit code 0xc0000005 while opening it")


def test_a_runtime_that_does_not_load_is_no_verdict(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(hostile(huge(10)))
    monkeypatch.setattr(process, "START_S", 0.001)
    with pytest.raises(UnavailableError, match="the runtime was not loaded within"):
        open_classifier(bundle, "fp32.onnx", "onnxruntime")
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(UnavailableError, match="expected a Python that tries the model"):
        open_classifier(bundle, "fp32.onnx", "onnxruntime")
    assert kept() == []
