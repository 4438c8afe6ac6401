"""One start of one artifact in a process of its own: how long until the first answer, and how much memory it took.

    python -m edgeproof.bench.cold_start BUNDLE SHA256 ARTIFACT BACKEND DEVICE STARTED_NS

A child process, so that the probe neither disturbs a latency measurement nor finds modules already imported. It runs this
module, prints one JSON line with the fields of `ColdStart`, and ends. SHA256 is that of the bundle's manifest, which the
parent found to be trusted. STARTED_NS is the parent's time.monotonic_ns() just before it started the child: on Linux that
clock is one for all processes.
"""

from __future__ import annotations

import time

_BORN_NS = time.monotonic_ns()  # before anything heavy is imported

import dataclasses  # noqa: E402
import importlib  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

LIMIT_S = 120.0  # of one child
_CALLS, _CALLS_S = 50, 1.0  # at the largest batch, for the peak memory, and after how many seconds no more


@dataclasses.dataclass(frozen=True)
class ColdStart:
    """Milliseconds from starting Python to the first answer, files already in the page cache; memory in MiB.

    python_ms: until the interpreter runs our first line. import_ms: numpy, edgeproof, the runtime's package.
    load_ms: bundle checked by sha256, artifact opened, golden answers replayed. first_ms: one image.
    total_ms: all of these. peak_mib: largest resident memory of the whole process, after 50 calls with 64 glyphs, or a
    second of such calls; null where the system does not tell.
    """

    python_ms: float
    import_ms: float
    load_ms: float
    first_ms: float
    total_ms: float
    peak_mib: float | None


def launch(bundle: Path, manifest_sha256: str, artifact: str, backend: str, device: str) -> ColdStart:
    """Start a child with one CPU thread and return what it measured. Raises what `edgeproof.bench.child.ask` does."""
    from edgeproof.bench import child
    from edgeproof.errors import BenchmarkError
    from edgeproof.support import tables

    words = [str(bundle), manifest_sha256, artifact, backend, device, str(time.monotonic_ns())]
    told = child.ask("edgeproof.bench.cold_start", words, f"cold start of {artifact} on {backend}", LIMIT_S)
    return tables.from_table(ColdStart, told, "cold start", BenchmarkError)


def main(words: list[str]) -> None:
    """The child."""
    from edgeproof.bench import child

    child.answer(lambda: dataclasses.asdict(_start(*words)))


def _start(  # noqa: PLR0917 (one name per word)
    bundle_path: str, manifest_sha256: str, artifact: str, backend: str, device: str, started_ns: str
) -> ColdStart:
    from edgeproof.backends import BACKENDS
    from edgeproof.bundle import load_bundle
    from edgeproof.classifier import MAX_BATCH, open_classifier
    from edgeproof.support.machine import peak_memory_mib

    importlib.import_module(BACKENDS[backend].module)  # so that importing and loading can be told apart
    imported = time.monotonic_ns()
    bundle = load_bundle(bundle_path, checked=manifest_sha256)
    # Not probed, which happens once on a machine and has happened: the parent measured it before.
    classifier = open_classifier(bundle, artifact, backend, device, 1, probe=False)  # type: ignore[arg-type]
    loaded = time.monotonic_ns()
    classifier.logits(bundle.golden.images[:1])
    answered = time.monotonic_ns()
    batch = bundle.golden.images[:MAX_BATCH]
    for _ in range(_CALLS):
        classifier.logits(batch)
        if time.monotonic_ns() - answered > 1e9 * _CALLS_S:
            break
    return ColdStart(
        python_ms=(_BORN_NS - int(started_ns)) / 1e6,
        import_ms=(imported - _BORN_NS) / 1e6,
        load_ms=(loaded - imported) / 1e6,
        first_ms=(answered - loaded) / 1e6,
        total_ms=(answered - int(started_ns)) / 1e6,
        peak_mib=peak_memory_mib(),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
