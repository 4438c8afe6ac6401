"""Where ONNX Runtime ran each node of a graph, told by its own profile of a run that is not timed.

A session that lists a GPU first may still run part of the graph on the CPU, and says nothing of it. Its profile does.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeproof.backends.onnxruntime import FATAL, PROVIDERS
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RAN = "_kernel_time"  # ends the name of an event that is a node's own run
#: What only carries tensors from one device to another computes nothing: it is nobody's node.
_CARRIERS = ("MemcpyFromHost", "MemcpyToHost")
#: What a shape is made of. ONNX Runtime keeps the nodes that reckon one (Shape, Gather, Slice …) on the CPU by design.
_WHOLE = ("int32", "int64")


def placement(events: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The nodes that each provider ran, "name (operator)" in the order of their first run, from the events of a profile."""
    nodes: dict[str, dict[str, None]] = {}
    for event in events:
        if not ran(event) or not computes(event):
            continue
        facts = event["args"]
        name = f"{node_name(event)} ({facts.get('op_name', 'unknown operator')})"
        nodes.setdefault(str(facts["provider"]), {})[name] = None
    return {provider: tuple(names) for provider, names in nodes.items()}


def ran(event: Mapping[str, Any]) -> bool:
    """Whether an event of a profile is one run of one node."""
    return event.get("cat") == "Node" and event["name"].endswith(_RAN) and "provider" in event.get("args", {})


def computes(event: Mapping[str, Any]) -> bool:
    """Whether such a node makes something of the images: neither a copy to another device, nor part of a shape, which is told by
    outputs that are whole numbers or lists of them (quantized arithmetic gives whole numbers too, and in more dimensions)."""
    facts = event["args"]
    made = [kind for output in facts.get("output_type_shape", ()) for kind in output.items()]
    shape = bool(made) and all(dtype in _WHOLE and len(sides) <= 1 for dtype, sides in made)
    return facts.get("op_name") not in _CARRIERS and not shape


def node_name(event: Mapping[str, Any]) -> str:
    return str(event["name"].removesuffix(_RAN))


def profile(content: bytes, device: str, images: NDArray[Any], calls: int = 2) -> list[dict[str, Any]]:
    """The events of `calls` runs of an ONNX file on `device` with one thread, `images` in the file's own dtype and layout.

    The device must have been found to work: what ONNX Runtime raises is passed on.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    providers = list(dict.fromkeys((PROVIDERS[device], PROVIDERS["cpu"])))
    with tempfile.TemporaryDirectory() as folder, native_output():
        options.profile_file_prefix = os.path.join(folder, "profile")  # noqa: PTH118 (it takes text)
        onnxruntime.set_default_logger_severity(FATAL)
        session = onnxruntime.InferenceSession(content, options, providers=providers)
        taken = {session.get_inputs()[0].name: images}
        for _ in range(calls):
            session.run(None, taken)
        found: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return found
