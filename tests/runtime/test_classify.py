"""Opening a proven model: the choice, the replay of golden answers, and answers that do not depend on the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeproof.bundle import Golden, TensorSpec, load_bundle
from edgeproof.classify import encode, open_classifier
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.scores import softmax

BUNDLE = load_bundle()
PAIRS = [(row.name, "litert" if row.format == "tflite" else "onnxruntime") for row in BUNDLE.manifest.usable]


@pytest.mark.parametrize(("artifact", "backend"), PAIRS)
def test_every_artifact_opens_and_replays(artifact: str, backend: str) -> None:
    with open_classifier(BUNDLE, artifact) as classifier:
        assert (classifier.facts.artifact, classifier.facts.backend) == (artifact, backend)
        assert classifier.facts.provider in ("CPUExecutionProvider", "XNNPACK")


@pytest.mark.parametrize(("artifact", "backend"), PAIRS)
def test_answers_do_not_depend_on_the_batch(artifact: str, backend: str) -> None:
    """Padding and splitting must not leak into an answer; float kernels may block sums differently per batch size."""
    images = BUNDLE.golden.images[:70]
    images = np.concatenate([images, images])[:70]
    row = BUNDLE.manifest.artifact(artifact)
    with open_classifier(BUNDLE, artifact, backend) as classifier:
        together = softmax(classifier.logits(images))
        for count in (1, 2, 3, 5, 64, 65):
            assert np.abs(softmax(classifier.logits(images[:count])) - together[:count]).max() <= row.tolerance / 10
        assert classifier.logits(images[:0]).shape == (0, len(BUNDLE.manifest.classes))


def test_auto_takes_the_best_ranked() -> None:
    with open_classifier(BUNDLE) as classifier:
        best = BUNDLE.manifest.ranking[0]
        assert (classifier.facts.artifact, classifier.facts.backend) == (best.artifact, best.backend)
        assert classifier.facts.requested == "auto"


@pytest.mark.parametrize("backend", ["onnxruntime", "litert"])
def test_a_flag_filters(backend: str) -> None:
    with open_classifier(BUNDLE, backend=backend) as classifier:
        assert classifier.facts.backend == backend


def test_changed_answers_are_refused() -> None:
    """Golden answers of other inputs: the model is whole but does not answer as it did."""
    golden = BUNDLE.golden
    wrong = replace(BUNDLE, golden=Golden(golden.images[::-1], golden.labels, golden.logits))
    with pytest.raises(IntegrityError, match=r"golden: .* answers differently"):
        open_classifier(wrong)


def test_unknown_artifact_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'int8\.tflite'"):
        open_classifier(BUNDLE, "int8.tflit")


def test_impossible_combination_lists_what_is_usable() -> None:
    with pytest.raises(UnavailableError, match="usable: "):
        open_classifier(BUNDLE, "fp32.onnx", "litert")


def test_cuda_without_cuda_names_the_missing_library() -> None:
    try:
        open_classifier(BUNDLE, device="cuda").close()
    except UnavailableError as error:
        assert ".so" in str(error)
        assert "--device cpu" in str(error)


def test_encode_feeds_raw_pixels() -> None:
    glyphs = np.array([[[0, 128], [200, 255]]], np.uint8)

    def spec(dtype: str, layout: str) -> TensorSpec:
        return TensorSpec("in", dtype, layout, ("N", 28, 28, 1))  # type: ignore[arg-type]

    assert encode(glyphs, spec("uint8", "NHWC")).tolist() == [[[[0], [128]], [[200], [255]]]]
    assert encode(glyphs, spec("int8", "NHWC")).ravel().tolist() == [-128, 0, 72, 127]
    assert encode(glyphs, spec("float32", "NCHW")).shape == (1, 1, 2, 2)
    assert encode(glyphs, spec("float32", "NCHW")).max() == 255
