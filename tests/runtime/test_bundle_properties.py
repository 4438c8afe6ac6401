"""Whatever stands in a bundle's tables and arrays, with right checksums: it is read, or refused as what does not fit."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.errors import IntegrityError
from edgeproof.manifest import Manifest
from edgeproof.support.npz import npz_bytes
from edgeproof.support.tables import from_table

QUICK = settings(
    max_examples=1000 if "EDGEPROOF_SOAK" in os.environ else 40,
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
pytestmark = pytest.mark.target("T20")
SHIPPED = json.loads((default_bundle() / "manifest.json").read_bytes())
SHIPPED.pop("checksum")
GOLDEN = (default_bundle() / "golden.npz").read_bytes()

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40),
    st.sampled_from([0, 1, -1, 2**31, 2**64, 1e-300, 1e300, "N", "reject", "Reject", "../x", "int8", "onnx"]),
    st.sampled_from(["NHWC", "✅", "\x1b[2J", "\ud800"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


def places(table: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a table."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = sorted(places(SHIPPED), key=str)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(default_bundle(), tmp_path_factory.mktemp("bundle") / "digits"))


def write(folder: Path, table: dict[str, Any], golden: bytes = GOLDEN) -> None:
    """Both files with right hashes, whatever an example before left there."""
    (folder / "golden.npz").write_bytes(golden)
    if golden != GOLDEN:
        table = table | {"golden_sha256": hashlib.sha256(golden).hexdigest()}
    text = json.dumps(table, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
    (folder / "manifest.json").write_text(json.dumps(table | {"checksum": hashlib.sha256(text).hexdigest()}))


def read_or_refused(folder: Path) -> None:
    with contextlib.suppress(IntegrityError):
        load_bundle(folder)


@QUICK
@given(place=st.sampled_from(PLACES), value=values)
def test_any_value_in_any_place(copy: Path, place: tuple[Any, ...], value: Any) -> None:
    table = json.loads(json.dumps(SHIPPED))
    *way, last = place
    inner = table
    for key in way:
        inner = inner[key]
    inner[last] = value
    write(copy, table)
    read_or_refused(copy)


@QUICK
@given(place=st.sampled_from(PLACES))
def test_any_value_left_out(copy: Path, place: tuple[Any, ...]) -> None:
    table = json.loads(json.dumps(SHIPPED))
    *way, last = place
    inner = table
    for key in way:
        inner = inner[key]
    del inner[last]
    write(copy, table)
    read_or_refused(copy)


@QUICK
@given(table=st.dictionaries(st.sampled_from([*SHIPPED, "other"]), values, max_size=9))
def test_any_table(table: dict[str, Any]) -> None:
    with contextlib.suppress(IntegrityError):
        from_table(Manifest, {**SHIPPED, **table}, "manifest", IntegrityError)


@QUICK
@given(content=st.binary(max_size=300))
def test_any_bytes_as_manifest(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(IntegrityError):
        load_bundle(copy)


shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=30)
dtypes = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.floating_dtypes(), arrays.unicode_string_dtypes()
)
drawn = st.builds(np.zeros, shapes, dtypes)


@QUICK
@given(
    changes=st.dictionaries(
        st.sampled_from(["images", "labels", "classes", "logits/fp32.onnx", "other"]), drawn, min_size=1
    )
)
def test_any_golden_arrays(copy: Path, changes: dict[str, Any]) -> None:
    with np.load(io.BytesIO(GOLDEN)) as archive:
        content = npz_bytes({**dict(archive), **changes})
    write(copy, SHIPPED, golden=bytes(content))
    with pytest.raises(IntegrityError, match=r"golden\.npz"):
        load_bundle(copy)


@QUICK
@given(place=st.integers(0, 36_000), byte=st.integers(0, 255))
def test_any_byte_of_the_golden_file(copy: Path, place: int, byte: int) -> None:
    content = bytearray(GOLDEN)
    content[place % len(content)] = byte
    write(copy, SHIPPED, golden=bytes(content))
    read_or_refused(copy)
