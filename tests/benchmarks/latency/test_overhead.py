"""What is added to a runtime's own call: the three calls do the same work, and the verdict is one about numbers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.bare import BARE
from benchmarks.latency import overhead
from edgeproof import scores
from edgeproof.backends import BACKENDS
from edgeproof.bench.timing import ROUNDS
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier

BUNDLE = load_bundle()
PAIRS = [(row.name, name) for row in BUNDLE.manifest.usable for name in BARE if BACKENDS[name].takes(row)]


@pytest.mark.parametrize(("artifact", "backend"), PAIRS)
def test_the_three_calls_answer_alike(artifact: str, backend: str) -> None:
    images = [image[np.newaxis] for image in BUNDLE.golden.images[:5]]
    with open_classifier(BUNDLE, artifact, backend) as classifier:
        row = classifier.artifact
        bare, answer = BARE[backend](BUNDLE.content(row)), overhead.answer(classifier)
        assert row.output is not None
        for image, tensor in zip(images, overhead.tensors(images, row), strict=True):
            logits = classifier.logits(image)
            assert np.array_equal(scores.dequantize(bare(tensor), row.output.scale, row.output.zero_point), logits)
            labels, best = answer(image)
            assert (labels.shape, best.shape) == ((1,), (1,))
            assert labels[0] in range(scores.REJECTED, len(BUNDLE.manifest.classes))
            assert 0 < best[0] <= 1


@pytest.mark.parametrize(
    ("bare_us", "added_us", "expected"),
    [(20, 4.9, True), (20, 5.1, False), (80, 7.9, True), (80, 8.1, False), (50, 5.0, True), (20, -3.0, True)],
)
def test_the_bound_is_the_larger_of_two(bare_us: float, added_us: float, *, expected: bool) -> None:
    assert overhead.within(added_us, bare_us) is expected


SLOWER = [1.0] * (ROUNDS // 2) + [1.5] * (ROUNDS - ROUNDS // 2)


def rounds(*us: float) -> list[list[int]]:
    """Of these µs by turns, each with a slow call that a median leaves out; the machine slows down by half."""
    return [[round(1000 * us[i % len(us)] * slow)] * 9 + [10**9] for i, slow in enumerate(SLOWER)]


def test_calls_beyond_the_bound_are_marked_and_logits_alone_are_judged() -> None:
    lines, kept = overhead.compared({"bare": rounds(20), "logits": rounds(23), "answer": rounds(29)})
    assert kept
    assert [line.split()[0] for line in lines] == ["bare", "logits", "answer"]
    assert ["beyond" in line for line in lines] == [False, False, True]
    assert "1.45 (1.45–1.45)" in lines[2]
    assert not overhead.compared({"bare": rounds(20), "logits": rounds(29), "answer": rounds(29)})[1]


def test_what_may_be_within_the_bound_is_not_called_beyond() -> None:
    """Every other round adds 2 µs, the others 20: the interval reaches from one to the other."""
    lines, kept = overhead.compared({"bare": rounds(20), "logits": rounds(22, 40)})
    assert kept
    assert "(1.10–2.00)" in lines[1]


def test_beyond_the_bound_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(overhead, "compared", lambda _: ([], False))
    monkeypatch.setattr(overhead, "measure_in_turns", lambda *_: None)
    assert benchmarks.main(["overhead"]) == 3
    (told,) = capsys.readouterr().err.splitlines()
    assert all(f"{artifact} on {backend}" in told for artifact, backend in PAIRS)


def test_each_call_of_each_pair_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["overhead", "--seconds", "0.01"]) in (0, 3)
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    for artifact, backend in PAIRS:
        assert all([artifact, backend, call] in rows for call in ("bare", "logits", "answer"))
