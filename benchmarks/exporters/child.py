"""One exporter in a process of its own: `python -m benchmarks.exporters.child NAME RUN OUT`.

A line of JSON on stdout says what the tool measured itself, its version, or what is missing. What the tools print, on either
stream, goes to stderr, unfiltered. The exit code is the exporter's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.exporters.exporters import EXPORTERS, version

OWN = "edgeproof"
ARTIFACTS = ("int8.onnx", "int8.tflite", "fp32.onnx")


def main(name: str, run: Path, out: Path) -> int:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if name == OWN:
        words = [sys.executable, "-m", "convert", "run", str(run), "--name", "bundle", "--out", str(out)]
        return subprocess.run([*words, "--only", *ARTIFACTS], check=False).returncode
    export, packages = EXPORTERS[name]
    try:
        said = {"figure": export(run, out), "version": version(packages)}
    except ImportError as missing:
        said = {"missing": f"{missing.name or missing} does not import"}
    print(json.dumps(said), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
