"""The doctor: what works is told, what does not gets a reason and a remedy, and no patient takes the doctor with it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.cli.device.doctor import CHECKS, Finding, probe
from edgeproof.support import machine

EMULATED_CPU = Path(__file__).parents[2] / "emulated_cpu.py"
_LACKS = "crashed with SIGILL: this build needs CPU instructions that this machine lacks"
emulator = [
    pytest.mark.skipif(
        shutil.which("qemu-x86_64") is None, reason="no qemu-x86_64: on Debian, apt-get install qemu-user"
    ),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the emulator runs this machine's own libraries"),
]


def python(*words: str, interpreter: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run([interpreter, *words], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def emulated(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The interpreter of this environment on the CPU that the test's parameter names."""
    made = python(str(EMULATED_CPU), str(tmp_path / "environment"), request.param)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_it_tells_what_works_to_people_and_to_programs() -> None:
    people, program = python("-m", "edgeproof", "doctor"), python("-m", "edgeproof", "doctor", "--json")
    assert (people.returncode, program.returncode, program.stderr) == (0, 0, ""), people.stderr
    record = json.loads(program.stdout)
    states = {check["name"]: check["state"] for check in record["checks"]}
    for name, state in states.items():
        assert f"{'✅' if state == 'ok' else '❎'} {name:<24} " in people.stdout
    assert list(states) == ["numpy", *(check.name for check in CHECKS)]
    assert (states["numpy"], states["OpenCV"], states["LiteRT, CPU"]) == ("ok", "ok", "ok")
    assert (record["python"], record["cpu"]) == (platform.python_version(), machine.environment().cpu)


def test_it_survives_what_kills_a_patient() -> None:
    dead = probe("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert (dead.state, dead.old_cpu) == ("failed", True)
    assert dead.text.startswith(f"{_LACKS} ({machine.environment().cpu}")
    assert probe("import os; os.abort()") == Finding("failed", "crashed with SIGABRT")
    assert probe("print('fine')") == Finding("ok", "fine")
    assert probe("raise ValueError('why: because')") == Finding("failed", "why: because")
    assert probe("raise ValueError('one: \\n(two)\\nthree')") == Finding("failed", "one: (two) three")
    assert probe("import not_there") == Finding("missing", "No module named 'not_there'")
    assert probe("from edgeproof.errors import SourceError as E; raise E('no camera: none')").state == "missing"


def test_the_object_is_whole_where_nothing_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('broken: by the test')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    told = python("-m", "edgeproof", "doctor", "--json")
    assert told.returncode == 4
    assert told.stderr.count("\n") == 1
    (numpy,) = json.loads(told.stdout)["checks"]
    assert numpy == {
        "name": "numpy", "group": "numpy", "state": "missing", "text": "broken: by the test", "remedy": "install numpy"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "packages"),
    [
        ("cv2", ("opencv_python-4.10.0.84", "opencv_python_headless-5.0.0")),
        ("onnxruntime", ("onnxruntime_gpu-1.20.1",)),
    ],
)
def test_two_wheels_in_one_folder_are_found(
    module: str, packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (check,) = (check for check in CHECKS if check.name == f"one wheel: {module}")
    assert probe(check.code).good
    for package in packages:
        name, _, version = package.rpartition("-")
        folder = tmp_path / f"{package}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    finding = probe(check.code)
    assert finding.state == "failed"
    assert " and " in finding.text
    assert finding.text.endswith("nobody knows what of it is whose")
    for package in packages:
        assert package.rpartition("-")[0].replace("_", "-") in finding.text
    assert check.remedy.startswith(f"pip uninstall {'opencv-python' if module == 'cv2' else module}")
    assert "; then install edgeproof[" in check.remedy


def test_it_needs_no_numpy_itself() -> None:
    """Where numpy kills the process that imports it, the doctor must still speak: his own process may not import it."""
    code = "import sys; sys.modules['numpy'] = None; from edgeproof.cli.main import main; sys.exit(main(['doctor']))"
    result = python("-c", code)
    assert result.returncode == 0, result.stderr
    assert "✅ numpy" in result.stdout


class TestOnAnOlderCpu:
    pytestmark = emulator

    @pytest.mark.parametrize("emulated", ["SandyBridge"], indirect=True)
    def test_children_run_on_it_too(self, emulated: str) -> None:
        code = """if True:
            from numpy._core._multiarray_umath import __cpu_features__ as found
            from edgeproof.support.machine import environment
            print(found["AVX"], found["AVX2"], found["FMA3"], environment().isa)
        """
        parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
        result = python("-c", parent, interpreter=emulated)
        assert (result.stdout, result.stderr) == ("True False False ('sse4_2', 'avx')\n", "")

    @pytest.mark.parametrize(
        ("emulated", "cpu", "said"),
        [
            # With neither SSE4 numpy dies before it looks at the CPU; with SSE4.1 it looks, and refuses.
            ("core2duo", "emulated core2duo: no sse4_1, sse4_2, avx, avx2, fma, f16c", _LACKS),
            ("Penryn", "emulated Penryn: no sse4_2, avx, avx2, fma, f16c", "your machine doesn't support"),
        ],
        ids=["no SSE4.1", "no SSE4.2"],
        indirect=["emulated"],
    )
    def test_it_names_the_cpu_and_what_it_lacks(self, emulated: str, cpu: str, said: str) -> None:
        result = python("-m", "edgeproof", "doctor", interpreter=emulated)
        _, numpy, remedy = result.stdout.splitlines()
        assert numpy.startswith("❌ numpy")
        assert said in numpy
        assert numpy.endswith(f"({cpu})")
        assert "pip install 'numpy<2.4'" in remedy
        assert result.returncode == 4
        assert "every other part needs numpy" in result.stderr.splitlines()[-1]
