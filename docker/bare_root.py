"""A root with nothing in it but an environment and what that needs of the machine: its Python, and the shared libraries of both.

    python3 docker/bare_root.py ENVIRONMENT TARGET

No shell, no package manager, no compiler. ldd says which libraries are needed; of the standard library all but its tests and its
tools for people is.
"""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Of the standard library: tests, windows, an editor, installers.
UNUSED = (
    "__pycache__", "test", "tests", "tkinter", "idlelib", "turtledemo", "lib2to3", "ensurepip", "site-packages", "config-*", "*.a"
)  # fmt: skip
#: Of the packages: tests, and LiteRT's compilers and drivers of accelerators that a container does not see.
UNUSED_THERE = ("__pycache__", "tests", "vendors", "libLiteRtWebGpuAccelerator.so", "apply_plugin_main")
#: Names of users, the libraries' index, and whom TLS trusts; where they are.
SETTINGS = ("etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ld.so.cache")
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")


def main(environment: Path, target: Path) -> None:
    """Raises FileNotFoundError where the environment has no Python, and where there is no ldd."""
    python = (environment / "bin" / "python").resolve(strict=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = python.parent.parent / "lib" / version
    for name in ("bin", "lib", "lib64", "sbin"):  # where /usr holds all, the links that say so
        if (link := Path("/", name)).is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to(link.readlink())
    copy = target / environment.relative_to("/")
    shutil.copytree(environment, copy, symlinks=True, ignore=shutil.ignore_patterns(*UNUSED_THERE))
    # python, python3: by way of links that are not copied.
    for link in filter(Path.is_symlink, (copy / "bin").iterdir()):
        link.unlink()
        link.symlink_to(python)
    shutil.copytree(library, inside(target, library), ignore=shutil.ignore_patterns(*UNUSED))
    (inside(target, library) / "site-packages").mkdir()  # where Python looks for its environment's
    settings = [Path("/", name) for name in SETTINGS]
    programs = [python, *shared_objects(inside(target, library)), *shared_objects(copy)]
    libraries = {path for path in needed(programs) if not path.is_relative_to(target)}
    places = {path: path for path in (python, *filter(Path.exists, settings), *libraries)}
    if TRUSTED.exists():
        places[TRUSTED] = Path(ssl.get_default_verify_paths().openssl_cafile)  # where this Python looks for it
    for path, there in places.items():
        place = inside(target, there)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    (target / "tmp").mkdir(exist_ok=True)
    (target / "tmp").chmod(0o1777)


def inside(target: Path, path: Path) -> Path:
    """Where a file of this machine lies in the root, as its own links have it."""
    return target / path.parent.resolve().relative_to("/") / path.name


def shared_objects(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.so*") if path.is_file() and re.search(r"\.so(\.[\d.]+)?$", path.name))


def needed(programs: Iterable[Path]) -> set[Path]:
    """The libraries that programs and libraries name, and those that these name."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    found = {Path(name) for name in re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", said, re.MULTILINE)}
    if not found:
        raise FileNotFoundError("expected ldd to name the libraries of Python, found none")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
