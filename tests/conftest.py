"""Shared fixtures: one tiny run taken down the whole road by the command line, as a user would, and the training seed.

What is trained is trained once per session of tests. A test that takes the fixture `seed`, itself or through another fixture,
has a subject that was trained; it gets the marker `seeds`, with which `make test-seeds` repeats it with other weights.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[1]

SEED = "EDGEPROOF_TEST_SEED"
LIMITED_CPU = ROOT / "tests" / "runtime" / "limited_cpu.py"
LIMITED_S = 300  # in which its libraries are rewritten on a busy machine too

# Whoever runs the tests may be in the background, or under nohup: there these signals are ignored, and so in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.environ.pop("PYTHONUNBUFFERED", None)  # most users have it not: what is seen late without it is to be seen late here

#: A recipe that trains in seconds. BatchNorm momentum 0.9: moving statistics must converge in a few dozen steps.
#: A wide gate: a network trained for seconds loses up to 3 points to int8, under noise 7, by other kernels other points.
TINY_RECIPE = """
[data]
name = "mnist"
fraction = 0.2
validation = 2000

[model]
layers = ["conv 16 5x5 stride 2", "conv 32 3x3 stride 2", "average"]
batch_norm_momentum = 0.9

[train]
epochs = 3
batch = 64
seed = {seed}
learning_rate = 1e-2
warmup_epochs = 0.2
target_accuracy = 0.8

[gate]
max_drop_points = 4.0
max_corruption_drop_points = 25.0
"""


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what hangs on trained weights; minutes-long checks run in `make soak` alone."""
    for item in items:
        if "seed" in getattr(item, "fixturenames", ()):
            item.add_marker("seeds")
    if "EDGEPROOF_SOAK" not in os.environ:
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="make soak"))


class Shell(Protocol):
    def __call__(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]: ...


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of the project as a user would, from the checkout, and keep what it prints."""
    words = [sys.executable if word == "python" else str(word) for word in command]
    if words[0] == "edgeproof":
        words[:1] = [str(Path(sys.executable).with_name("edgeproof"))]
    result = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"NO_COLOR": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit code {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


@pytest.fixture(scope="session")
def shell() -> Shell:
    """`shell(*words, check=True)` runs a command of the project; `python` and `edgeproof` are those under test."""
    return run


@pytest.fixture(scope="session", autouse=True)
def _cache_without_tunings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have tuned this machine. What was downloaded, and Matplotlib's list of fonts, are taken as
    they are."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = tmp_path_factory.mktemp("cache")
    for name in ("edgeproof/data", "matplotlib"):
        (own / name).mkdir(parents=True, exist_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(own / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))  # nor may they trust a key
        yield


@pytest.fixture(scope="session")
def limited(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of this environment on this CPU without AVX-512, VNNI and AMX."""
    if platform.machine() != "x86_64":
        pytest.skip("CPUID is an instruction of x86-64")
    if not (shutil.which("gcc") and shutil.which("objdump")):
        pytest.skip("no gcc or no objdump: on Debian, apt-get install gcc binutils")
    folder = tmp_path_factory.mktemp("limited") / "AVX2"
    try:
        made = subprocess.run(
            [sys.executable, LIMITED_CPU, folder, "AVX2"],
            capture_output=True,
            text=True,
            timeout=LIMITED_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"its libraries were not rewritten within {LIMITED_S} s: this machine is busy")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="session")
def seed() -> int:
    """Of every training: 1, or what EDGEPROOF_TEST_SEED says. No verdict may hang on it, nor on the CPU's kernels."""
    return int(os.environ.get(SEED, "1"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    """A run folder, trained in seconds on a fifth of MNIST."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.toml").write_text(TINY_RECIPE.format(seed=seed))
    run("python", "-m", "train", "run", folder / "tiny.toml", "--runs", folder / "runs")
    return folder / "runs" / "tiny"


@pytest.fixture(scope="session")
def tiny_bundle(tiny_run: Path) -> Path:
    """The bundle of `tiny_run`."""
    out = tiny_run.parents[1] / "bundle"
    run("python", "-m", "convert", "run", tiny_run, "--out", out)
    return out / "tiny"
