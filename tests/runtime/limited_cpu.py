"""This virtual environment on this CPU without its newest instruction sets, at its real speed.

    python tests/runtime/limited_cpu.py FOLDER AVX2        # makes it in FOLDER and prints the path of its interpreter

`emulated_cpu.py` shows what another CPU answers, this how long a lesser one takes. Neither ONNX Runtime nor LiteRT has a switch
for its kernels: they ask the CPU, by an instruction that a program can neither forbid nor catch. So their libraries are copied,
and each CPUID in the copies becomes a breakpoint, which a small library, loaded first, answers with fewer bits. OpenCV, numpy
and numpy's OpenBLAS are told by their own variables. Other libraries, and children of other interpreters, see the whole CPU.
Needs x86-64, glibc, gcc and objdump.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

#: What a CPU lacks, as (leaf, subleaf, bits of EAX, EBX, ECX, EDX) of CPUID, and as prefixes of /proc/cpuinfo's flags.
LEVELS = {
    # AVX-512 with all its parts, VNNI also of 256 bits, AMX: a CPU of before 2017, and most small ones since.
    "AVX2": (
        [
            (7, 0, 0, 0xDC230000, 0x00005842, 0x03C0010C),
            (7, 1, 0x00800030, 0, 0, 0x00080430),
            (0x24, 0, *[2**32 - 1] * 4),
        ],
        ("avx512", "avx_vnni", "amx_"),
    ),
}
#: Of each package the libraries that choose kernels.
LIBRARIES = {
    "onnxruntime": ("capi/onnxruntime_pybind11_state*.so",),
    "ai_edge_litert": ("*pywrap_litert*.so", "libLiteRt.so"),
}
_CPUID, _BREAKPOINT = b"\x0f\xa2", b"\xcc\x90"  # two bytes each: int3, nop
_PYTHON = """#!/bin/sh
export LD_PRELOAD='{folder}/limit.so' LIMITED_CPU='{folder}/cpuinfo' PYTHONPATH='{folder}/packages'"${{PYTHONPATH:+:$PYTHONPATH}}"
export NPY_DISABLE_CPU_FEATURES=X86_V4 OPENBLAS_CORETYPE=Haswell
export OPENCV_CPU_DISABLE=AVX512-SKX,AVX512-COMMON,AVX512-ICL ONEDNN_MAX_CPU_ISA=AVX2
exec '{folder}/bin/python-limited' "$@"
"""


def make(folder: Path, level: str) -> Path:
    """Make the environment in `folder`, which must not exist; returns its interpreter. `level`: one of LEVELS."""
    lacking, flags = LEVELS[level]
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
    table = ",".join("{{{}u,{}u,{{{}u,{}u,{}u,{}u}}}}".format(*row) for row in lacking)
    source = Path(__file__).with_suffix(".c")
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", f"-DLACKING_TABLE={table}", "-o", folder / "limit.so", source], check=True
    )
    known = Path("/proc/cpuinfo").read_text()
    (folder / "cpuinfo").write_text(re.sub(rf"(?m) (?:{'|'.join(flags)})\S*", "", known))
    for package, libraries in LIBRARIES.items():
        _copy(Path(sysconfig.get_path("platlib")) / package, folder / "packages" / package, libraries)
    python = folder / "bin" / "python"
    python.with_name("python-limited").symlink_to(Path(sys.executable).resolve())
    python.write_text(_PYTHON.format(folder=folder))
    python.chmod(0o755)
    return python


def _copy(package: Path, copy: Path, libraries: tuple[str, ...]) -> None:
    """The `package` once more, of links, but for its `libraries`, which are `rewritten`."""
    shutil.copytree(package, copy, copy_function=_linked)
    for library in (path for pattern in libraries for path in package.glob(pattern)):
        (copy / library.relative_to(package)).unlink()
        (copy / library.relative_to(package)).write_bytes(rewritten(library))


def _linked(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def rewritten(program: Path) -> bytes:
    """An ELF `program` or library whose every CPUID is a breakpoint."""
    content = bytearray(program.read_bytes())
    for place in _cpuid_places(program):
        assert content[place : place + 2] == _CPUID, f"{program}: no CPUID at {place:#x}"
        content[place : place + 2] = _BREAKPOINT
    return bytes(content)


def _cpuid_places(program: Path) -> list[int]:
    """Where in the file its CPUID instructions stand."""
    headers = subprocess.run(
        ["objdump", "--section-headers", program], capture_output=True, text=True, check=True
    ).stdout
    sections = [
        (int(size, 16), int(address, 16), int(offset, 16))
        for size, address, offset in re.findall(r"\s\.\S+\s+(\w{8})\s+(\w{16})\s+\w{16}\s+(\w{8})", headers)
    ]
    return [
        address - begin + offset
        for address in _cpuid_addresses(program)
        for size, begin, offset in sections
        if begin <= address < begin + size
    ]


def _cpuid_addresses(program: Path) -> list[int]:
    """Where they are loaded. A listing has hundreds of megabytes: it is read line by line."""
    command = ["objdump", "--disassemble", "--no-show-raw-insn", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        assert listing.stdout is not None
        found = [int(line.partition(":")[0], 16) for line in listing.stdout if "\tcpuid" in line]
    if listing.returncode:
        raise subprocess.CalledProcessError(listing.returncode, command)
    return found


if __name__ == "__main__":
    print(make(Path(sys.argv[1]).resolve(), sys.argv[2]))
