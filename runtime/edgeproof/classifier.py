"""A proven model, ready to answer: choose artifact and backend, open, replay the golden answers, classify.

The choice: explicit flags filter the manifest's ranking, and `auto` takes the first row that works here. What `edgeproof tune`
measured on this machine may put the ranking into another order, and adds nothing to it. Nothing left is an UnavailableError that
says why for each row.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import accumulate
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.backends import BACKENDS, CPU, Backend, open_backend
from edgeproof.bundle import Bundle
from edgeproof.errors import EdgeproofError, IntegrityError, UnavailableError, UsageError, first_line
from edgeproof.input_contract import at_once, laid_out
from edgeproof.manifest import Artifact, TensorSpec
from edgeproof.probed.probe import require_harmless
from edgeproof.support.tables import nearest
from edgeproof.tuned.cache import read_tuned

AUTO = "auto"
ChosenBy = Literal["bundle", "tuned", "flags"]
MAX_BATCH = 64  # images per call; more are sent in several
MAX_BATCH_VALUES = 2**22  # of their pixels: 16 MB as float32, of which the first layers make some ten times as much


@dataclass(frozen=True)
class Facts:
    """What runs, as read from the runtime after loading, beside what was asked for.

    skipped: why each better-ranked choice was passed over, in words. degraded: why it no longer runs where it was asked to;
    empty while it does.
    chosen_by: whose order made it the choice: the bundle's ranking, what was tuned on this machine, or flags that named artifact
        and backend. ignored: why what was tuned here is not used, in words; empty where it is, or nothing was.
    """

    artifact: str
    backend: str
    provider: str
    version: str
    requested: str
    skipped: tuple[str, ...] = ()
    degraded: str = ""
    chosen_by: ChosenBy = "bundle"
    ignored: str = ""


class Classifier:
    """An opened artifact. Use as a context manager, or call `close`.

    It may be shared by threads, which then take turns: no interpreter of LiteRT and no network of OpenCV bears two calls at once.
    """

    def __init__(
        self, bundle: Bundle, artifact: Artifact, backend: Backend, facts: Facts, recovery: Recovery | None = None
    ) -> None:
        """recovery: what to do when the device fails; by default nothing, and the error is the caller's."""
        if artifact.input is None or artifact.output is None:
            raise IntegrityError(f"{bundle.path}: artifact {artifact.name} has no tensor specs: {artifact.reason}")
        self.bundle = bundle
        self.artifact = artifact
        self.facts = facts
        self._backend = backend
        self.recovery = recovery
        self._turn = threading.Lock()
        self._closed = False
        self._input, self._output = artifact.input, artifact.output
        self._classes = len(bundle.manifest.classes)
        self._shape = bundle.manifest.input.shape
        self._most = largest_batch(self._shape)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 (N, classes) for images uint8 (N, *shape), as the bundle's input says; N may be 0. The answers do not depend
        on N.

        Raises UsageError for an array of another kind, and after `close`; IntegrityError when the model gives a value that is
        not finite, or not one row per image.
        """
        check_array(images, "images", ("N", *self._shape))
        expected = (len(images), self._classes)
        if len(images) == 0:
            self._require_open()
            return np.zeros(expected, np.float32)
        with self._turn:
            self._require_open()
            raw = self._raw(images)
        logits = scores.dequantize(raw, self._output.scale, self._output.zero_point)
        if logits.shape != expected:
            raise IntegrityError(
                f"artifact {self.artifact.name} on {self.facts.backend}: expected {expected} logits, found {logits.shape}: "
                "this runtime does not run this file rightly, choose another"
            )
        if raw.dtype.kind == "f" and np.count_nonzero(np.isfinite(logits)) < logits.size:  # `all` takes twice as long
            raise IntegrityError(
                f"artifact {self.artifact.name} on {self.facts.backend} gave a value that is not finite"
            )
        return logits

    def _raw(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """The raw output for N > 0 images, of as many calls as they fill."""
        count = len(images)
        sizes = batch_sizes(count, padded=self._backend.fills_batches, most=self._most)
        if sizes == (count,):
            return self._run(encode(images, self._input))
        missing = sum(sizes) - count
        filled = np.concatenate([images, np.zeros((missing, *self._shape), np.uint8)]) if missing else images
        ends = zip(sizes, accumulate(sizes), strict=True)
        parts = [self._run(encode(filled[end - size : end], self._input)) for size, end in ends]
        return np.concatenate(parts)[:count]

    def _run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The raw output, of the device anew or of the CPU where the device fails."""
        try:
            return self._backend.run(images)
        except Exception as error:  # the exceptions of a runtime share no base class
            if self.recovery is None:
                raise
            self._backend.close()
            self._backend, reason = self.recovery.after(error, images)
            if reason:
                self.facts = replace(self.facts, provider=self._backend.provider, degraded=reason)
            return self._backend.run(images)

    def warm_up(self, most: int = MAX_BATCH) -> None:
        """Run every batch size once, up to what `most` images fill: runtimes allocate, and some compile, anew for each, which no
        frame shall wait for."""
        largest = min(most, self._most)
        for size in (1 << bit for bit in range((largest - 1).bit_length() + 1)):
            self.logits(np.zeros((size, *self._shape), np.uint8))

    def replay_golden(self) -> None:
        """Give the golden inputs and compare with the answers recorded when the artifact was proven.

        Raises IntegrityError on a changed answer, or a probability that is further off than kernels may differ.
        """
        golden = self.bundle.golden
        # At temperature 1, without bias and threshold: what is only written in the manifest must not decide what is seen.
        expected = scores.softmax(golden.logits[self.artifact.name])
        found = scores.softmax(self.logits(golden.images))
        changed = int((expected.argmax(axis=1) != found.argmax(axis=1)).sum())
        difference = float(np.abs(expected - found).max())
        if changed or difference > self.artifact.tolerance:
            raise IntegrityError(
                f"golden: {self.artifact.name} on {self.facts.backend} answers differently from when it was proven: {changed} of "
                f"{len(golden.labels)} answers changed, probabilities differ by {difference:.3g} "
                f"(permitted {self.artifact.tolerance:g}): convert the run again on this kind of machine"
            )

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError("this classifier was closed: open another one")

    def close(self) -> None:
        """Also while other threads use it: the answer in work is given, the next call is refused."""
        with self._turn:
            self._closed = True
            self._backend.close()

    def __enter__(self) -> Classifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Recovery:
    """What is done when a GPU runs out of memory or is lost: it is opened once more, then the CPU takes over for good.

    open_on: opens the same model file on a device. device: the one that was asked for. strict: it, or nothing.
    """

    def __init__(self, open_on: Callable[[str], Backend], device: str, *, strict: bool) -> None:
        self._open_on, self._device, self._strict = open_on, device, strict
        self._tried = False

    def after(self, error: Exception, images: NDArray[Any]) -> tuple[Backend, str]:
        """A backend that gave an answer to `images`, and why it is not on the device any more; empty where it is.

        Raises UnavailableError when only the device would do.
        """
        reason = f"device {self._device}: {first_line(error)}"
        if not self._tried:
            self._tried = True
            try:
                backend = self._open_on(self._device)
                backend.run(images)
                return backend, ""
            except Exception as again:  # whatever the runtime calls it
                reason += f"; opened again: {first_line(again)}"
        if self._strict:
            raise UnavailableError(f"{reason}: leave out --strict-device to go on on the CPU") from None
        return self._open_on(CPU), f"{reason}: on the CPU since then"


