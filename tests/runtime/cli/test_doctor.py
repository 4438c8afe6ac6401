"""The doctor: what works is told, what does not gets a reason and a remedy, and no patient takes the doctor with it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.cli.doctor import Finding, probe
from edgeproof.support import machine

EMULATED_CPU = Path(__file__).parents[1] / "emulated_cpu.py"
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


def test_it_tells_what_works() -> None:
    result = python("-m", "edgeproof", "doctor")
    assert result.returncode == 0, result.stderr
    assert "✅ numpy" in result.stdout
    assert "✅ OpenCV" in result.stdout
    assert "✅ LiteRT, CPU" in result.stdout
    assert "❎ camera 0" in result.stdout or "✅ camera 0" in result.stdout


def test_it_survives_what_kills_a_patient() -> None:
    dead = probe("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert (dead.good, dead.old_cpu) == (False, True)
    assert dead.text.startswith(f"{_LACKS} ({machine.environment().cpu}")
    assert probe("import os; os.abort()") == Finding(False, "crashed with SIGABRT")
    assert probe("print('fine')") == Finding(True, "fine")
    assert probe("raise ValueError('why: because')") == Finding(False, "why: because")
    assert probe("raise ValueError('one: \\n(two)\\nthree')") == Finding(False, "one: (two) three")


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
