"""Every list of backends derives from the backends' own files: one more file is one more backend, everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgeproof
from edgeproof.backends import BACKENDS, CPU, DEVICES, OWN, open_backend
from edgeproof.bundle import load_bundle
from edgeproof.errors import UnavailableError

#: A backend of one file: ONNX Runtime under another name, on the CPU and on a device of its own.
FAKE = """
from dataclasses import replace

from edgeproof.backends import onnxruntime

RUNTIME = replace(
    onnxruntime.RUNTIME, title="Fake", own=False, extras=("fake",), devices={"cpu": "install a fake", "abacus": "buy one"}
)


def open_model(file, artifact, device, threads):
    return onnxruntime.open_model(file, artifact, "cpu", threads)
"""


@pytest.fixture(scope="module")
def with_fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, in which there is one backend more."""
    root = tmp_path_factory.mktemp("package")
    shutil.copytree(Path(edgeproof.__file__).parent, root / "edgeproof", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "edgeproof" / "backends" / "fake.py").write_text(FAKE)
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "edgeproof", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_one_file_more_is_read_with(with_fake: Path, samples: Path) -> None:
    words = ("read", str(samples / "numbers.jpg"), "--backend", "fake", "--json", "-", "--no-show")
    record = json.loads(run(with_fake, *words).stdout)
    assert (record["backend"], record["artifact"]) == ("fake", "fp32.onnx")
    assert len(record["digits"]) > 20


@pytest.mark.timed
def test_one_file_more_is_verified_measured_and_examined(with_fake: Path) -> None:
    verified = run(with_fake, "verify")
    assert verified.returncode == 0, verified.stderr
    assert sum(line.split()[1:2] == ["fake"] and "✅" in line for line in verified.stdout.splitlines()) == 3
    words = ("--quick", "--duration", "0.01", "--backend", "fake", "--artifact", "fp32.onnx", "--json", "-")
    measured = run(with_fake, "bench", *words)
    assert {row["backend"] for row in json.loads(measured.stdout)["rows"]} == {"fake"}
    examined = run(with_fake, "doctor").stdout
    assert "✅ Fake, CPU" in examined
    assert "Fake, abacus" in examined


def test_one_device_more_may_be_asked_for(with_fake: Path, samples: Path) -> None:
    """By its name, and only of a backend that has it; a device beside the CPU takes float artifacts only."""
    words = ("read", str(samples / "numbers.jpg"), "--device", "abacus", "--json", "-", "--no-show")
    record = json.loads(run(with_fake, *words).stdout)
    assert (record["backend"], record["requested"]) == ("fake", "abacus")
    assert not record["artifact"].startswith("int8")
    refused = run(with_fake, *words, "--backend", "litert")
    assert refused.returncode == UnavailableError.exit_code


def test_each_format_has_one_runtime_of_its_own() -> None:
    assert {BACKENDS[name].format for name in OWN.values()} == {runtime.format for runtime in BACKENDS.values()}
    assert sum(runtime.own for runtime in BACKENDS.values()) == len(OWN)
    assert DEVICES[0] == CPU
    assert all(CPU in runtime.devices for runtime in BACKENDS.values())


def test_declaring_a_backend_imports_no_library() -> None:
    code = "import sys, edgeproof.backends; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {runtime.module.partition(".")[0] for runtime in BACKENDS.values()} & set(loaded)


@pytest.mark.parametrize("name", [name for name, runtime in BACKENDS.items() if "cuda" not in runtime.devices])
def test_a_device_that_a_backend_has_not_is_refused_with_the_way_out(name: str) -> None:
    bundle = load_bundle()
    row = next(row for row in bundle.manifest.usable if BACKENDS[name].takes(row))
    with pytest.raises(UnavailableError, match="use --backend onnxruntime, or --device cpu"):
        open_backend(name, bundle.content(row), row, "cuda", 1)
