"""`python -m train look RECIPE`: what the model will see, before any time is spent on training it."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

from edgeproof.support.files import write_atomic
from train.data.samples import Samples, load_dataset, make_samples
from train.recipe import AugmentSettings, Recipe
from train.report.figures import sample_grid


def preview(recipe: Recipe, runs: Path, data_dir: Path | None = None) -> Path:
    """Print what the recipe's data hold and write their contact sheet; its path."""
    return contact_sheet(recipe, make_samples(recipe, load_dataset(recipe, data_dir)), runs)


def contact_sheet(recipe: Recipe, samples: Samples, runs: Path) -> Path:
    """Write `runs/<name>-contact-sheet.png`, training images as they are, one row per class, and say so."""
    unchanged = dataclasses.replace(recipe.train, augment=AugmentSettings())
    content = io.BytesIO()
    sample_grid(samples, unchanged, each=24).savefig(content, dpi=120, bbox_inches="tight")
    file = runs / f"{recipe.name}-contact-sheet.png"
    write_atomic(file, content.getvalue())
    print(f"{file}: what the model will see", flush=True)
    return file
