"""What is taken from an HDF5 file: a configuration (JSON) and arrays of numbers, by h5py alone; Keras does not see the file.

Nothing is followed that leads out of the file, and nothing is read before its size is known.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from convert.h5.config import Described
from convert.h5.limits import (
    MAX_CONFIG_BYTES,
    MAX_JSON_DEPTH,
    MAX_LAYERS,
    MAX_PATH_PARTS,
    MAX_RATIO,
    MAX_WEIGHT_BYTES,
    MAX_WEIGHTS,
    RATIO_FROM_BYTES,
)
from edgeproof.errors import IntegrityError, UsageError

_FILTERS = {h5py.h5z.FILTER_DEFLATE: "gzip", h5py.h5z.FILTER_SHUFFLE: "shuffle", h5py.h5z.FILTER_FLETCHER32: "sum"}


@dataclass(frozen=True)
class Weight:
    """name: as the file has it, conv/kernel:0; values: float32, all finite."""

    name: str
    values: NDArray[np.float32]


def open_content(content: bytes) -> h5py.File:
    """The file with these bytes, opened in memory. Raises IntegrityError when they are no HDF5 file, or not all of one."""
    if content[:8] != b"\x89HDF\r\n\x1a\n":
        raise IntegrityError("expected an HDF5 file, found another format: copy it again")
    try:
        return h5py.File(h5py.h5f.open_file_image(content))
    except (OSError, ValueError):
        raise IntegrityError("expected an HDF5 file, found a truncated or damaged one: copy it again") from None


def read_description(file: h5py.File) -> Described:
    """What the file says of the model. Raises UsageError when it holds weights only, IntegrityError for other than plain JSON."""
    if "model_config" not in file.attrs:
        raise UsageError(
            "holds weights only, not the layers: build the model in Keras, load_weights of this file into it, and save it as "
            ".keras"
        )
    text = _text(file.attrs, "model_config")
    try:
        config = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        _deep()
    except ValueError as error:
        raise IntegrityError(f"model_config: expected JSON: {error}: save the model again") from None
    _check_depth(config)
    if not isinstance(config, dict):
        raise IntegrityError("model_config: expected an object: save the model again")
    version, backend = (_word(file.attrs, key) for key in ("keras_version", "backend"))
    return Described(config, version, backend)


def read_weights(file: h5py.File) -> dict[str, tuple[Weight, ...]]:
    """The arrays of each layer, by the layer's name, in the file's order. Raises IntegrityError."""
    root = _descend(file, "model_weights", "model_weights")
    if not isinstance(root, h5py.Group):
        raise IntegrityError("model_weights: expected a group, found an array: save the model again")
    layers = _names(root, "layer_names", MAX_LAYERS)
    left, count, found = MAX_WEIGHT_BYTES, 0, {}
    for layer in layers:
        group = _descend(root, layer, f"layer {layer}")
        if not isinstance(group, h5py.Group) or layer in found:
            raise IntegrityError(f"layer {layer}: expected one group of weights: save the model again")
        weights = []
        for name in _names(group, "weight_names", MAX_WEIGHTS):
            count += 1
            if count > MAX_WEIGHTS:
                raise IntegrityError(f"expected at most {MAX_WEIGHTS:,} weights, found more")
            weights.append(Weight(name, _array(_descend(group, name, f"weight {name}"), f"weight {name}", left)))
            left -= weights[-1].values.nbytes
        found[layer] = tuple(weights)
    return found


def _no_number(word: str) -> NoReturn:
    raise IntegrityError(f"model_config: expected numbers, found {word}: save the model again")


def _deep() -> NoReturn:
    raise IntegrityError(f"model_config: expected at most {MAX_JSON_DEPTH} brackets in each other, found more")


def _check_depth(config: Any) -> None:
    """So that what walks through it later may call itself."""
    level = [config]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    _deep()


def _text(attributes: h5py.AttributeManager, key: str) -> str:
    """One string. Its size is looked at before it is read where the file states it beside, and afterwards where not."""
    facts = attributes.get_id(key)
    if facts.shape != () or not _is_text(facts.dtype) or facts.dtype.itemsize > MAX_CONFIG_BYTES:
        raise IntegrityError(f"{key}: expected a text of at most {MAX_CONFIG_BYTES:,} bytes, found something else")
    value = attributes[key]
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise IntegrityError(f"{key}: expected UTF-8, found other bytes: save the model again") from None
    if len(text) > MAX_CONFIG_BYTES:
        raise IntegrityError(f"{key}: expected at most {MAX_CONFIG_BYTES:,} bytes, found {len(text):,}")
    return text


def _word(attributes: h5py.AttributeManager, key: str) -> str:
    """A number of a release, or a name; "" where there is none, or what is no such word."""
    word = _text(attributes, key) if key in attributes else ""
    return word if re.fullmatch(r"[\w.+-]{1,40}", word) else ""


def _names(group: h5py.Group, key: str, most: int) -> list[str]:
    """A list of names, which Keras parts (key0, key1, …) where it is long. Raises IntegrityError."""
    keys = [key] if key in group.attrs else []
    while not (keys and keys[0] == key) and f"{key}{len(keys)}" in group.attrs:
        keys.append(f"{key}{len(keys)}")
    if not keys:
        raise IntegrityError(f"{group.name}: expected the attribute {key}, found none: save the model again")
    names: list[str] = []
    for part in keys:
        facts = group.attrs.get_id(part)
        size = 0 if facts.shape is None else math.prod(facts.shape)
        if size and (len(facts.shape) != 1 or not _is_text(facts.dtype)):
            raise IntegrityError(f"{group.name}: {part}: expected a list of names, found {facts.dtype} {facts.shape}")
        if len(names) + size > most or size * facts.dtype.itemsize > MAX_CONFIG_BYTES:
            raise IntegrityError(f"{group.name}: {part}: expected at most {most:,} names, found more")
        values = group.attrs[part] if size else ()
        names += [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values]
    return names


def _is_text(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "S" or h5py.check_string_dtype(dtype) is not None


def _descend(group: h5py.Group, path: str, what: str) -> h5py.Group | h5py.Dataset:
    """What stands at `path` below `group`, by hard links alone: others lead to another place or another file."""
    parts = path.split("/")
    if len(parts) > MAX_PATH_PARTS or any(part in ("", ".", "..") for part in parts):
        raise IntegrityError(f"{what}: expected names parted by '/', found another path: save the model again")
    found: Any = group
    for part in parts:
        # Asked of the links themselves: h5py's `in` and `get` follow them first, be it into another file.
        if not isinstance(found, h5py.Group) or not found.id.links.exists(part.encode()):
            raise IntegrityError(f"{what}: missing in the file: copy it again, or save the model again")
        link = found.id.links.get_info(part.encode())
        if link.type != h5py.h5l.TYPE_HARD:
            kind = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "a link to another file"}.get(
                link.type, "a link"
            )
            raise IntegrityError(f"{what}: expected its numbers in the file, found {kind}: save the model again")
        found = found[part]
    if not isinstance(found, (h5py.Group, h5py.Dataset)):
        raise IntegrityError(f"{what}: expected a group or an array, found neither: save the model again")
    return found


def _array(data: h5py.Group | h5py.Dataset, what: str, most: int) -> NDArray[np.float32]:
    """The numbers of a data set of at most `most` bytes, as float32. Raises IntegrityError."""
    if not isinstance(data, h5py.Dataset):
        raise IntegrityError(f"{what}: expected an array, found a group: save the model again")
    _check_storage(data, what)
    dtype = data.dtype
    if dtype.kind not in "fiu" or dtype.itemsize > 8 or dtype.hasobject or dtype.subdtype:
        raise IntegrityError(f"{what}: expected numbers, found {dtype}: save the model again")
    _check_size(data, what, most)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        values = np.asarray(data[()], np.float32)
    if not np.isfinite(values).all():
        raise IntegrityError(f"{what}: expected finite numbers, found NaN or infinity: train again")
    return values


def _check_storage(data: h5py.Dataset, what: str) -> None:
    """That the numbers lie in the file itself, and need no code but HDF5's own to be unpacked."""
    layout = data.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL:
        raise IntegrityError(
            f"{what}: expected its numbers in the file, found a virtual data set: save the model again"
        )
    if layout.get_external_count():
        raise IntegrityError(f"{what}: expected its numbers in the file, found external storage: save the model again")
    filters = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
    if not set(filters) <= set(_FILTERS) or len(set(filters)) < len(filters):
        raise IntegrityError(f"{what}: expected gzip or no compression, found filters {filters}: save the model again")


def _check_size(data: h5py.Dataset, what: str, most: int) -> None:
    """By what the file claims and what it holds: an array that was never written, or packs zeros, claims what it likes."""
    if data.shape is None:
        raise IntegrityError(f"{what}: expected numbers, found none: save the model again")
    claimed = math.prod(data.shape) * data.dtype.itemsize
    if data.chunks:
        chunks = math.prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
        claimed = max(claimed, chunks * math.prod(data.chunks) * data.dtype.itemsize)
    if max(claimed, 4 * math.prod(data.shape)) > most:
        raise IntegrityError(f"{what}: expected at most {MAX_WEIGHT_BYTES:,} bytes of weights in all, found more")
    stored = data.id.get_storage_size()
    packed_zeros = claimed > MAX_RATIO * stored and claimed > RATIO_FROM_BYTES
    if packed_zeros or bool(claimed) != bool(stored) or stored > 2 * claimed + 4_096:
        raise IntegrityError(
            f"{what}: claims {claimed:,} bytes and holds {stored:,}: expected about as many: save the model again"
        )
