"""A run's model alone, without what only its training needs: in the older HDF5 form, for tools that read nothing newer
(`convert import-h5` alone reads such a file here), or in Keras' own, a third of the run's file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgeproof.errors import UsageError
from edgeproof.run_folder import MODEL
from edgeproof.support.files import write_atomic


def export(run: Path, target: Path, *, overwrite: bool) -> None:
    """Write the model of the run folder `run` to `target`, which ends in .h5 or .keras. Raises UsageError and IntegrityError."""
    if target.suffix not in (".h5", ".keras"):
        raise UsageError(f"expected a file name that ends in .h5 or .keras, found {target}")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} already exists: choose another name or give --overwrite")
    if not (run / MODEL).is_file():
        raise UsageError(f"{run}: expected a run folder with model.keras, found none")
    import absl.logging
    import keras

    from train.fit.transfer import load_model

    absl.logging.set_verbosity(absl.logging.ERROR)  # Keras advises against the format: the user asked for it
    trained = load_model(run / MODEL)
    model = keras.Model(trained.inputs, trained.outputs, name=trained.name)  # the same layers, never compiled
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.name
        model.save(path)
        write_atomic(target, path.read_bytes())
    print(f"{target}: {target.stat().st_size:,} bytes")
