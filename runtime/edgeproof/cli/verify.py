"""The verb `verify`: is this bundle what was proven, and does every artifact still answer so on this device?"""

from __future__ import annotations

import time
from pathlib import Path

from edgeproof.backends import BACKENDS
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.support.terminal import printable
from edgeproof.trust.trusted import Trust


def run(path: Path | None, trust: Trust | None = None) -> int:
    """Print who signed the bundle, and one row per artifact and backend; returns 0. `trust` is as `load_bundle` takes it.

    Raises IntegrityError when a hash or a golden answer differs, UnavailableError when no backend could run anything.
    """
    bundle = load_bundle(path, trust)  # every hash
    manifest = bundle.manifest
    print(
        f"{manifest.name}: {len(manifest.artifacts)} artifacts, every hash as stated; golden inputs: {len(bundle.golden.labels)}"
    )
    print(f"signature: {_signature(bundle)}")
    print(f"{'artifact':<20} {'backend':<14} {'provider':<24} {'ms':>7}  result")
    claimed: set[tuple[str, str]] = {(choice.artifact, choice.backend) for choice in manifest.ranking}
    claimed |= {(proof.artifact, proof.backend) for proof in manifest.proofs}
    broken: list[str] = []
    proven = 0
    for row in manifest.artifacts:
        if row.status != "✅":
            print(f"{row.name:<20} {'-':<14} {'-':<24} {'':>7}  {row.status} {row.reason}")
            continue
        for backend, runtime in BACKENDS.items():
            if not runtime.takes(row):
                continue
            if not runtime.installed:
                print(f"{row.name:<20} {backend:<14} {'-':<24} {'':>7}  - not installed")
                continue
            start = time.perf_counter()
            provider = "-"
            try:
                with open_classifier(bundle, row.name, backend, "cpu") as classifier:
                    provider = classifier.facts.provider
                result = f"✅ all {len(bundle.golden.labels)} golden answers"
                proven += 1
            except IntegrityError as error:
                # Only a proven pair can break a claim; the others are not offered by `auto`.
                result = f"❌ {error}" if (row.name, backend) in claimed else f"❎ never proven there: {error}"
                broken += [f"{row.name} on {backend}"] if (row.name, backend) in claimed else []
            except UnavailableError as error:
                result = f"❎ {error}"
            spent = 1000 * (time.perf_counter() - start)
            print(f"{row.name:<20} {backend:<14} {provider:<24} {spent:>7.0f}  {result}")
    if broken:
        raise IntegrityError(
            f"{bundle.path.name}: {', '.join(broken)}: answers differ from the proven ones: see the table above"
        )
    if not proven:
        raise UnavailableError(
            f"{bundle.path.name}: no installed backend runs any of its artifacts: install edgeproof[cpu] or edgeproof[litert]"
        )
    return 0


def _signature(bundle: Bundle) -> str:
    """Who signed it, as far as that is known."""
    if bundle.signer:
        return printable(f"by {bundle.signer}, which is trusted")
    if bundle.signature:
        return f"by {bundle.signature.key}, as it says: no key is trusted here, so that this was not checked"
    return "none"
