"""Time per operator, from a run of its own: by ONNX Runtime's profile, and by LiteRT's.

Both runtimes count whole microseconds, and ONNX Runtime counts its own noting down too, some two of them for every operator:
with 64 images in a call that is little. What is told are 10th percentiles, as with the peaks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.roofline.operations import Work
from benchmarks.roofline.report import OperatorTime, Profile
from edgeproof.bench import child, placement
from edgeproof.errors import BenchmarkError
from edgeproof.manifest import Artifact

CALLS = 400
LIMIT_S = 120.0  # of LiteRT's child
#: Words for what multiplies, in the names that ONNX Runtime and XNNPACK give to what they run.
_MULTIPLY = ("Conv", "Gemm", "MatMul", "Fully Connected", "Deconv")
_NOT = ("Convert",)

Call = list[tuple[str, float]]  # operators in the order of running, each with its µs


def profile(artifact: Artifact, content: bytes, backend: str, work: Work, images: NDArray[Any]) -> Profile:
    """Of `images` in one call, as the artifact takes them."""
    ask = {"onnxruntime": _onnxruntime, "litert": _litert}[backend]
    try:
        times = p10(ask(content, images))
    except (OSError, ValueError, BenchmarkError) as error:
        return Profile(artifact.name, backend, len(images), (), f"{backend} gave no profile: {error}")
    except LookupError as missing:
        return Profile(
            artifact.name, backend, len(images), (), f"{backend} gave a profile of another form: no {missing}"
        )
    return Profile(artifact.name, backend, len(images), matched(times, work, len(images)))


def p10(calls: Sequence[Call]) -> Call:
    """Each operator's 10th percentile. Raises ValueError for calls without an operator, or with different ones."""
    names = [name for name, _ in calls[0]] if calls else []
    if not names or any([name for name, _ in call] != names for call in calls):
        raise ValueError("its calls did not name the same operators")
    times = np.array([[us for _, us in call] for call in calls])
    return list(zip(names, np.quantile(times, 0.1, axis=0).tolist(), strict=True))


def matched(times: Call, work: Work, batch: int) -> tuple[OperatorTime, ...]:
    """Operators with their µs per call, given their multiply-accumulates by order: runtimes fuse operators and do not reorder
    a chain. Where their number is another than in the file, none is given."""
    multiply = [place for place, (name, _) in enumerate(times) if _multiplies(name)]
    known = dict(zip(multiply, work.operations, strict=True)) if len(multiply) == len(work.operations) else {}
    return tuple(
        OperatorTime(name, known[place].macs if place in known else None, us / batch)
        for place, (name, us) in enumerate(times)
    )


def _multiplies(name: str) -> bool:
    return any(word in name for word in _MULTIPLY) and not any(word in name for word in _NOT)


# ---- ONNX Runtime ----------------------------------------------------------------------------------------------------


def _onnxruntime(content: bytes, images: NDArray[Any]) -> list[Call]:
    return node_times(placement.profile(content, "cpu", images, CALLS))


def node_times(events: Iterable[Mapping[str, Any]]) -> list[Call]:
    """The nodes of each call, which run in the same order in each."""
    runs: dict[str, list[float]] = {}
    kinds: dict[str, str] = {}
    for event in events:
        if placement.ran(event):
            name = placement.node_name(event)
            runs.setdefault(name, []).append(event["dur"])
            kinds[name] = event["args"]["op_name"]
    return [list(zip(kinds.values(), times, strict=True)) for times in zip(*runs.values(), strict=True)]


# ---- LiteRT ----------------------------------------------------------------------------------------------------------


def _litert(content: bytes, images: NDArray[Any]) -> list[Call]:
    """Raises BenchmarkError where the child fails."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        words, given = [file.name, str(len(images)), str(CALLS)], np.ascontiguousarray(images).tobytes()
        calls = child.ask("benchmarks.roofline.litert_child", words, "its profile", LIMIT_S, given)
    return [[(name, us) for name, us in call] for call in calls]
