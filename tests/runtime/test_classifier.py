"""Opening a proven model: the choice, the replay of golden answers, and answers that do not depend on the batch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, combinations, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof import classifier
from edgeproof.backends import BACKENDS, open_backend
from edgeproof.bundle import Bundle, Golden, load_bundle
from edgeproof.classifier import (
    MAX_BATCH,
    Classifier,
    Facts,
    Recovery,
    batch_sizes,
    encode,
    largest_batch,
    open_classifier,
)
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.manifest import TensorSpec
from edgeproof.scores import softmax

BUNDLE = load_bundle()
PAIRS = [(row.name, name) for row in BUNDLE.manifest.usable for name, runtime in BACKENDS.items() if runtime.takes(row)]


@pytest.mark.parametrize(("artifact", "backend"), PAIRS)
def test_every_artifact_opens_and_replays(artifact: str, backend: str) -> None:
    providers = ("CPUExecutionProvider", "XNNPACK", "ENGINE_CLASSIC", "ENGINE_NEW", "DNN_BACKEND_OPENCV")
    with open_classifier(BUNDLE, artifact, backend) as classifier:
        assert (classifier.facts.artifact, classifier.facts.backend) == (artifact, backend)
        assert classifier.facts.provider in providers


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


@pytest.mark.parametrize("count", [1, 2, 10, 63, 64, 65, 200])
def test_a_cpu_runs_no_more_than_there_is_and_a_gpu_few_calls(count: int) -> None:
    apart, padded = batch_sizes(count, padded=False), batch_sizes(count, padded=True)
    assert sum(apart) == count <= sum(padded) < 2 * count
    assert len(padded) == -(-count // MAX_BATCH)
    assert all(size & (size - 1) == 0 and size <= MAX_BATCH for size in (*apart, *padded))


def test_auto_takes_the_best_ranked() -> None:
    with open_classifier(BUNDLE) as classifier:
        best = BUNDLE.manifest.ranking[0]
        assert (classifier.facts.artifact, classifier.facts.backend) == (best.artifact, best.backend)
        assert classifier.facts.requested == "auto"


@pytest.mark.parametrize("backend", ["onnxruntime", "litert", "opencv"])
def test_a_flag_filters(backend: str) -> None:
    with open_classifier(BUNDLE, backend=backend) as classifier:
        assert classifier.facts.backend == backend


def test_a_larger_batch_after_a_smaller_one() -> None:
    """OpenCV's classic engine reads beyond its memory when one network gets a larger batch: it takes one for each size.

    It shows where a matrix product stands behind a Squeeze; then 9 answers in 10 are wrong, or the process dies.
    """
    images = BUNDLE.golden.images
    with open_classifier(BUNDLE, "fp32.onnx", "opencv") as classifier:
        grown = [classifier.logits(images[:count]) for count in (1, 2, 64, 1, 32)]
        together = classifier.logits(images)
    for logits in grown:
        assert np.abs(softmax(logits) - softmax(together[: len(logits)])).max() <= 1e-4


def test_a_bundle_that_is_replaced_meanwhile_goes_on_answering(tmp_path: Path) -> None:
    """Convert removes the old bundle when the new one is whole; a batch of a new size is asked for later."""
    shutil.copytree(BUNDLE.path, tmp_path / "old")
    with open_classifier(load_bundle(tmp_path / "old"), backend="litert") as classifier:
        shutil.rmtree(tmp_path / "old")
        assert len(classifier.logits(BUNDLE.golden.images[:7])) == 7


def renamed(backend: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle whose ranking does not know OpenCV, where opening anything with `backend` ends in `error`."""
    real = classifier.open_backend

    def opening(name: str, *arguments: Any) -> Any:
        if name == backend:
            raise error
        return real(name, *arguments)

    monkeypatch.setattr(classifier, "open_backend", opening)
    ranking = tuple(choice for choice in BUNDLE.manifest.ranking if choice.backend != "opencv")
    return replace(BUNDLE, manifest=replace(BUNDLE.manifest, ranking=ranking))


@pytest.mark.target("T16")
def test_a_pair_that_cannot_run_is_skipped_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV has fewer operators than ONNX Runtime: under auto, the next pair is tried; asked for, the reason is given."""
    bundle = renamed("opencv", UnavailableError("OpenCV does not run it (CLASSIC: no such layer)"), monkeypatch)
    with pytest.raises(UnavailableError, match=r"fp32\.onnx on opencv: OpenCV does not run it .CLASSIC: no such layer"):
        open_classifier(bundle, backend="opencv")
    best = bundle.manifest.ranking[0].backend
    bundle = renamed(best, UnavailableError("gone"), monkeypatch)
    with open_classifier(bundle) as classifier:
        assert classifier.facts.backend != best
        assert any(reason.endswith("gone") for reason in classifier.facts.skipped)


def test_a_wrong_answer_counts_only_where_the_right_one_was_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair that is not in the ranking was never proven: auto passes it over. A proven one is a broken claim."""
    bundle = renamed("opencv", IntegrityError("golden: answers differently"), monkeypatch)
    with pytest.raises(UnavailableError, match="on opencv: golden: answers differently"):
        open_classifier(bundle, backend="opencv")
    with pytest.raises(IntegrityError, match="golden: answers differently"):
        open_classifier(bundle, "fp32.onnx", "opencv")
    best = bundle.manifest.ranking[0].backend
    with pytest.raises(IntegrityError, match="golden: answers differently"):
        open_classifier(renamed(best, IntegrityError("golden: answers differently"), monkeypatch))


