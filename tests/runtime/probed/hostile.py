"""Bundles whose checksums are right and whose model is another one."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeproof.errors import IntegrityError
from edgeproof.manifest_file import checksum_of
from edgeproof.model_file import describe
from edgeproof.support import files, tables


def with_model(source: Path, target: Path, artifact: str, content: bytes) -> Path:
    """`target`, which becomes the bundle `source` with `content` as the model of `artifact`, and all that is stated of it as the
    file says, as who means harm would write it."""
    if not target.is_dir():
        shutil.copytree(source, target)
    table: dict[str, Any] = json.loads((source / "manifest.json").read_bytes())
    del table["checksum"]
    (row,) = (row for row in table["artifacts"] if row["name"] == artifact)
    row |= {"sha256": files.sha256(content), "bytes": len(content)}
    with contextlib.suppress(IntegrityError):
        said = describe(content, row["format"])
        row["precision"] = said.precision
        for end, tensor in (("input", said.input), ("output", said.output)):
            row[end] |= tables.to_table(replace(tensor, shape=tuple(tensor.shape)))
    (target / row["file"]).write_bytes(content)
    (target / "manifest.json").write_text(json.dumps(table | {"checksum": checksum_of(table)}))
    return target
