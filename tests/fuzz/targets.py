"""What is fuzzed: functions of bytes that return, whatever the bytes, or fail the run by an error that no user should meet.

Each takes what a stranger can hand over and asks for it to be read or refused, with one of edgeproof's own errors.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.errors import IntegrityError, SourceError, UsageError
from edgeproof.model_file import describe
from edgeproof.sources.parse import parse
from edgeproof.sources.pictures.picture import decode
from edgeproof.support.npz import arrays_in
from tests.fuzz.web import web

MAX_GOLDEN_BYTES = 2**20


def bundle(data: bytes) -> None:
    """The first byte says what the rest is: an array file, one array in such a file, a model of either format, golden inputs,
    or a value of the manifest at the place that two more bytes choose. Hashes and checksum are made right."""
    kind, rest = data[:1], data[1:]
    with contextlib.suppress(IntegrityError):
        if kind == b"a":
            arrays_in(rest, "fuzz", MAX_GOLDEN_BYTES)
        elif kind == b"n":
            arrays_in(_packed(rest), "fuzz", MAX_GOLDEN_BYTES)
        elif kind == b"o":
            describe(rest, "onnx")
        elif kind == b"t":
            describe(rest, "tflite")
        elif kind == b"g":
            _load(_manifest(), golden=rest)
        else:
            _load(_manifest_with(int.from_bytes(rest[:2], "big"), rest[2:]))


def picture(data: bytes) -> None:
    """A picture file."""
    with contextlib.suppress(SourceError):
        decode(data, "fuzz")


def source(data: bytes) -> None:
    """A source's name, as the command line gives it. A pattern over the whole disk costs what the disk holds: left out."""
    name = os.fsdecode(data)
    if glob.has_magic(name) and (name.startswith("/") or ".." in name):
        return
    with contextlib.suppress(UsageError, SourceError), contextlib.chdir(_folder()):
        parse(name)


TARGETS: dict[str, Callable[[bytes], None]] = {"bundle": bundle, "decode": picture, "parse": source, "web": web}


def _packed(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.npy", content)
    return stream.getvalue()


@cache
def _folder() -> Path:
    """A copy of the shipped bundle, removed with this process."""
    folder = tempfile.TemporaryDirectory(prefix="edgeproof-fuzz-")
    _folder.kept = folder  # type: ignore[attr-defined]
    return Path(shutil.copytree(default_bundle(), Path(folder.name) / "digits"))


@cache
def _text() -> str:
    table = json.loads((default_bundle() / "manifest.json").read_bytes())
    table.pop("checksum")
    return json.dumps(table)


def _manifest() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_text())
    return table


@cache
def _places() -> list[tuple[Any, ...]]:
    return sorted(_walk(_manifest()), key=str)


def _walk(table: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in items:
        yield (*way, key)
        yield from _walk(value, (*way, key))


def _manifest_with(place: int, value: bytes) -> dict[str, Any]:
    """The shipped manifest with one value changed: to what `value` is as JSON, or else as text."""
    table = _manifest()
    *way, last = _places()[place % len(_places())]
    inner: Any = table
    for key in way:
        inner = inner[key]
    try:
        inner[last] = json.loads(value)
    except (ValueError, RecursionError):
        inner[last] = value.decode(errors="replace")
    return table


def _load(table: dict[str, Any], golden: bytes | None = None) -> None:
    folder = _folder()
    content = (default_bundle() / "golden.npz").read_bytes() if golden is None else golden
    if golden is not None:
        table["golden_sha256"] = hashlib.sha256(golden).hexdigest()
    (folder / "golden.npz").write_bytes(content)
    text = json.dumps(table, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
    (folder / "manifest.json").write_text(json.dumps(table | {"checksum": hashlib.sha256(text).hexdigest()}))
    load_bundle(folder)
