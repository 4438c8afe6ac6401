"""What a process that convert starts is given, so that it imports the convert that this process runs."""

from __future__ import annotations

import os
from pathlib import Path


def child_environment() -> dict[str, str]:
    """This process's environment, with which a child finds the same modules, also from another folder."""
    search = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *map(os.path.abspath, search)]),
    }
