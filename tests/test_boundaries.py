"""What ships is what was meant to ship, and knows nothing of what made it."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    "tensorflow|keras|tf_keras|tf2onnx|onnx|onnxruntime|ai_edge_litert|cv2|matplotlib|paho|starlette|uvicorn|prometheus_client|"
    "cryptography|"
    "train|convert|benchmarks"
)


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(result.stdout.split())


def test_importing_edgeproof_loads_nothing_heavy() -> None:
    assert not modules_after("import edgeproof") & set(HEAVY.split("|"))


@pytest.mark.parametrize("program", ["edgeproof", "train", "convert", "benchmarks"])
def test_help_loads_no_framework(program: str) -> None:
    code = (
        f"import runpy, sys; sys.argv = ['{program}', '--help']\n"
        f"try: runpy.run_module('{program}', run_name='__main__')\n"
        "except SystemExit: pass"
    )
    assert not modules_after(code) & {"tensorflow", "keras", "onnxruntime", "cv2", "matplotlib", "cryptography"}


def test_what_a_configuration_means_is_read_without_its_file_format() -> None:
    assert not modules_after("import convert.h5.config") & {"h5py", "numpy", "keras"}


def test_the_wheel_holds_edgeproof_and_nothing_else() -> None:
    wheels = list((ROOT / "dist").glob("edgeproof-*.whl"))
    assert len(wheels) == 1, "make wheel builds it"
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {
        "edgeproof",
        *(n.split("/")[0] for n in names if ".dist-info/" in n),
    }
    assert "edgeproof/py.typed" in names
    assert "edgeproof/bundles/digits/manifest.json" in names
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".keras"))]
    assert wheels[0].stat().st_size < 2 * 2**20


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.target("T22")
def test_lock_files_name_no_index_and_hash_everything() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "http" not in text, lock
        assert "--index" not in text, lock
        assert "file:" not in text, lock
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in requirement, (lock, requirement)


def test_tf_keras_and_keras_are_never_reached_through_tf() -> None:
    """Importing tfmot turns `tf.keras` into tf_keras for the whole process."""
    offenders = [
        f for f in tracked() if f.suffix == ".py" and re.search(r"\btf\.keras\b", f.read_text()) and f != Path(__file__)
    ]
    assert offenders == []
