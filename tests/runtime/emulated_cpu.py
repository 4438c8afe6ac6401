"""This virtual environment on another CPU: a second one, whose interpreter runs in qemu-user.

    python tests/runtime/emulated_cpu.py FOLDER CPU        # makes it in FOLDER and prints the path of its interpreter

`sys.executable` is that path, so children are emulated too. Needs an x86-64 machine with glibc, whose libraries it runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

QEMU = "qemu-x86_64"
#: Where a flag of /proc/cpuinfo stands: the index of glibc's CPUID leaf (0: leaf 1, 1: leaf 7), register (0: EAX), bit.
_BITS = {
    "ssse3": (0, 2, 9), "sse4_1": (0, 2, 19), "sse4_2": (0, 2, 20), "popcnt": (0, 2, 23), "avx": (0, 2, 28),
    "f16c": (0, 2, 29), "fma": (0, 2, 12), "avx2": (1, 1, 5), "bmi2": (1, 1, 8), "avx512f": (1, 1, 16),
    "avx512bw": (1, 1, 30), "avx512_vnni": (1, 2, 11),
}  # fmt: skip
# OPENBLAS_CORETYPE would choose numpy's kernels in the CPU's stead. numpy's own for AVX2 sort wrongly or die in qemu 7.2: its
# gathers by 64-bit index read index 0, and its masked loads touch what the mask leaves out. `make test-kernels` has them.
_PYTHON = """#!/bin/sh
unset OPENBLAS_CORETYPE
export NPY_DISABLE_CPU_FEATURES=X86_V3
exec {qemu} -L '{folder}/root' -cpu {cpu} -0 '{folder}/bin/python' '{python}' "$@"
"""


def make(folder: Path, cpu: str) -> Path:
    """Make the environment in `folder`, which must not exist; returns its interpreter. `cpu`: a name of `qemu -cpu help`."""
    cpu += "".join(f",-{feature}" for feature in _not_emulated(cpu))
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    (folder / "pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
    # qemu-user looks into its root first: there the flags are the emulated CPU's, not those of the machine.
    (folder / "root" / "proc").mkdir(parents=True)
    (folder / "root" / "proc" / "cpuinfo").write_text(_cpuinfo(cpu))
    python = folder / "bin" / "python"
    real = Path("/proc/self/exe").readlink()  # sys.executable may be such a script itself
    python.write_text(_PYTHON.format(qemu=QEMU, folder=folder, cpu=cpu, python=real))
    python.chmod(0o755)
    return python


def _not_emulated(cpu: str) -> list[str]:
    """Features of `cpu` that qemu lacks. Unless they are switched off it warns of each on stderr, in every process."""
    said = subprocess.run([QEMU, "-cpu", cpu, "/bin/true"], capture_output=True, text=True, check=True).stderr
    return sorted(set(re.findall(r"requested feature: \S+\.([\w-]+) \[", said)))


def _cpuinfo(cpu: str) -> str:
    """/proc/cpuinfo of `cpu` with the flags that glibc finds active."""
    loader = [QEMU, "-cpu", cpu, "/lib64/ld-linux-x86-64.so.2", "--list-diagnostics"]
    said = subprocess.run(loader, capture_output=True, text=True, check=True).stdout
    active = {
        (int(leaf, 16), int(register, 16)): int(value, 16)
        for leaf, register, value in re.findall(r"features\[(\w+)\]\.active\[(\w+)\]=(\w+)", said)
    }
    flags = [flag for flag, (leaf, register, bit) in _BITS.items() if active[leaf, register] >> bit & 1]
    name = cpu.partition(",")[0]
    same = f"model name\t: emulated {name}\nphysical id\t: 0\nflags\t\t: fpu {' '.join(flags)}\n"
    return "\n".join(f"processor\t: {n}\ncore id\t\t: {n}\n{same}" for n in range(os.cpu_count() or 1))


if __name__ == "__main__":
    print(make(Path(sys.argv[1]).resolve(), sys.argv[2]))
