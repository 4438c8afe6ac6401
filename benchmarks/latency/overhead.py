"""What edgeproof adds to a runtime's own call, for one image on one thread.

    python -m benchmarks overhead

*bare*: the runtime's own Python calls, given a tensor that was made before. *logits*: `Classifier.logits`, from bytes to
float32. *answer*: that, and the label and score that a reader makes of it (bias, temperature, softmax, threshold). The three
take turns, so that a busy machine hits all of them alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.backends import BACKENDS
from edgeproof.bench.opened import open_all
from edgeproof.bench.timing import Subject, check_duration, compare, measure_in_turns, round_medians
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import Classifier, encode
from edgeproof.cli.bench import progress
from edgeproof.manifest import Artifact
from edgeproof.support import machine

#: What may be added to the bare call: the larger of the two.
BOUND_US, BOUND_SHARE = 5.0, 0.10

Call = Callable[[Any], Any]
Rounds = Sequence[Sequence[int]]


def run(args: argparse.Namespace) -> int:
    """Measure and print; 3 when logits or answer add more than the bound to a bare call.

    Raises UnavailableError when nothing of the bundle works here.
    """
    check_duration(args.seconds, "--seconds")
    bundle, found = load_bundle(args.bundle), machine.environment()
    print(f"one image, one thread, {found.line}")
    print(f"instruction sets: {' '.join(found.isa)}; load {found.load_1m:.1f} on {found.usable_cpus} CPUs")
    print(f"\n{'artifact':<22} {'backend':<12} {'call':<7} {'p50 µs':>8} {'added µs':>9} {'× bare':>19}")
    skipped: list[str] = []
    wanted = [(row.name, name, 1) for row in bundle.manifest.usable for name in BARE if BACKENDS[name].takes(row)]
    verdicts = [_measure(bundle, classifier, args.seconds) for _, classifier in open_all(bundle, wanted, skipped)]
    for why in skipped:
        print(f"not here: {why}")
    return 0 if all(verdicts) else 3


def _measure(bundle: Bundle, opened: Classifier, seconds: float) -> bool:
    """Whether what was opened, which is closed afterwards, stays within the bound."""
    row, name = opened.artifact, opened.facts.backend
    with opened as classifier:
        images = [image[np.newaxis] for image in bundle.golden.images]
        calls = {"logits": classifier.logits, "answer": answer(classifier)}
        subjects = {"bare": Subject(BARE[name](bundle.content(row)), cycle(tensors(images, row)))}
        subjects |= {call: Subject(made, cycle(images)) for call, made in calls.items()}
        measure_in_turns(list(subjects.values()), seconds, progress)
    progress("")
    lines, within = compared({call: subject.rounds for call, subject in subjects.items()})
    for line in lines:
        print(f"{row.name:<22} {name:<12} {line}")
    return within


def compared(rounds: Mapping[str, Rounds]) -> tuple[list[str], bool]:
    """A line for each call, "bare" among them, from its nanoseconds; and whether what the others add is within the bound."""
    bare = round_medians(rounds["bare"]) / 1000
    lines, all_within = [], True
    for call, taken in rounds.items():
        own, ratio = round_medians(taken) / 1000, compare(taken, rounds["bare"])
        line = f"{call:<7} {np.median(own):>8.1f}"
        if call != "bare":
            added = float(np.median(own - bare))
            kept = within(added, float(np.median(bare)))
            all_within &= kept
            beyond = "" if kept else "  beyond the bound"
            line += f" {added:>+9.1f} {ratio.value:>6.2f} ({ratio.low:.2f}–{ratio.high:.2f}){beyond}"
        lines.append(line)
    return lines, all_within


def within(added_us: float, bare_us: float) -> bool:
    """Whether what is added to a bare call stays within BOUND_US or BOUND_SHARE of it."""
    return added_us <= max(BOUND_US, BOUND_SHARE * bare_us)


def answer(classifier: Classifier) -> Call:
    """From images uint8 (N, *shape) to labels int64 (N,) and scores float32 (N,)."""
    manifest, row = classifier.bundle.manifest, classifier.artifact
    threshold = manifest.threshold_of(row)

    def call(images: NDArray[np.uint8]) -> Any:
        logits = manifest.page_logits(row, classifier.logits(images))
        return scores.decide(logits, manifest.classes, manifest.temperature, threshold)

    return call


def tensors(images: Sequence[NDArray[np.uint8]], row: Artifact) -> list[NDArray[Any]]:
    """What a runtime is fed for each of `images`."""
    assert row.input is not None  # of every artifact that was opened
    return [encode(image, row.input) for image in images]


def _bare_litert(content: bytes) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def call(tensor: NDArray[Any]) -> Any:
        interpreter.set_tensor(taken, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return call


def _bare_onnxruntime(content: bytes) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})[0]


#: By backend: from a model file's content to its runtime's own call, as somebody would write it.
BARE: dict[str, Callable[[bytes], Call]] = {"litert": _bare_litert, "onnxruntime": _bare_onnxruntime}
