"""A CPU held to AVX2 by `limited_cpu.py`: what it is told to lack is gone for every runtime, and the answers stay proven."""

from __future__ import annotations

import json
import runpy
import subprocess
from pathlib import Path

import pytest

from edgeproof.support import machine
from tests.conftest import LIMITED_CPU

pytestmark = pytest.mark.slow
#: What edgeproof reads of the CPU, which libraries of the runtimes are in memory, and for which CPU numpy's products are.
ASK = """
import ctypes, json, pathlib, ai_edge_litert, numpy, onnxruntime, threadpoolctl
from ai_edge_litert.interpreter import Interpreter
from edgeproof.support import machine
ctypes.CDLL(str(pathlib.Path(ai_edge_litert.__file__).with_name("libLiteRt.so")))
names = "onnxruntime_pybind11", "pywrap_litert", "libLiteRt"
mapped = [line.split()[-1] for line in open("/proc/self/maps") if any(name in line for name in names)]
blas = [pool["architecture"] for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
print(json.dumps([machine.environment().isa, sorted(set(mapped)), blas]))
"""
#: Bits of what the CPU says that it has: AVX2, AVX-512 F, AVX-512 VNNI.
PROGRAM = r"""
#include <cpuid.h>
#include <stdio.h>
int main(void) {
    unsigned a, b, c, d;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    printf("%u%u%u", b >> 5 & 1, b >> 16 & 1, c >> 11 & 1);
}
"""


def test_the_libraries_that_run_are_the_copies(limited: str) -> None:
    said = subprocess.run([limited, "-c", ASK], capture_output=True, text=True, check=True).stdout
    flags, libraries, blas = json.loads(said)
    assert "avx2" in flags or "avx2" not in machine.environment().isa
    assert not [flag for flag in flags if flag.startswith(("avx512", "avx_vnni", "amx"))]
    folder = str(Path(limited).parents[1] / "packages")
    assert all(library.startswith(folder) for library in libraries), libraries
    copied = {Path(library).name.partition(".")[0] for library in libraries if not Path(library).is_symlink()}
    assert {"onnxruntime_pybind11_state", "libpywrap_litert_common", "libLiteRt"} <= copied
    assert blas == ["Haswell"]


def test_every_artifact_answers_as_proven(limited: str) -> None:
    verified = subprocess.run([limited, "-m", "edgeproof", "verify"], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_what_is_taken_away_is_gone(limited: str, tmp_path: Path) -> None:
    """A program that is rewritten as the libraries are finds AVX2 still and AVX-512 no more."""
    program, source = tmp_path / "asks", tmp_path / "asks.c"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-o", program, source], check=True)
    flags = machine.environment().isa
    has = "".join(str(int(flag in flags)) for flag in ("avx2", "avx512f", "avx512_vnni"))
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == has
    program.write_bytes(runpy.run_path(str(LIMITED_CPU))["rewritten"](program))
    ask = f"import subprocess; subprocess.run(['{program}'], check=True)"
    assert subprocess.run([limited, "-c", ask], capture_output=True, text=True, check=True).stdout == has[0] + "00"
