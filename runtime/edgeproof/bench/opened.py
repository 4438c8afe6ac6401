"""Opening what is to be measured: all that works here, and why the rest does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgeproof.backends import CPU
from edgeproof.bundle import Bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.errors import IntegrityError, UnavailableError

Wanted = tuple[str, str, int]  # artifact, backend, threads


def open_all(
    bundle: Bundle, wanted: Iterable[Wanted], skipped: list[str], device: str = CPU
) -> Iterator[tuple[Wanted, Classifier]]:
    """Each of `wanted` that works here, for the caller to close; why others do not goes to `skipped`, each reason once.

    Raises IntegrityError as `open_one` does, UnavailableError in the end when nothing worked.
    """
    found = False
    for one in wanted:
        try:
            classifier = open_one(bundle, one, device)
        except UnavailableError as error:
            if str(error) not in skipped:
                skipped.append(str(error))
            continue
        found = True
        yield one, classifier
    if not found:
        nothing = f"bundle {bundle.manifest.name}: expected an artifact that is ranked and fits the flags, found none"
        raise UnavailableError("; ".join(skipped) or nothing)


def open_one(bundle: Bundle, wanted: Wanted, device: str = CPU) -> Classifier:
    """Raises IntegrityError when it answers differently from when it was proven; UnavailableError when it does not work here, or
    answers differently and the bundle does not rank it on that backend: then no claim is broken.

    Where a device fails later the CPU takes over: whoever measures asks for `facts.degraded` afterwards.
    """
    artifact, backend, threads = wanted
    try:
        return open_classifier(bundle, artifact, backend, device, threads)
    except IntegrityError as error:
        if (artifact, backend) in {(choice.artifact, choice.backend) for choice in bundle.manifest.ranking}:
            raise
        raise UnavailableError(f"{artifact} on {backend}: {error}") from None
