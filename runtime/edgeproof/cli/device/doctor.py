"""The verb `doctor`: what is installed, what really works, what to do.

Each check runs in a child process: a wheel built for a newer CPU dies of SIGILL, a dead display aborts OpenCV, and a driver may
hang. Then the child is gone and the doctor has a finding. The doctor itself imports nothing that could die so, numpy neither.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from itertools import takewhile
from typing import Any, Literal

from edgeproof import __version__
from edgeproof.backends import BACKENDS, CPU
from edgeproof.errors import UnavailableError
from edgeproof.support import machine

TIMEOUT_S = 60
SCHEMA = 1  # of the --json object, counted up when a field goes or changes its meaning
State = Literal["ok", "missing", "failed"]

_READ = """
from edgeproof.page.reader import open_reader
with open_reader(backend={backend!r}, device={device!r}, strict=True) as reader:
    facts = reader.facts
print(facts.version, "ran", facts.artifact, "on", facts.provider)
"""
_SEGMENT = """
import cv2, numpy as np
from edgeproof.page.segment import segment
page = np.full((240, 320, 3), 230, np.uint8)
cv2.putText(page, "7", (120, 170), cv2.FONT_HERSHEY_SIMPLEX, 4, (30, 30, 30), 8)
assert len(segment(page).candidates) == 1, "found no digit on a drawn page"
print(cv2.__version__, "found a drawn digit")
"""
_VIDEO = """
import cv2
backends = [cv2.videoio_registry.getBackendName(b) for b in cv2.videoio_registry.getBackends()]
assert "FFMPEG" in backends, "this OpenCV was built without FFmpeg"
print("FFmpeg in OpenCV", cv2.__version__)
"""
_WINDOW = """
from edgeproof.errors import UnavailableError
from edgeproof.output.window import display_works
if not display_works():
    raise UnavailableError("no display, or an OpenCV without windows")