def check_array(array: object, what: str, shape: tuple[int | str, ...]) -> None:
    """Raise UsageError unless `array` is a numpy array of uint8 and of `shape`, in which a letter stands for any size."""
    if isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.ndim == len(shape):
        if all(map(_fits, array.shape, shape)):
            return
        found = f"uint8 {array.shape}"
    else:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    raise UsageError(f"{what}: expected a numpy array of uint8 ({', '.join(map(str, shape))}), found {found}")


def _fits(size: int, wanted: int | str) -> bool:
    return size == wanted or isinstance(wanted, str)


def open_classifier(
    bundle: Bundle,
    artifact: str = AUTO,
    backend: str = AUTO,
    device: str = AUTO,
    threads: int | None = None,
    *,
    strict: bool = False,
    tuned: bool = False,
    probe: bool = True,
) -> Classifier:
    """The best artifact of `bundle` that satisfies the flags and works here, with its golden answers replayed.

    threads: None: one, or as many as were tuned. strict: whether a device that fails later is an error, instead of the CPU's
    turn. tuned: whether `auto`, on the CPU, follows what `edgeproof tune` measured on this machine. probe: whether a model file
    that is new to this machine is first tried in a process of its own; false for files that were made, or tried, just before.

    Raises UsageError for an unknown name, UnavailableError when nothing works, IntegrityError when what works answers
    differently from when it was proven, or did harm when it was tried.
    """
    named, place = AUTO not in (artifact, backend), CPU if device == AUTO else device
    entry, ignored = read_tuned(bundle) if tuned and not named and place == CPU else (None, "")
    fastest = entry.threads if entry else {}
    skipped: list[str] = []
    proven = {(choice.artifact, choice.backend) for choice in bundle.manifest.ranking}
    for row, name in _candidates(bundle, artifact, backend, device, fastest):
        pair = (row.name, name)
        chosen_by: ChosenBy = "flags" if named else "tuned" if pair in fastest else "bundle"
        try:
            open_on = partial(_open_on, bundle, row, name, threads or fastest.get(pair, 1), probe=probe)
            opened = open_on(place)
            facts = Facts(
                row.name, name, opened.provider, opened.version, device, tuple(skipped), chosen_by=chosen_by, ignored=ignored
            )  # fmt: skip
            classifier = Classifier(bundle, row, opened, facts)
            with _on_device(place):
                classifier.replay_golden()
            if place != CPU:
                classifier.recovery = Recovery(open_on, place, strict=strict)
        except UnavailableError as error:
            skipped.append(f"{row.name} on {name}: {error}")
            continue
        except IntegrityError as error:
            if named or pair in proven:
                raise
            skipped.append(f"{row.name} on {name}: {error}")  # never proven on this runtime: no claim is broken
            continue
        return classifier
    if skipped:
        raise UnavailableError("; ".join(dict.fromkeys(skipped)))
    raise UnavailableError(
        f"no artifact of {bundle.manifest.name} fits --artifact {artifact} --backend {backend} --device {device}; "
        f"usable: {', '.join(row.name for row in bundle.manifest.usable) or 'none'}"
    )


