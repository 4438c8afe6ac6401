"""Whether this CPU's kernels add up products of 8 bits in 16."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convert.export.saturation import ACTIVATION, DEPTH, WEIGHT, saturates

pytestmark = pytest.mark.slow


def test_saturation_probe_knows_this_cpu() -> None:
    """VNNI and ARM kernels add in 32 bits; what 16 bits would make of it is another number."""
    from edgeproof.support.machine import environment

    isa = set(environment().isa)
    if isa & {"avx512_vnni", "avx_vnni", "asimd"}:
        assert not saturates()
    pair = min(2 * ACTIVATION * WEIGHT, np.iinfo(np.int16).max)
    assert pair * DEPTH // 2 != ACTIVATION * WEIGHT * DEPTH, "a kernel that saturates would pass the probe"


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="no qemu-x86_64: on Debian, apt-get install qemu-user")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the emulator runs this machine's own libraries")
def test_saturation_is_found_on_an_emulated_cpu_without_vnni() -> None:
    """A Haswell: AVX2 and nothing beyond it."""
    code = "from convert.export.saturation import saturates; print(saturates())"
    words = [str(shutil.which("qemu-x86_64")), "-cpu", "Haswell", sys.executable, "-c", code]
    root = Path(__file__).parents[3]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, cwd=root)
    assert result.stdout == "True\n", result.stderr
