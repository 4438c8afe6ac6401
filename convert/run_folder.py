"""A run, as convert works on it: the run folder, with the recipe's sections that are convert's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from convert.options import ConvertOptions, GateOptions, Options
from edgeproof.errors import IntegrityError, UsageError
from edgeproof.run_folder import MODEL, RECIPE, Record, RunFolder, read_run_folder
from edgeproof.support import files
from edgeproof.support.tables import from_table

PIXELS = "pixels"  # in run.json of an imported model; a training has no such entry


@dataclass(frozen=True)
class Run(RunFolder):
    """A run folder with what its recipe asks of convert."""

    options: Options = field(default_factory=Options)

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def model_sha256(self) -> str:
        """Of its file; empty for an imported one, which Keras wrote anew, with the time, when it was imported."""
        return "" if PIXELS in self.table else files.sha256(self.model)


def read_run(path: Path) -> Run:
    """Read and check the run folder at `path`; the model is not opened (see `keras_model`).

    Raises what `read_run_folder` raises, and UsageError when a section of the recipe is wrong.
    """
    found = read_run_folder(path)
    return Run(**vars(found), options=_options(found.recipe, found.record, found.path / RECIPE))


def _options(recipe: bytes, record: Record, file: Path) -> Options:
    if files.sha256(recipe) != record.recipe_sha256:
        raise IntegrityError(
            f"{file}: recipe_sha256 of run.json does not fit: the recipe was changed after training; to relax a gate use "
            "flags (--max-drop-points, --min-accuracy, --max-bytes), otherwise train again"
        )
    try:
        table = tomllib.loads(recipe.decode())
    except ValueError as error:  # also UnicodeDecodeError
        raise UsageError(f"{file}: is not TOML: {error}") from None
    return Options(
        convert=from_table(ConvertOptions, table.get("convert", {}), f"{file} [convert]"),
        gate=from_table(GateOptions, table.get("gate", {}), f"{file} [gate]"),
    )
