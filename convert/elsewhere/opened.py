"""A .keras file from elsewhere, opened: also one that Keras 2 wrote, and with a reason where it cannot be."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from convert.child_environment import child_environment
from convert.keras_model import load_keras, quiet_tensorflow, refuse_code
from edgeproof.errors import MAX_REASON, IntegrityError, SourceError, UsageError, first_line
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras


def open_elsewhere(file: Path, code: str | None = None) -> keras.Model:
    """The model of a .keras file, opened in safe mode. `code`: a module to import first, with classes of the user's own.

    Raises SourceError when there is no such file, IntegrityError for a damaged one, UsageError with a way out for others.
    """
    if not file.exists():
        raise SourceError(f"{file}: expected a .keras file, found nothing there")
    if file.is_dir():
        raise UsageError(f"{file}: expected a .keras file, found a folder: load it and save it as .keras")
    refuse_code(file)
    version = _version(file)
    if code is not None:
        import_code(code)
    try:
        return _from_keras_2(file) if version.startswith("2.") else load_keras(file)
    except OSError:
        raise
    except Exception as error:  # Keras raises whatever its layers raise
        raise _refusal(file, version, str(error)) from None


def import_code(module: str) -> None:
    """Run the user's own module. The only code that a model file can need, and it is named on the command line."""
    quiet_tensorflow()  # before the module imports it
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"--import {module}: {error}") from None


def _version(file: Path) -> str:
    """Of the Keras that wrote the file; empty where it does not say."""
    try:
        with zipfile.ZipFile(file) as archive:
            table = json.loads(archive.read("metadata.json"))
    except (KeyError, ValueError):
        return ""
    found = table.get("keras_version") if isinstance(table, dict) else None
    return found if isinstance(found, str) and re.fullmatch(r"[\w.+-]{1,20}", found) else ""


def _from_keras_2(file: Path) -> keras.Model:
    """By way of HDF5, which both read: a child writes it, for the two do not share a process. Raises RuntimeError."""
    quiet_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        between = Path(folder, "model.h5")
        command = [sys.executable, "-W", "ignore", "-m", "convert.elsewhere.keras2", str(file), str(between)]
        child = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
        if child.returncode:
            raise RuntimeError((child.stderr.strip().splitlines() or [f"ended with code {child.returncode}"])[-1])
        with native_output():
            import keras

            return keras.saving.load_model(between, compile=False, safe_mode=True)


def _refusal(file: Path, version: str, text: str) -> UsageError | IntegrityError:
    """Why Keras cannot load `file`, in one line, of the many in which it says so."""
    import keras

    unknown = re.search(r"(?:Could not locate|Unknown) (?:class|function|layer|object):? '?\"?([\w.>]+)", text)
    if unknown:
        return UsageError(
            f"{file}: needs {unknown[1]}, which is not of Keras: name the module that defines it with --import MODULE"
        )
    told = f"Keras cannot load it: {first_line(text.rsplit('Exception encountered: ', 1)[-1])[:MAX_REASON]}"
    if version in ("", keras.__version__):
        return IntegrityError(f"{file}: {told}: save it again")
    return UsageError(
        f"{file}: was saved by Keras {version}, here is {keras.__version__}: {told}: load it in Keras {version}, save it as "
        ".h5, then: python -m convert import-h5"
    )
