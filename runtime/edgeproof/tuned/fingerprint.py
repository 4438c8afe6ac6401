"""Where a measurement holds: on the same CPU, with the same runtimes, for the same bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from edgeproof import user_cache
from edgeproof.backends import BACKENDS
from edgeproof.bundle import Bundle
from edgeproof.manifest import Sha256
from edgeproof.manifest_file import MANIFEST
from edgeproof.support import files, machine


@dataclass(frozen=True)
class Fingerprint:
    """All on which it hangs what is fastest. A ranking is used where each of these is the same.

    manifest_sha256: of the bundle's manifest, which states the sha256 of every other file.
    cpu, architecture, isa, usable_cpus, physical_cores: as in `edgeproof.support.machine.Processor`.
    versions: of edgeproof and of each runtime's package that is installed, by the package's name.
    """

    manifest_sha256: Sha256
    cpu: str
    architecture: str
    isa: tuple[str, ...]
    usable_cpus: int
    physical_cores: int
    versions: dict[str, str]

    @property
    def name(self) -> str:
        """64 hexadecimal digits, which differ when anything does."""
        return user_cache.name_of(self)

    def differences(self, other: Fingerprint) -> str:
        """What is not the same in `other`, in words; empty where all is."""
        parts = []
        for field, mine in asdict(self).items():
            theirs = getattr(other, field)
            if field == "versions":
                names = sorted(mine.keys() | theirs.keys())
                parts += [
                    f"{name} {mine.get(name, 'absent')}, now {theirs.get(name, 'absent')}"
                    for name in names
                    if mine.get(name) != theirs.get(name)
                ]
            elif field == "isa":
                only = [*(f"no {flag} now" for flag in mine if flag not in theirs)]
                parts += only + [f"{flag} now" for flag in theirs if flag not in mine]
            elif mine != theirs:
                parts.append(f"{field} {mine}, now {theirs}")
        return "; ".join(parts)


def fingerprint_of(bundle: Bundle) -> Fingerprint:
    """Of this machine and `bundle`. Raises OSError when the manifest cannot be read any more."""
    processor = machine.processor()
    return Fingerprint(
        manifest_sha256=files.sha256(bundle.path / MANIFEST),
        cpu=processor.cpu,
        architecture=processor.architecture,
        isa=processor.isa,
        usable_cpus=processor.usable_cpus,
        physical_cores=processor.physical_cores,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    packages = (package for runtime in BACKENDS.values() for package in runtime.packages)
    return machine.versions_of(("edgeproof", *packages))
