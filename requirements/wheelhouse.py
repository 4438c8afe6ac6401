"""Fetch the wheels of a device into a folder, for `edgeproof deploy`: those of the locks, by their hashes, and edgeproof's own.

    python requirements/wheelhouse.py ARCH FOLDER [--python 3.11] [--extras web,mqtt,sign] [--wheel dist/edgeproof-*.whl]

Nothing is built: of a package without a wheel for that architecture it is said so, and the exit code is 4.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

LOCKS = ("runtime", "ort-cpu", "opencv-headless")
EXTRAS = ("web", "mqtt", "sign")  # each has a lock of its name
NEWEST_GLIBC = 36  # 2.36: of Debian 12, the oldest Debian with Python 3.11
UNREACHED = "Retrying ("  # what pip says where no index answers
ARCHITECTURES = ("aarch64", "x86_64", "armv7l")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture", choices=ARCHITECTURES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.11", help="of the device, as 3.11")
    parser.add_argument("--extras", default="", help="of edgeproof, with commas: web,mqtt,sign")
    parser.add_argument("--wheel", type=Path, required=True, help="edgeproof's own, as make wheel leaves it")
    args = parser.parse_args()
    if not re.fullmatch(r"3\.\d+", args.python):
        parser.error(f"--python: expected two numbers, as 3.11, found {args.python!r}")
    extras = args.extras.split(",") if args.extras else []
    if unknown := set(extras) - set(EXTRAS):
        parser.error(f"--extras: expected {' or '.join(EXTRAS)}, found {', '.join(sorted(unknown))}")
    wanted = {name: block for lock in (*LOCKS, *extras) for name, block in _locked(lock).items()}
    options = _options(args.architecture, args.python)
    with tempfile.TemporaryDirectory(dir=_parent(args.folder), prefix=".wheelhouse-") as temporary:
        fetched = Path(temporary)
        if failed := _fetch(wanted.values(), fetched, options):
            lacking = (
                [] if UNREACHED in failed else [n for n, block in wanted.items() if _fetch([block], fetched, options)]
            )
            said = f"no wheels for Python {args.python} on {args.architecture}: {', '.join(lacking)}"
            # Where there is not one, the reason is another.
            print(said if 0 < len(lacking) < len(wanted) else failed, file=sys.stderr)
            return 4
        (fetched / args.wheel.name).write_bytes(args.wheel.read_bytes())
        if failed := _incomplete(fetched, extras, options):
            print(f"expected all that edgeproof asks for, found: {failed}", file=sys.stderr)
            return 6
        args.folder.mkdir(exist_ok=True)
        for old in args.folder.glob("*.whl"):
            old.unlink()
        for new in fetched.glob("*.whl"):
            new.rename(args.folder / new.name)
    found = [path.stat().st_size for path in args.folder.glob("*.whl")]
    print(f"{args.folder}: {len(found)} wheels, {sum(found) / 1e6:.0f} MB, Python {args.python} on {args.architecture}")
    return 0


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent


def _locked(name: str) -> dict[str, str]:
    """Each package of a lock with its lines: version and hashes."""
    text = (Path(__file__).parent / f"{name}.txt").read_text()
    blocks = re.findall(r"^[^\s#].*(?:\n\s+.*)*", text, re.MULTILINE)
    return {re.split(r"[=\[ ;]", block, maxsplit=1)[0]: block for block in blocks}


def _options(architecture: str, python: str) -> list[str]:
    """pip takes no range of platforms: each is named."""
    platforms = [f"{name}_{architecture}" for name in ("manylinux1", "manylinux2010", "manylinux2014", "linux")]
    platforms += [f"manylinux_2_{minor}_{architecture}" for minor in range(17, NEWEST_GLIBC + 1)]
    abis = (f"cp{python.replace('.', '')}", "abi3", "none")
    named = [word for platform in platforms for word in ("--platform", platform)]
    return [
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *named),
        *(word for abi in abis for word in ("--abi", abi)),
    ]


def _fetch(blocks: Iterable[str], folder: Path, options: list[str]) -> str:
    """Empty when all came, else what pip said."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(blocks))
        listed.flush()
        return _pip("download", "--no-deps", "--require-hashes", "--dest", str(folder), "-r", listed.name, *options)


def _incomplete(folder: Path, extras: list[str], options: list[str]) -> str:
    """Empty when the folder alone is enough to install edgeproof there, else what pip said."""
    what = f"edgeproof[{','.join(['cpu', 'litert', 'headless', *extras])}]"
    with tempfile.TemporaryDirectory() as target:
        words = ("install", "--dry-run", "--no-index", "--find-links", str(folder), "--target", target)
        return _pip(*words, *options, what)


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    unreached = [line for line in lines if UNREACHED in line]  # of which its errors say nothing
    return (unreached or errors or lines or ["pip failed"])[-1] if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
