"""The bill of materials (CycloneDX): the package, what it needs, what it may use, and the models that it carries."""

from __future__ import annotations

import datetime
import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from supply.locks import pinned

#: The lock file of each extra. What `dependencies` of pyproject.toml names is needed, the rest of these is optional.
LOCKS = {
    "litert": "runtime.txt", "cpu": "ort-cpu.txt", "gpu": "ort-gpu.txt", "desktop": "opencv-desktop.txt",
    "headless": "opencv-headless.txt", "web": "web.txt", "mqtt": "mqtt.txt", "sign": "sign.txt",
}  # fmt: skip
EXTRA = "edgeproof:extra"  # the property that names an extra by which an optional component comes


@dataclass(frozen=True)
class Needed:
    """required: names that the package cannot do without. asked: those that it names itself, extras' too; the others come
    with these."""

    required: frozenset[str]
    asked: frozenset[str]


def bill(project: Path, wheel: Path, made: datetime.datetime) -> str:
    """The bill as JSON. project: of pyproject.toml and requirements/. wheel: unpacked. made: what it says as its time.

    The same for the same files. Raises ValueError where the lock files do not say what pyproject.toml asks for.
    """
    table: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    record = next(wheel.glob("*.dist-info/RECORD")).read_bytes()
    package = _package(table)
    needed = _needed(table)
    packages = _packages(project / "requirements", needed)
    models = list(_models(wheel))
    bom = Bom(components=[*packages, *models], serial_number=uuid5(NAMESPACE_URL, hashlib.sha256(record).hexdigest()))
    bom.metadata.timestamp = made
    bom.metadata.component = package
    bom.register_dependency(package, [*(found for found in packages if found.name in needed.asked), *models])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _package(table: dict[str, Any]) -> Component:
    name, version = table["name"], table["version"]
    url = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name, version=version, type=ComponentType.APPLICATION, description=table["description"], purl=url,
        bom_ref=str(url), licenses=[DisjunctiveLicense(id=table["license"])],
    )  # fmt: skip


def _needed(table: dict[str, Any]) -> Needed:
    extras = table["optional-dependencies"]
    if extras.keys() != LOCKS.keys():
        raise ValueError(f"expected a lock file of each extra ({', '.join(extras)}), found {', '.join(LOCKS)}")
    required = _names(table["dependencies"])
    return Needed(required, required | _names(line for lines in extras.values() for line in lines))


def _names(requirements: Iterable[str]) -> frozenset[str]:
    return frozenset(Requirement(line).name.lower() for line in requirements)


def _packages(folder: Path, needed: Needed) -> list[Component]:
    """One component per version of a package: extras share some."""
    extras: dict[Any, list[str]] = {}
    for extra, lock in LOCKS.items():
        for found in pinned(folder / lock):
            extras.setdefault(found, []).append(extra)
    if missing := needed.asked - {found.name for found in extras}:
        raise ValueError(f"expected {', '.join(sorted(missing))} in the lock files, found none: make lock")
    return [
        _locked(found.name, found.version, found.sha256, () if found.name in needed.required else names)
        for found, names in extras.items()
    ]


def _locked(name: str, version: str, sha256: Iterable[str], extras: Iterable[str]) -> Component:
    """extras: by which it comes; none for what is required."""
    url = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=str(url),
        scope=ComponentScope.OPTIONAL if extras else ComponentScope.REQUIRED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in sha256],
        properties=[Property(name=EXTRA, value=extra) for extra in extras],
    )  # fmt: skip


def _models(wheel: Path) -> Iterable[Component]:
    """The files of each bundle that the wheel carries: what its manifest calls an artifact is a model, the others are data."""
    for manifest in sorted(wheel.glob("edgeproof/bundles/*/manifest.json")):
        artifacts = {row["file"] for row in json.loads(manifest.read_bytes())["artifacts"]}
        for file in sorted(manifest.parent.iterdir()):
            place = file.relative_to(wheel).as_posix()
            yield Component(
                name=place, bom_ref=place, scope=ComponentScope.REQUIRED,
                type=ComponentType.MACHINE_LEARNING_MODEL if file.name in artifacts else ComponentType.DATA,
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(file.read_bytes()).hexdigest())],
            )  # fmt: skip
