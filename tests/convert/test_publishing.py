"""What a full disk or a kill leaves of a conversion: the old bundle or the new one, whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convert.export.variants import VARIANTS
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier

pytestmark = pytest.mark.slow

# ---- a full disk -----------------------------------------------------------------------------------------------------

#: Converts again over an existing bundle, and lets the kernel refuse every write beyond 20 kB just before publishing.
FULL_WHEN_PUBLISHING = """
import resource, sys
from pathlib import Path
from convert.pipeline import convert_run
from convert.run_folder import read_run
from convert.export.variants import VARIANTS, choose
from edgeproof.support.command import guard

def say(text):
    if text.startswith("\\n"):  # the table: everything is measured, what follows is writing
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

def convert():
    run, variants = read_run(Path(sys.argv[1])), choose(VARIANTS, ("fp32.onnx",))
    convert_run(run, Path(sys.argv[2]), variants=variants, overwrite=True, say=say)

sys.exit(guard(convert, program="convert"))
"""


def test_no_room_to_publish_leaves_the_old_bundle_whole(folder: Path, copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundles" / "drawn"
    target.parent.mkdir()
    copy.rename(target.parent / ".drawn-0123456789abcdef")
    target.symlink_to(".drawn-0123456789abcdef")
    before = sorted(target.parent.rglob("*"))
    result = subprocess.run(
        [sys.executable, "-c", FULL_WHEN_PUBLISHING, folder, target], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "larger than is permitted" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(target.parent.rglob("*")) == before, "something half-written was left"
    assert len(load_bundle(target).manifest.usable) == len(VARIANTS)


def test_no_room_for_the_converters_is_no_verdict_on_the_model(folder: Path, tmp_path: Path) -> None:
    """On a full disk TensorFlow's converter fails with words of its own; that must not become a ❌ of the model."""
    small = tmp_path / "small"
    small.mkdir()
    inside = f"mount -t tmpfs -o size=64k tmpfs {small} && export TMPDIR={small} MPLCONFIGDIR={tmp_path} && exec "
    words = [
        sys.executable,
        "-m",
        "convert",
        "run",
        str(folder),
        "--out",
        str(tmp_path / "bundle"),
        "--only",
        "fp32.tflite",
    ]
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*namespace, f"{inside} true"], check=False).returncode:
        pytest.skip("a small disk of one's own needs unshare and user name spaces")
    result = subprocess.run([*namespace, inside + " ".join(words)], capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    assert "the disk is full" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "bundle").exists()


# ---- killed ----------------------------------------------------------------------------------------------------------

#: Converts over an existing bundle with another gate, so that old and new differ, and says when it has begun.
CONVERT_AGAIN = """
import sys
from dataclasses import replace
from pathlib import Path
from convert.options import GateOptions
from convert.pipeline import convert_run
from convert.run_folder import read_run
from convert.export.variants import VARIANTS, choose

run = read_run(Path(sys.argv[1]))
run = replace(run, options=replace(run.options, gate=GateOptions(max_drop_points=float(sys.argv[3]))))
convert_run(run, Path(sys.argv[2]), variants=choose(VARIANTS, ("fp32.onnx",)), overwrite=True,
            say=lambda text: print(text, flush=True))
"""


@pytest.mark.timeout(3600)  # the long form
@pytest.mark.target("T7")
def test_killed_at_any_moment_leaves_the_old_bundle_or_the_new(folder: Path, tmp_path: Path) -> None:
    """kill -9 at random moments, every other time within 50 ms of the publishing. EDGEPROOF_SOAK=1 kills 50 times."""
    target = tmp_path / "bundle" / "drawn"

    def convert_again(points: float) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", CONVERT_AGAIN, folder, target, str(points)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    begin = time.perf_counter()
    assert convert_again(1.0).wait(timeout=300) == 0
    whole = time.perf_counter() - begin
    random, states = np.random.default_rng(), set()
    for turn in range(50 if os.environ.get("EDGEPROOF_SOAK") else 5):
        budget = 2.0 + turn
        before = load_bundle(target).manifest.source
        child = convert_again(budget)
        if turn % 2:
            assert child.stdout is not None
            next(
                line for line in child.stdout if line.startswith(" ") and "artifact" in line
            )  # the table: now it writes
            time.sleep(random.uniform(0, 0.05))
        else:
            time.sleep(random.uniform(0, whole))
        child.kill()
        child.wait(timeout=60)
        manifest = load_bundle(target).manifest  # every hash is checked
        assert manifest.source is not None
        states.add(manifest.source == before)
        if manifest.source != before:
            assert manifest.source["gate"]["max_drop_points"] == budget
        with open_classifier(load_bundle(target)) as classifier:
            assert classifier.facts.artifact == "fp32.onnx"
    assert convert_again(99.0).wait(timeout=300) == 0
    assert len(list(target.parent.iterdir())) == 2, "the link and what it points to; nothing of the killed is left"
