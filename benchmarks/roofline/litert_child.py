"""A process of its own that asks LiteRT how long each of its operators takes.

    python -m benchmarks.roofline.litert_child FILE BATCH CALLS < images

The Python package gives no profiler, the C interface of the library in it does. A call that a later version takes otherwise
may end the process, so it is not the one that measures. Prints JSON: of each call a list of [operator, µs], in the order of
running. LiteRT's own summary would be simpler to read, but its averages are of all calls since the beginning.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
from ctypes import byref, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

WARM_UP = 50  # calls
_CPU, _HOST_MEMORY, _WRITE = 1, 1, 1  # numbers of LiteRT: an accelerator, a kind of buffer, a way to lock it
_ONE_THREAD, _PROFILING = b"num_threads = 1\n", b"enable_profiling = true\n"
_OPERATOR, _DELEGATED = 1 << 1, 1 << 3  # kinds of events: an operator of LiteRT's own, one of XNNPACK
_LARGEST = 4  # bytes of a value of an input or output: float32
_WHOLE = "DELEGATE"  # the operator that stands for all that XNNPACK runs


class _Event(ctypes.Structure):
    """ProfiledEventData."""

    _fields_ = (
        ("name", c_char_p), ("kind", c_int), ("start_us", c_uint64), ("us", c_uint64), ("memory", c_uint64 * 6),
        ("place", c_uint64), ("more", c_uint64), ("source", c_int),
    )  # fmt: skip


class _TensorType(ctypes.Structure):
    """LiteRtRankedTensorType; rank: its lowest seven bits."""

    _fields_ = (("element", c_int), ("rank", c_uint32), ("sides", c_int32 * 8), ("strides", c_uint32 * 8))


class _Library:
    """Calls functions of LiteRT by name. What they return but 0 ends the process."""

    def __init__(self) -> None:
        import ai_edge_litert

        self._library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).with_name("libLiteRt.so")))

    def call(self, name: str, *given: Any) -> None:
        status = getattr(self._library, f"LiteRt{name}")(*given)
        if status:
            sys.exit(f"LiteRt{name}: status {status}")

    def made(self, name: str, *given: Any) -> c_void_p:
        """What a function gives through its last argument."""
        handle = c_void_p()
        self.call(name, *given, byref(handle))
        return handle


def main(words: list[str]) -> None:
    batch, calls = int(words[1]), int(words[2])
    content, images = Path(words[0]).read_bytes(), sys.stdin.buffer.read()
    library = _Library()
    environment = library.made("CreateEnvironment", c_int(0), None)
    model = library.made("CreateModelFromBuffer", environment, c_char_p(content), c_size_t(len(content)))
    options = library.made("CreateOptions")
    library.call("SetOptionsHardwareAccelerators", options, c_int(_CPU))
    forget = ctypes.CFUNCTYPE(None, c_void_p)(lambda _: None)
    for kind, text in ((b"runtime_options_string", _PROFILING), (b"xnnpack", _ONE_THREAD)):
        library.call("AddOpaqueOptions", options, library.made("CreateOpaqueOptions", kind, text, forget))
    compiled = library.made("CreateCompiledModel", environment, model, options)
    signature = library.made("GetModelSignature", model, c_size_t(0))
    kinds = [_tensor_type(library, signature, end, batch) for end in ("Input", "Output")]
    rank = kinds[0].rank & 127
    library.call(
        "CompiledModelResizeInputTensor", compiled, c_size_t(0), c_size_t(0), kinds[0].sides, c_size_t(rank)
    )  # fmt: skip
    ends = [_buffer(library, environment, kind) for kind in kinds]
    _fill(library, ends[0], images)
    run = (compiled, c_size_t(0), c_size_t(1), byref(ends[0]), c_size_t(1), byref(ends[1]))
    print(json.dumps(_profile(library, compiled, run, calls)))


def _tensor_type(library: _Library, signature: c_void_p, end: str, batch: int) -> _TensorType:
    tensor, kind = library.made(f"GetSignature{end}TensorByIndex", signature, c_size_t(0)), _TensorType()
    library.call("GetRankedTensorType", tensor, byref(kind))
    kind.sides[0] = batch
    return kind


def _buffer(library: _Library, environment: c_void_p, kind: _TensorType) -> c_void_p:
    size = _LARGEST * math.prod(kind.sides[: kind.rank & 127])
    return library.made("CreateManagedTensorBuffer", environment, c_int(_HOST_MEMORY), byref(kind), c_size_t(size))


def _fill(library: _Library, buffer: c_void_p, images: bytes) -> None:
    """Bytes that were left in memory could be numbers that take long to compute with."""
    address = c_void_p()
    library.call("LockTensorBuffer", buffer, byref(address), c_int(_WRITE))
    ctypes.memmove(address, images, len(images))
    library.call("UnlockTensorBuffer", buffer)


def _profile(library: _Library, compiled: c_void_p, run: tuple[Any, ...], calls: int) -> list[list[tuple[str, int]]]:
    """The operators' times of each call."""
    profiler = library.made("CompiledModelGetProfiler", compiled)
    for _ in range(WARM_UP):
        library.call("RunCompiledModel", *run)
    told = []
    for _ in range(calls):
        library.call("ResetProfiler", profiler)
        library.call("StartProfiler", profiler)
        library.call("RunCompiledModel", *run)
        library.call("StopProfiler", profiler)
        told.append(_operators(library, profiler))
    return told


def _operators(library: _Library, profiler: c_void_p) -> list[tuple[str, int]]:
    count = c_int()
    library.call("GetNumProfilerEvents", profiler, byref(count))
    events = (
        _Event * (2 * count.value)
    )()  # twice the room, should an event be larger one day: then nothing is overwritten
    library.call("GetProfilerEvents", profiler, count, events)
    ran = [one for one in events[: count.value] if one.kind in (_OPERATOR, _DELEGATED)]
    return [(one.name.decode(), one.us) for one in ran if one.name != _WHOLE.encode()]


if __name__ == "__main__":
    main(sys.argv[1:])
