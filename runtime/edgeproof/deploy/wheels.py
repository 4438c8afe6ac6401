"""Which wheels of a folder a host can use, by the tags in their names (PEP 425, 600 and 656)."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import edgeproof
from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.deploy.facts import Python
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.support import files
from edgeproof.trust.trusted import Trust

_NAME = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)
#: The names that came before manylinux_X_Y, and the glibc that each asks for.
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
#: The package that is deployed; the others are what it asks for.
PROGRAM = "edgeproof"
#: What checks signatures; the extra `sign` brings it.
SIGNATURES = "cryptography"


@dataclass(frozen=True)
class Wheel:
    """path: of the file. name: of the package, lower case with hyphens. tags: each of the Pythons, ABIs and platforms that its
    name lists. bytes: of the file; unpacked: of all in it."""

    path: Path
    name: str
    version: str
    tags: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    bytes: int
    unpacked: int


def in_folder(folder: Path, architecture: str) -> list[Wheel]:
    """The wheels of `folder`, or of its folder for `architecture`, in the order of their names.

    Raises UsageError when there are none, or not edgeproof's own; IntegrityError for a file that is none.
    """
    beside = folder / architecture
    folder = beside if beside.is_dir() else folder
    found = [read(path) for path in sorted(folder.glob("*.whl"))]
    if PROGRAM not in {wheel.name for wheel in found}:
        what = "edgeproof's own wheel among them" if found else "wheels"
        raise UsageError(
            f"--wheelhouse {folder}: expected {what}, found none: make them with make wheelhouse ARCH={architecture}"
        )
    return found


def read(path: Path) -> Wheel:
    """Raises IntegrityError for a file that is no wheel."""
    named = _NAME.fullmatch(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{path}: expected a wheel, found {error}: fetch it again") from None
    if not named:
        raise IntegrityError(f"{path}: expected the name of a wheel, with its tags, found another: fetch it again")
    tags = tuple(tuple(named[part].split(".")) for part in ("python", "abi", "platform"))
    name = re.sub(r"[-_.]+", "-", named["name"]).lower()
    return Wheel(path, name, named["version"], tags, path.stat().st_size, unpacked)  # type: ignore[arg-type]


def chosen(wheels: Sequence[Wheel], python: Python, architecture: str, *, signatures: bool = False) -> list[Wheel]:
    """One wheel of each package that is in `wheels`, for that interpreter. signatures: whether they have to be checked there.

    Raises UnavailableError that names the packages of which none fits; UsageError for two versions of one.
    """
    minor = ".".join(map(str, python.version[:2]))
    make = f"make wheelhouse ARCH={architecture} HOST_PYTHON={minor}"
    if signatures:
        make += " EXTRAS=sign"
        if SIGNATURES not in {wheel.name for wheel in wheels}:
            raise UnavailableError(f"--trust: expected a wheel of {SIGNATURES} in the wheelhouse, found none: {make}")
    found: list[Wheel] = []
    lacking: list[str] = []
    for name in sorted({wheel.name for wheel in wheels}):
        fitting = [wheel for wheel in wheels if wheel.name == name and fits(wheel, python, architecture)]
        versions = sorted({wheel.version for wheel in fitting})
        if len(versions) > 1:
            raise UsageError(f"--wheelhouse: expected one version of {name}, found {', '.join(versions)}: make it anew")
        found += fitting[:1]
        lacking += [] if fitting else [f"{name} ({', '.join(_platforms(wheels, name))})"]
    if lacking:
        libc = f"{python.libc} {'.'.join(map(str, python.libc_version))}".strip()
        raise UnavailableError(
            f"expected wheels for Python {minor} on {architecture}, {libc}, found other ones of {', '.join(lacking)}: "
            f"{make}"
        )
    return found


def fits(wheel: Wheel, python: Python, architecture: str) -> bool:
    """Whether that interpreter can import what the wheel brings."""
    pythons, abis, platforms = wheel.tags
    return any(_fits_python(tag, abis, python.version) for tag in pythons) and any(
        _fits_platform(tag, python, architecture) for tag in platforms
    )


def check_bundle(program: Wheel, trust: Trust) -> None:
    """Whether the bundle in edgeproof's own wheel is whole and signed by a key of `trust`. Raises IntegrityError."""
    inside = default_bundle().relative_to(Path(edgeproof.__file__).parents[1]).as_posix()
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(program.path) as archive:
        archive.extractall(temporary, [name for name in archive.namelist() if name.startswith(f"{inside}/")])
        try:
            load_bundle(Path(temporary, inside), trust)
        except IntegrityError as error:
            raise IntegrityError(str(error).replace(temporary, str(program.path))) from None


def digest(wheels: Sequence[Wheel]) -> Iterator[tuple[Wheel, str]]:
    """Each wheel with the sha256 of its file."""
    return ((wheel, files.sha256(wheel.path)) for wheel in wheels)


def _fits_python(tag: str, abis: Sequence[str], version: tuple[int, int, int]) -> bool:
    own = f"cp{version[0]}{version[1]}"
    if tag in ("py3", f"py{version[0]}{version[1]}"):
        return "none" in abis
    if tag == own:
        return bool({"none", "abi3", own} & set(abis))
    older = re.fullmatch(r"cp3(\d+)", tag)
    return "abi3" in abis and older is not None and int(older[1]) <= version[1]


def _fits_platform(tag: str, python: Python, architecture: str) -> bool:
    if tag in ("any", f"linux_{architecture}"):
        return True
    named = re.fullmatch(r"(?P<kind>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>\w+)", tag)
    if named:
        wanted, machine = (int(named["major"]), int(named["minor"])), named["machine"]
        libc = "glibc" if named["kind"] == "manylinux" else "musl"
    else:
        legacy, _, machine = tag.partition("_")
        wanted, libc = _LEGACY.get(legacy, (99, 0)), "glibc"
    return machine == architecture and python.libc == libc and python.libc_version >= wanted


def _platforms(wheels: Sequence[Wheel], name: str) -> list[str]:
    """Of the wheels of a package, the tags that say most."""
    return sorted({f"{wheel.tags[0][0]}-{wheel.tags[2][0]}" for wheel in wheels if wheel.name == name})