def test_opencv_says_what_it_does_not_take() -> None:
    row = BUNDLE.manifest.artifact("fp32.onnx")
    with pytest.raises(UnavailableError, match=r"fp32\.onnx: OpenCV .* does not run it"):
        open_backend("opencv", b"no graph of any kind", row, "cpu", 1)
    with pytest.raises(UnavailableError, match="OpenCV DNN runs on the CPU here"):
        open_backend("opencv", BUNDLE.content(row), row, "cuda", 1)
    assert row.input is not None
    bytes_in = replace(row, input=replace(row.input, dtype="uint8"))
    with pytest.raises(UnavailableError, match="takes float32 here, found uint8"):
        open_backend("opencv", BUNDLE.content(row), bytes_in, "cpu", 1)


def test_changed_answers_are_refused() -> None:
    """Golden answers of other inputs: the model is whole but does not answer as it did."""
    golden = BUNDLE.golden
    wrong = replace(BUNDLE, golden=Golden(golden.images[::-1], golden.labels, golden.logits))
    with pytest.raises(IntegrityError, match=r"golden: .* answers differently"):
        open_classifier(wrong)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((0, 10), np.float32), r"expected \(1, 11\) logits, found \(0, 10\): .*choose another"),
        (np.zeros((1, 9), np.float32), r"expected \(1, 11\) logits, found \(1, 9\): .*choose another"),
        (np.full((1, 11), np.nan, np.float32), "gave a value that is not finite"),
    ],
)
def test_what_is_no_answer_is_refused(answer: np.ndarray[Any, Any], message: str) -> None:
    """OpenVINO was seen to answer an int16x8 file of a tiny network with no rows at all, on a CPU without AVX-512."""

    class Backend:
        fills_batches, provider, version = False, "none", "1"

        def run(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:  # noqa: ARG002
            return answer

        def close(self) -> None:
            pass

    facts = classifier.Facts("fp32.onnx", "onnxruntime", "1", "none", requested="cpu")
    opened = classifier.Classifier(BUNDLE, BUNDLE.manifest.artifact("fp32.onnx"), Backend(), facts)
    with pytest.raises(IntegrityError, match=message):
        opened.logits(BUNDLE.golden.images[:1])


def test_unknown_artifact_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'int8\.tflite'"):
        open_classifier(BUNDLE, "int8.tflit")


def test_impossible_combination_lists_what_is_usable() -> None:
    with pytest.raises(UnavailableError, match="usable: "):
        open_classifier(BUNDLE, "fp32.onnx", "litert")


@pytest.mark.target("T16")
def test_cuda_without_cuda_names_the_missing_library() -> None:
    try:
        open_classifier(BUNDLE, device="cuda").close()
    except UnavailableError as error:
        assert ".so" in str(error)
        assert "--device cpu" in str(error)


def test_encode_feeds_raw_pixels() -> None:
    glyphs = np.array([[[0, 128], [200, 255]]], np.uint8)

    def spec(dtype: str, layout: str, zero_point: int | None = None) -> TensorSpec:
        scale = None if zero_point is None else 1.0
        return TensorSpec("in", dtype, layout, ("N", 28, 28, 1), scale, zero_point)  # type: ignore[arg-type]

    assert encode(glyphs, spec("uint8", "NHWC", 0)).tolist() == [[[[0], [128]], [[200], [255]]]]
    assert encode(glyphs, spec("int8", "NHWC", -128)).ravel().tolist() == [-128, 0, 72, 127]
    assert encode(glyphs, spec("float32", "NCHW")).shape == (1, 1, 2, 2)
    assert encode(glyphs, spec("float32", "NCHW")).max() == 255


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_classifier_is_shared_by_threads(backend: str) -> None:
    """LiteRT raised, OpenCV answered wrongly in silence; every answer is that of one thread alone."""
    images = BUNDLE.golden.images
    sizes = [1, 2, 3, 7, 16, 64]
    with open_classifier(BUNDLE, backend=backend) as opened, ThreadPoolExecutor(4) as pool:
        alone = {size: opened.logits(images[:size]) for size in sizes}
        answers = list(pool.map(lambda size: (size, opened.logits(images[:size])), sizes * 40))
    for size, logits in answers:  # all at the end: no call may have changed the answer of another
        assert (logits == alone[size]).all()


@pytest.mark.parametrize(("artifact", "backend"), PAIRS)
def test_an_answer_is_the_callers_own(artifact: str, backend: str) -> None:
    """Runtimes write into memory of their own, which the next call of as many images writes over. LiteRT refuses to run while
    somebody holds a view of its."""
    images = BUNDLE.golden.images
    sizes = [1, 1, 2, 1, 64, 3, 1, 65, 64, 2]
    with open_classifier(BUNDLE, artifact, backend) as opened:
        for size in sizes:  # the first call of a size may be made in another way
            opened.logits(images[:size])
        held = [opened.logits(images[i : i + size]) for i, size in enumerate(sizes)]
        seen = [logits.copy() for logits in held]
        for first, second in combinations(held, 2):
            assert not np.shares_memory(first, second)
        for i, size in enumerate(sizes):
            held[i][:] = np.nan
            assert np.array_equal(opened.logits(images[i : i + size]), seen[i])


def test_classifiers_are_opened_in_several_threads(capfd: pytest.CaptureFixture[str]) -> None:
    """Opening turns the process's stdout aside for a moment: afterwards it is what it was."""

    def answers(backend: str) -> int:
        with open_classifier(BUNDLE, backend=backend) as opened:
            return len(opened.logits(BUNDLE.golden.images[:5]))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(answers, [*BACKENDS] * 4)) == {5}
    print("after", flush=True)
    assert capfd.readouterr() == ("after\n", "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_closed_classifier_says_so(backend: str) -> None:
    opened = open_classifier(BUNDLE, backend=backend)
    opened.close()
    opened.close()
    with pytest.raises(UsageError, match="this classifier was closed"):
        opened.logits(BUNDLE.golden.images[:1])


def test_closing_beside_a_call_refuses_the_one_that_waits() -> None:
    """Let past the first look at whether it is closed, and into a runtime that is gone."""
    opened = open_classifier(BUNDLE)
    with opened._turn, ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(opened.logits, BUNDLE.golden.images[:1])
        opened._closed = True  # as `close` does in its turn
        opened._turn.release()
        with pytest.raises(UsageError, match="this classifier was closed"):
            waiting.result()
        opened._turn.acquire()
    opened.close()


ODD: dict[str, Any] = {
    "none": None,
    "a list": [[1, 2], [3, 4]],
    "a number": np.float32(1),
    "no axis": np.uint8(3),
    "float": np.zeros((2, 28, 28), np.float32),
    "int64": np.zeros((2, 28, 28), int),
    "bool": np.zeros((2, 28, 28), bool),
    "objects": np.full((2, 28, 28), None),
    "text": np.full((2, 28, 28), "1"),
    "one image": np.zeros((28, 28), np.uint8),
    "colour": np.zeros((2, 28, 28, 3), np.uint8),
    "other size": np.zeros((2, 32, 32), np.uint8),
    "no height": np.zeros((2, 0, 28), np.uint8),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_glyphs_is_one_kind_of_error(kind: str) -> None:
    with (
        open_classifier(BUNDLE) as opened,
        pytest.raises(UsageError, match=r"images: expected a numpy array of uint8 \(N, 28, 28\), found "),
    ):
        opened.logits(ODD[kind])


def test_answers_do_not_depend_on_how_glyphs_lie_in_memory() -> None:
    images = BUNDLE.golden.images[:6]
    with open_classifier(BUNDLE) as opened:
        expected = opened.logits(images)
        locked = images.copy()
        locked.flags.writeable = False
        for view in (np.asfortranarray(images), np.repeat(images, 2, axis=0)[::2], locked):
            assert (opened.logits(view) == expected).all()


class Failing:
    """A backend whose runs fail when `fails` says so, as a GPU's do that is out of memory or gone."""

    def __init__(self, fails: Iterator[bool], provider: str) -> None:
        self._real = open_backend("onnxruntime", BUNDLE.content(FLOAT), FLOAT, "cpu", 1)
        self._fails = fails
        self.provider, self.version, self.fills_batches = provider, self._real.version, False

    def run(self, images: Any) -> Any:
        if next(self._fails):
            raise RuntimeError("CUDA failure 2: out of memory\nand more")
        return self._real.run(images)

    def close(self) -> None:
        self._real.close()


FLOAT = BUNDLE.manifest.artifact("fp32.onnx")


def on_a_gpu(*fails: bool, strict: bool = False) -> tuple[Classifier, list[str]]:
    """A classifier on an imagined GPU whose runs fail as told, one after the other; and the devices that were opened later."""
    left, opened = chain(fails, repeat(False)), list[str]()

    def open_on(device: str) -> Failing:
        opened.append(device)
        return Failing(left, "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider")

    first = Failing(left, "CUDAExecutionProvider")
    facts = Facts("fp32.onnx", "onnxruntime", first.provider, first.version, "cuda")
    return Classifier(BUNDLE, FLOAT, first, facts, Recovery(open_on, "cuda", strict=strict)), opened


@pytest.mark.target("T16")
def test_a_gpu_that_fails_once_is_opened_again_and_answers() -> None:
    images = BUNDLE.golden.images[:3]
    with on_a_gpu()[0] as healthy:
        expected = healthy.logits(images)
    failing, opened = on_a_gpu(False, True)
    failing.logits(images[:1])
    assert np.array_equal(failing.logits(images), expected)
    assert (opened, failing.facts.degraded, failing.facts.provider) == (["cuda"], "", "CUDAExecutionProvider")


@pytest.mark.target("T16")
def test_a_gpu_that_fails_again_hands_over_to_the_cpu_which_is_told() -> None:
    failing, opened = on_a_gpu(True, True)
    failing.logits(BUNDLE.golden.images[:1])
    assert opened == ["cuda", "cpu"]
    assert failing.facts.provider == "CPUExecutionProvider"
    assert "device cuda: CUDA failure 2: out of memory" in failing.facts.degraded
    assert "\n" not in failing.facts.degraded
    failing.replay_golden()
    assert opened == ["cuda", "cpu"], "for good"


@pytest.mark.target("T16")
def test_where_only_the_device_will_do_its_failure_is_an_error() -> None:
    failing, _ = on_a_gpu(True, True, strict=True)
    with pytest.raises(UnavailableError, match=r"device cuda: CUDA failure 2: out of memory.*--strict-device"):
        failing.logits(BUNDLE.golden.images[:1])


@pytest.mark.target("T16")
@pytest.mark.parametrize("strict", [False, True])
def test_a_gpu_that_opens_and_does_not_run_is_unavailable_at_the_start(
    monkeypatch: pytest.MonkeyPatch, *, strict: bool
) -> None:
    """Asked for, nothing else takes its turn unasked."""
    monkeypatch.setattr(classifier, "open_backend", lambda *_words: Failing(repeat(True), "CUDAExecutionProvider"))
    with pytest.raises(UnavailableError, match=r"device cuda: CUDA failure 2: out of memory$"):
        open_classifier(BUNDLE, "fp32.onnx", "onnxruntime", "cuda", strict=strict)


def test_litert_says_so_where_xnnpack_has_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    with open_classifier(BUNDLE, "fp32.tflite") as opened:
        assert opened.facts.provider == "XNNPACK"
    monkeypatch.setattr(interpreter.Interpreter, "_get_ops_details", lambda _self: [{"op_name": "CONV_2D"}])
    with open_classifier(BUNDLE, "fp32.tflite") as opened:
        assert opened.facts.provider == "LiteRT's own kernels"


def test_on_the_cpu_an_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_classifier(BUNDLE, "fp32.onnx", "onnxruntime") as opened:
        monkeypatch.setattr(opened._backend, "run", lambda _images: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            opened.logits(BUNDLE.golden.images[:1])


def sizes_of_calls(opened: Classifier, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call from now on brings, as they come."""
    sizes: list[int] = []
    run = opened._backend.run
    monkeypatch.setattr(opened._backend, "run", lambda images: sizes.append(len(images)) or run(images))  # type: ignore[func-returns-value]
    return sizes


@pytest.mark.parametrize(("most", "met"), [(MAX_BATCH, [1, 2, 4, 8, 16, 32, 64]), (1, [1]), (3, [1, 2, 4])])
def test_a_warm_up_meets_every_batch_size(most: int, met: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with open_classifier(BUNDLE) as opened:
        sizes = sizes_of_calls(opened, monkeypatch)
        opened.warm_up(most)
        assert sizes == met


@pytest.mark.parametrize(
    ("shape", "most"), [((28, 28), 64), ((32, 32, 3), 64), ((224, 224, 3), 16), ((1024, 1024, 3), 1)]
)
def test_of_large_images_fewer_go_into_a_call(shape: tuple[int, ...], most: int) -> None:
    assert largest_batch(shape) == most


def test_fewer_in_a_call_answer_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = BUNDLE.golden.images[:11]
    with open_classifier(BUNDLE) as opened:
        together = opened.logits(images)
    monkeypatch.setattr("edgeproof.classifier.MAX_BATCH_VALUES", 5 * 28 * 28)
    with open_classifier(BUNDLE) as opened:
        sizes = sizes_of_calls(opened, monkeypatch)
        np.testing.assert_allclose(opened.logits(images), together, atol=1e-3)
        assert sizes == [4, 4, 2, 1]
        opened.warm_up()
        assert sizes[4:] == [1, 2, 4]
