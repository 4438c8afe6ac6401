"""Which machines share a reference: those whose runtimes choose their kernels alike."""

from __future__ import annotations

from edgeproof.support.machine import Environment

#: Per architecture, best first: what ONNX Runtime, XNNPACK and OpenCV have kernels of their own for, as /proc/cpuinfo spells it.
SETS = {
    "x86_64": ("amx_int8", "avx512_vnni", "avx_vnni", "avx512bw", "avx2", "avx", "sse4_2"),
    "aarch64": ("i8mm", "asimddp", "asimdhp", "asimd"),
}


def machine_class(environment: Environment) -> str:
    """The architecture and the best of its instruction sets, "x86_64-avx512_vnni", or the architecture alone."""
    best = next((flag for flag in SETS.get(environment.architecture, ()) if flag in environment.isa), None)
    return f"{environment.architecture}-{best}" if best else environment.architecture
