"""A model in the older HDF5 form made into a .keras file, without running any of what the file may carry."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from convert.child_environment import child_environment
from convert.h5.child import ERROR, FACTS, MAX_CPU_S, MAX_FILE_BYTES, MODEL
from edgeproof.errors import EdgeproofError, IntegrityError, SourceError, UsageError
from edgeproof.support import files


def import_h5(
    file: Path, target: Path | None = None, *, overwrite: bool = False, say: Callable[[str], None] = print
) -> None:
    """Write the model of the HDF5 file at `file` to `target`, which ends in .keras and is beside the other unless given.

    Raises SourceError when there is no such file, UsageError for a model that cannot be built without running foreign code or
    that is not there, and for a `target` that exists; IntegrityError for a damaged or hostile file.
    """
    with tempfile.TemporaryDirectory() as temporary, _opened(file) as source:
        target = target or file.with_suffix(".keras")
        _check_target(target, file, overwrite)
        folder = Path(temporary)
        facts = _child(source, folder, file)
        content = files.read_bounded(folder / MODEL, 2 * MAX_FILE_BYTES)
    files.write_atomic(target, content)
    written = f"written by Keras {facts['version']}, " if facts["version"] else ""
    say(
        f"{target}: {facts['layers']} layers, {facts['parameters']:,} parameters, {_shapes(facts['inputs'])} → "
        f"{_shapes(facts['outputs'])}; {written}built anew"
        + ("" if facts["isolated"] else "; this system did not let the reading process give up the network")
    )
    say(f"next: python -m convert run --model {shlex.quote(str(target))} --data FILE.npz")


def _check_target(target: Path, file: Path, overwrite: bool) -> None:
    if target.suffix != ".keras":
        raise UsageError(f"--out: expected a file name that ends in .keras, found {target}")
    if os.path.lexists(target) and not overwrite:
        raise UsageError(f"{target} already exists: choose another --out or give --overwrite")
    if target.is_dir() or (target.exists() and target.samefile(file)):
        raise UsageError(f"--out {target}: expected another file than {file}, and no folder: choose another --out")


def _opened(file: Path) -> BinaryIO:
    """The regular file, open. Links are followed: caches of models are full of them. Raises SourceError."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        raise SourceError(f"{file}: expected an .h5 file, found nothing: check the path") from None
    facts = os.fstat(handle)
    if stat.S_ISREG(facts.st_mode) and facts.st_size <= MAX_FILE_BYTES:
        return os.fdopen(handle, "rb")
    os.close(handle)
    if not stat.S_ISREG(facts.st_mode):
        raise SourceError(f"{file}: expected an .h5 file, found a folder or a device: check the path")
    raise IntegrityError(f"{file}: expected at most {MAX_FILE_BYTES:,} bytes, found {facts.st_size:,}")


def _child(source: BinaryIO, folder: Path, file: Path) -> dict[str, Any]:
    """Run `convert.h5.child` on the open file `source`; what it says of the model that it left in `folder`."""
    environment = {
        **child_environment(),
        "CUDA_VISIBLE_DEVICES": "-1",  # nothing is computed, and a driver reserves more memory than is permitted
        "HDF5_PLUGIN_PRELOAD": "::",  # HDF5 then loads no library that a file asks for
        "KERAS_HOME": str(folder),  # a user's keras.json would change what layers mean
    }
    command = [sys.executable, "-W", "ignore", "-m", "convert.h5.child", str(folder)]
    with (folder / "output").open("w") as output:
        child = subprocess.Popen(command, stdin=source, stdout=output, stderr=output, env=environment, cwd=folder)
        try:
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
    if code == 0:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_bytes())
        return facts
    raise _error(code, folder, file)


def _error(code: int, folder: Path, file: Path) -> EdgeproofError:
    """Why the child ended with `code`."""
    if code < 0:
        if -code == getattr(signal, "SIGXCPU", 0):
            return IntegrityError(
                f"{file}: expected a model that is read in {MAX_CPU_S} s of computing, found a larger one"
            )
        return IntegrityError(
            f"{file}: reading it ended with signal {-code}: it is damaged, or made to do harm; use another copy"
        )
    kinds = {kind.exit_code: kind for kind in (UsageError, IntegrityError)}
    if code in kinds and (folder / ERROR).exists():
        return kinds[code](f"{file}: {(folder / ERROR).read_bytes().decode()}")
    last = ((folder / "output").read_text(errors="replace").strip().splitlines() or [f"it ended with code {code}"])[-1]
    return EdgeproofError(f"{file}: could not be read: {last[:300]}")


def _shapes(shapes: list[list[int | None]]) -> str:
    return " and ".join(str(tuple(shape)) for shape in shapes)