@contextlib.contextmanager
def _on_device(place: str) -> Iterator[None]:
    """Raises UnavailableError for a device that opens and does not run: at the start nothing takes its turn unasked."""
    try:
        yield
    except EdgeproofError:
        raise
    except Exception as error:  # the exceptions of a runtime share no base class
        if place == CPU:
            raise
        raise UnavailableError(f"device {place}: {first_line(error)}") from None


def _open_on(bundle: Bundle, row: Artifact, backend: str, threads: int, device: str, *, probe: bool) -> Backend:
    content = bundle.content(row)
    if probe and row.input is not None:
        most = largest_batch(bundle.manifest.input.shape)
        require_harmless(bundle, row, backend, device, partial(_filled, bundle.golden.images, most, row.input))
    return open_backend(backend, content, row, device, threads)


def _filled(images: NDArray[np.uint8], count: int, spec: TensorSpec) -> NDArray[Any]:
    """`images` over and over, until there are `count`, as the tensor that an artifact takes."""
    return encode(np.resize(images, (count, *images.shape[1:])), spec)


def largest_batch(shape: tuple[int, ...]) -> int:
    """How many images of `shape` go into one call at most: a power of two, MAX_BATCH or, of large ones, less."""
    return 1 << (at_once(shape, MAX_BATCH, MAX_BATCH_VALUES).bit_length() - 1)


@lru_cache
def batch_sizes(count: int, *, padded: bool, most: int = MAX_BATCH) -> tuple[int, ...]:
    """How many images go into each call for `count` of them: powers of two up to `most`, a few sizes that every runtime
    soon knows, since they allocate, and some compile, anew for each.

    On a CPU a call costs less than an image, so the sizes add up to `count`. With `padded`, for a GPU, the last call is filled up
    instead.
    """
    full, rest = divmod(count, most)
    if padded:
        last = [1 << (rest - 1).bit_length()] if rest else []
    else:
        last = [1 << bit for bit in reversed(range(rest.bit_length())) if rest >> bit & 1]
    return (*[most] * full, *last)


def encode(images: NDArray[np.uint8], spec: TensorSpec) -> NDArray[Any]:
    """Images uint8 (N, H, W) or RGB (N, H, W, 3) as the tensor that an artifact takes: raw pixel values, never divided by a
    scale.

    In integers a pixel becomes itself plus the zero point of `spec`, which convert takes care fits: 0 for uint8, −128 for int8.
    """
    tensor = laid_out(images, spec.layout)
    if spec.zero_point:
        tensor = tensor.astype(np.int16) + np.int16(spec.zero_point)
    return tensor.astype(spec.dtype, copy=False)


def _candidates(
    bundle: Bundle, artifact: str, backend: str, device: str, fastest: Iterable[tuple[str, str]] = ()
) -> list[tuple[Artifact, str]]:
    """(artifact, backend) pairs that the flags permit, best first: `fastest`, which the manifest ranks too, before the others.

    The manifest's ranking was measured on a CPU; what it does not rank (an artifact asked for by name) comes after.
    """
    manifest = bundle.manifest
    known = {row.name: row for row in manifest.artifacts}
    if artifact != AUTO and artifact not in known:
        raise UsageError(f"--artifact {artifact}: not in bundle {manifest.name}{nearest(artifact, known)}")
    if artifact != AUTO and known[artifact].status != "✅":
        raise UnavailableError(f"artifact {artifact} did not pass its proof: {known[artifact].reason}")
    pairs: list[tuple[str, str]] = [*fastest, *((choice.artifact, choice.backend) for choice in manifest.ranking)]
    pairs += [(row.name, name) for row in manifest.usable for name, runtime in BACKENDS.items() if runtime.takes(row)]
    return [
        (known[row], name)
        for row, name in dict.fromkeys(pairs)
        if artifact in (AUTO, row)
        and backend in (AUTO, name)
        and BACKENDS[name].takes(known[row], CPU if device == AUTO else device)
    ]
