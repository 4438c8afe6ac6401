"""The process in which a foreign HDF5 file is read and its model built: `python -m convert.h5.child FOLDER < FILE`.

HDF5 is a large library in C, and what it reads here nobody vouches for: a fault in it, or a file that asks for more than a
model needs, ends this process and no other. It has no network where Linux lets it give that up, bounded memory and time, no
plugins, and leaves what it made in FOLDER: `model.keras` and `facts.json`, or `error` and the exit code that goes with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
from pathlib import Path

MAX_FILE_BYTES = 700_000_000  # the most weights, and what else stands beside them
MAX_MEMORY_BYTES = 6 << 30  # of data: TensorFlow takes 0.6 GB, VGG19 4.1 GB in all
MAX_CPU_S = 300  # TensorFlow takes 4 to start, the largest models 3 more
MODEL, FACTS, ERROR = "model.keras", "facts.json", "error"

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of linux/sched.h


def without_network() -> bool:
    """Leave this process without any network; whether that was permitted.

    Linux alone, and before any thread is started: a new namespace of networks is empty. Root may make one, others within a new
    namespace of users, where the system permits those.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        unshare = ctypes.CDLL(None).unshare
        return not unshare(_NEW_NETWORK) or not unshare(_NEW_USER | _NEW_NETWORK)
    return False


def limit() -> None:
    """Bound memory, time and the size of files, and leave no core file."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in (
        (resource.RLIMIT_DATA, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_S),
        (resource.RLIMIT_FSIZE, 2 * MAX_FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        soft, hard = resource.getrlimit(what)
        resource.setrlimit(what, (min([most, *(limit for limit in (soft, hard) if limit >= 0)]), hard))  # below 0: none


def main(folder: Path) -> int:
    isolated = without_network()
    limit()
    from edgeproof.errors import EdgeproofError

    try:
        facts = guarded(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), folder)
    except EdgeproofError as error:
        (folder / ERROR).write_bytes(str(error).encode(errors="backslashreplace"))  # names may hold half characters
        return error.exit_code
    (folder / FACTS).write_text(json.dumps({**facts, "isolated": isolated}))
    return 0


def guarded(content: bytes, folder: Path) -> dict[str, object]:
    """`make`, with whatever h5py and HDF5 raise on a damaged file as one IntegrityError."""
    from edgeproof.errors import MAX_REASON, EdgeproofError, IntegrityError, first_line

    try:
        return make(content, folder)
    except EdgeproofError:
        raise
    except MemoryError:
        raise IntegrityError(
            f"expected a model that is built in {MAX_MEMORY_BYTES:,} bytes, found a larger one"
        ) from None
    except Exception as error:  # h5py gives HDF5's errors the classes that come nearest
        raise IntegrityError(
            f"damaged: {type(error).__name__}: {first_line(error)[:MAX_REASON]}: copy it again"
        ) from None


def make(content: bytes, folder: Path) -> dict[str, object]:
    """Write the .keras file of an HDF5 file's content into `folder`; what there is to say of it."""
    from convert.h5.config import read_model
    from convert.h5.reading import open_content, read_description, read_weights
    from convert.h5.rebuild import layer_count, rebuild
    from convert.keras_model import quiet_tensorflow
    from edgeproof.errors import IntegrityError

    if len(content) > MAX_FILE_BYTES:
        raise IntegrityError(f"expected at most {MAX_FILE_BYTES:,} bytes, found more")
    with open_content(content) as file:
        described = read_description(file)
        model = read_model(described)
        weights = read_weights(file)
    quiet_tensorflow()
    made = rebuild(model, weights)
    made.save(folder / MODEL)
    return {
        "layers": layer_count(model),
        "parameters": int(made.count_params()),
        "inputs": [tuple(tensor.shape) for tensor in made.inputs],
        "outputs": [tuple(tensor.shape) for tensor in made.outputs],
        "version": described.version,
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
