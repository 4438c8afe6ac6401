"""The verb `cameras`: which are there, what each can deliver, and what to call it."""

from __future__ import annotations

import json
from typing import Any

from edgeproof.errors import UnavailableError
from edgeproof.sources.cameras import Camera, cameras, pi_cameras
from edgeproof.support import command
from edgeproof.support.terminal import printable

PROGRAM = "edgeproof"
SCHEMA = 1  # of the --json object, counted up when a field goes or changes its meaning


def run(*, as_json: bool) -> int:
    """List them. No camera is an answer, and the exit code 0: nobody asked for one that is missing.

    Raises UnavailableError where the system cannot tell. Where only a Raspberry Pi's library cannot, the others are listed.
    """
    found, code = cameras(), 0
    try:
        found += pi_cameras()
    except UnavailableError as error:
        command.complain(str(error), program=PROGRAM)
        code = error.exit_code
    if as_json:
        print(json.dumps({"schema": SCHEMA, "cameras": [_record(camera) for camera in found]}, ensure_ascii=False))
    else:
        for camera in found:
            _print(camera)
    if not found:
        command.complain(
            "no camera found: connect one, or see with lsusb and dmesg whether the system knows it",
            program=PROGRAM,
        )
    return code


def _record(camera: Camera) -> dict[str, Any]:
    """The JSON object of one camera; docs/json.md has its fields."""
    record: dict[str, Any] = {
        "device": camera.device,
        "name": camera.name,
        "driver": camera.driver,
        "bus": camera.bus,
        "modes": [
            {"format": mode.pixel_format, "width": mode.width, "height": mode.height, "fps": list(mode.fps)}
            for mode in camera.modes
        ],
    }
    if camera.by_id:
        record["by_id"] = camera.by_id
    if camera.problem:
        record["problem"] = camera.problem
    return record


def _print(camera: Camera) -> None:
    """A line for what it is, one for each name that it has besides, and one per mode."""
    served = ", ".join(filter(None, (camera.driver, camera.bus)))
    print(f"{camera.device:<14} {printable(camera.name)}{f' ({printable(served)})' if served else ''}")
    for line in filter(None, (camera.by_id, camera.problem)):
        print(f"{'':<14} {printable(line)}")
    for mode in camera.modes:
        rates = f"{', '.join(f'{rate:g}' for rate in mode.fps)} frames/s" if mode.fps else ""
        print(f"{'':<14} {printable(mode.pixel_format):<4} {f'{mode.width}x{mode.height}':<10} {rates}".rstrip())
