"""What is asked of a model file before this process opens it, and how a bad answer is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edgeproof.backends import BACKENDS, CPU
from edgeproof.bundle import Bundle, default_bundle
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.manifest import Artifact
from edgeproof.support import files

if TYPE_CHECKING:
    from edgeproof.probed.child import Job

PATIENCE_S = 10  # of CPU time, for opening a model, and for each run beside a second per image
GPU_PATIENCE_S = 300  # by the clock on the wall: TensorRT compiles for every batch size
MEMORY_BYTES = 2**30  # of data memory, beside what the model file takes
COPIES = 8  # of the model file: as it was sent, parsed, laid out anew for the kernels


def require_harmless(
    bundle: Bundle, artifact: Artifact, backend: str, device: str, images: Callable[[], NDArray[Any]]
) -> None:
    """Return when the model file of `artifact` did no harm on `backend` and `device`, now or before on this machine.

    images: gives as many as the largest batch that will be run, a power of two, as the model takes them. The bundle that the
    wheel carries is code like the wheel, and is not tried. Raises IntegrityError for a model that is refused or did harm,
    UnavailableError when it could not be tried, or another moment may have more memory or time.
    """
    runtime = BACKENDS[backend]
    if bundle.path == default_bundle().resolve() or not runtime.installed or device not in runtime.devices:
        return  # what is not there says so when it is opened
    from edgeproof.probed import verdicts  # the bundle of the wheel, which most start with, needs none of this

    content = bundle.content(artifact)
    subject = verdicts.subject_of(files.sha256(content), backend, device)
    outcome = verdicts.read(subject)
    if outcome is None:
        from edgeproof.probed.process import outcome_of  # seldom needed, and subprocess takes its time to load

        outcome = outcome_of(*_job(artifact, backend, device, content, images()))
        verdicts.keep(subject, outcome)
    file = bundle.path / str(artifact.file)
    if outcome.kind == "untried":
        raise UnavailableError(outcome.reason)
    if outcome.kind == "refused":
        raise IntegrityError(f"{file}: {outcome.reason}")
    if outcome.kind == "harmful":
        when = f" on {outcome.seen}" if outcome.seen else ""
        again = f", or delete {verdicts.path_of(subject)} to have it tried again" if outcome.seen else ""
        error = IntegrityError if outcome.lasting else UnavailableError  # another moment may have more memory, or time
        raise error(
            f"{file}: expected a model that {runtime.title} can run, found one that {outcome.reason} (tried{when} in a process "
            f"of its own): it is damaged, made to do harm, or not for this runtime; copy it anew from whom you trust{again}"
        )


def _job(
    artifact: Artifact, backend: str, device: str, content: bytes, images: NDArray[Any]
) -> tuple[Job, bytes, NDArray[Any]]:
    """What a child is asked to do. A GPU's drivers map more than they use and compile for minutes: there only time is limited."""
    from edgeproof.probed.child import Job

    sizes = tuple(1 << bit for bit in range(len(images).bit_length()))  # those of `edgeproof.classifier.batch_sizes`
    on_cpu = device == CPU
    job = Job(
        artifact, backend, device, sizes, str(images.dtype), images.shape, len(content),
        PATIENCE_S if on_cpu else GPU_PATIENCE_S,
        MEMORY_BYTES + COPIES * len(content) if on_cpu else 0,
    )  # fmt: skip
    return job, content, images