print("a window opened")
"""
_CAMERA = """
from itertools import islice
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
frame = next(iter(frames_of(parse("0")[0])))
print("camera 0 gave a frame of", frame.image.shape[1], "x", frame.image.shape[0])
"""
_TUNED = """
from edgeproof.bundle import load_bundle
from edgeproof.tuned.cache import told
print(told(load_bundle()))
"""
_TRUST = """
from edgeproof.trust.trusted import told
print(told())
"""
_ONE_WHEEL = """
from importlib.metadata import distributions
there = {{(found.name or "").lower().replace("_", "-"): found.version for found in distributions()}}
found = [f"{{name}} {{there[name]}}" for name in {packages!r} if name in there]
assert len(found) < 2, " and ".join(found) + " write into one folder: nobody knows what of it is whose"
print(*found or ["none"])
"""

#: Errors of what is not here, or does not load.
_NOT_HERE = ("ImportError", "ModuleNotFoundError", "UnavailableError", "SourceError")
_DEVICES = {"cpu": "CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}  # as their makers write them


@dataclass(frozen=True)
class Check:
    """name: what it is about. code: Python that prints one line when it works. remedy: what to do when it does not.
    group: "numpy", "opencv" and "runtime" are needed (one of the latter), "extra" is not.
    old_cpu: what to do when it is the CPU that lacks an instruction."""

    name: str
    code: str
    remedy: str
    group: str = "extra"
    old_cpu: str = "use a build for older CPUs, or another machine"


@dataclass(frozen=True)
class Finding:
    """state: "ok"; "missing", not here or does not load; "failed", it is here and died, hung or answered wrongly.
    text: what it printed, or how it died. old_cpu: whether it died for want of an instruction."""

    state: State
    text: str
    old_cpu: bool = False

    @property
    def good(self) -> bool:
        return self.state == "ok"


# numpy's wheels are for x86-64-v2 and newer from 2.4 on.
NUMPY = Check(
    "numpy", "import numpy; numpy.ones((9, 9)) @ numpy.ones((9, 9)); print(numpy.__version__)", "install numpy", "numpy",
    old_cpu="pip install 'numpy<2.4', whose wheels run on older CPUs, or use another machine",
)  # fmt: skip
CHECKS = (
    Check("OpenCV", _SEGMENT, "install edgeproof[headless], or edgeproof[desktop] for windows", "opencv"),
    *(
        Check(
            f"one wheel: {runtime.module}",
            _ONE_WHEEL.format(packages=runtime.packages),
            f"pip uninstall {' '.join(runtime.packages)}; then {runtime.remedy}",
        )
        for runtime in BACKENDS.values()
        if len(runtime.packages) > 1
    ),
    Check("video files", _VIDEO, "install the opencv-python wheel instead of a build without FFmpeg"),
    *(
        Check(
            f"{runtime.title}, {_DEVICES.get(device, device)}",
            _READ.format(backend=name, device=device),
            remedy,
            "runtime" if device == CPU else "extra",
            "name one that works with --backend, or use another machine",
        )
        for name, runtime in BACKENDS.items()
        for device, remedy in runtime.devices.items()
    ),
    Check("tuned", _TUNED, "edgeproof tune measures what is fastest here; without, all works too"),
    Check("trusted keys", _TRUST, "until then no bundle is read but the one that edgeproof carries"),
    Check("window", _WINDOW, "use --save DIR, or a display with edgeproof[desktop]"),
    Check("camera 0", _CAMERA, "connect a camera, or join the group 'video'"),
)  # fmt: skip


def run(*, as_json: bool = False) -> int:
    """Print one row per check, or one JSON object; returns 0.

    Raises UnavailableError when pictures cannot be read here at all: no numpy, no OpenCV, or no model runtime that works.
    """
    if not as_json:
        commit = _commit()
        own = f"edgeproof {__version__}{f', commit {commit[:12]}' if commit else ''}"
        here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
        print(f"{own}, {here}")
    found = _findings()
    if as_json:
        print(json.dumps(_record(found), ensure_ascii=False))
    else:
        for check, finding in found:
            _print(check, finding)
    if len(found) == 1:
        raise UnavailableError("every other part needs numpy: follow the arrow above, then ask again")
    works: dict[str, list[bool]] = {}
    for check, finding in found:
        works.setdefault(check.group, []).append(finding.good)
    if not all(works["opencv"]) or not any(works["runtime"]):
        raise UnavailableError(
            "reading pictures needs OpenCV and one model runtime that works: follow the arrows above"
        )
    return 0


def _findings() -> list[tuple[Check, Finding]]:
    """Of every check; of numpy alone where that does not work."""
    numpy = probe(NUMPY.code)
    if not numpy.good:
        return [(NUMPY, numpy)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        findings = pool.map(probe, [check.code for check in CHECKS])
        return [(NUMPY, numpy), *zip(CHECKS, findings, strict=True)]


def _record(found: list[tuple[Check, Finding]]) -> dict[str, Any]:
    """The JSON object; docs/json.md has its fields."""
    here = machine.environment()
    return {
        "schema": SCHEMA,
        "python": here.python,
        "platform": f"{here.system}, {here.architecture}",
        "cpu": here.cpu,
        "flags": list(here.isa),
        "versions": here.packages,
        "commit": _commit(),
        "checks": [
            {"name": check.name, "group": check.group, "state": finding.state, "text": finding.text}
            | ({} if finding.good else {"remedy": _remedy(check, finding)})
            for check, finding in found
        ],
    }


def _commit() -> str | None:
    """That the installed wheel was built from, as it says itself; None where it says none: a checkout, or a build without git."""
    try:
        said = metadata.distribution("edgeproof").read_text("provenance.json")
        source = json.loads(said or "")["predicate"]["buildDefinition"]["resolvedDependencies"][0]
        return str(source["digest"]["gitCommit"])
    except (metadata.PackageNotFoundError, ValueError, LookupError, TypeError):
        return None


def _print(check: Check, finding: Finding) -> None:
    mark = "✅" if finding.good else "❎" if check.group == "extra" else "❌"  # ❎: missing, and only some need it
    print(f"{mark} {check.name:<24} {finding.text}")
    if not finding.good:
        print(f"   {'':<24} → {_remedy(check, finding)}")


def _remedy(check: Check, finding: Finding) -> str:
    return check.old_cpu if finding.old_cpu else check.remedy


def probe(code: str) -> Finding:
    """Run `code` in a child: its last line, or how it died."""
    search = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path]
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", code],  # -P: nothing is imported from where a person happens to stand
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, search))},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding("failed", f"hung for {TIMEOUT_S} s")
    if child.returncode == -signal.SIGILL:
        return Finding(
            "failed",
            f"crashed with SIGILL: this build needs CPU instructions that this machine lacks {_cpu()}",
            old_cpu=True,
        )
    if child.returncode < 0:
        return Finding("failed", f"crashed with {signal.Signals(-child.returncode).name}")
    if child.returncode != 0:
        return _raised(child.stderr.strip().splitlines())
    return Finding("ok", (child.stdout.strip().splitlines() or ["no output"])[-1])


def _raised(lines: list[str]) -> Finding:
    """What the child raised: "package.module.ErrorName: message", all lines below the traceback."""
    below = [*takewhile(lambda line: not line.startswith(" "), reversed(lines))][::-1]
    text = " ".join(" ".join(below).split()) or "no output"
    kind, _, message = text.partition(": ")
    message = message or text
    if "your machine doesn't support" in message:  # numpy looks at the CPU before it runs into SIGILL
        return Finding("failed", f"{message} {_cpu()}", old_cpu=True)
    return Finding("missing" if kind.rpartition(".")[2] in _NOT_HERE else "failed", message)


def _cpu() -> str:
    """Its name, and the usual instruction sets that it lacks."""
    lacking = machine.lacking_flags()
    return f"({machine.environment().cpu}{': no ' if lacking else ''}{', '.join(lacking)})"
