"""The camera of a Raspberry Pi, read by picamera2, which exists there alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

from edgeproof.errors import SourceError
from edgeproof.sources.live.child.grab import Grab
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Source

USUAL_SIZE = (1280, 720)  # width, height, pixels; what the sensor gives by itself may be twelve megapixels


def picamera_grabs(source: Source, options: LiveOptions) -> Iterator[Grab]:
    """Every frame of the camera `picamera:N`. Raises SourceError when it does not open or is lost."""
    try:
        from picamera2 import Picamera2
    except ImportError as missing:
        raise SourceError(
            f"{source.name}: picamera2 does not import ({missing}): on Raspberry Pi OS, apt install python3-picamera2, and make "
            "the environment with --system-site-packages"
        ) from None
    try:
        camera = Picamera2(int(source.location.partition(":")[2]))
        size = (options.width or USUAL_SIZE[0], options.height or USUAL_SIZE[1])
        controls = {"FrameRate": options.fps} if options.fps else {}
        # Its "RGB888" lies in memory as blue, green, red. Two buffers: one is filled while the other is read.
        setup = {"main": {"format": "RGB888", "size": size}, "controls": controls, "buffer_count": 2}
        camera.configure(camera.create_video_configuration(**setup))
        camera.start()
    except (RuntimeError, IndexError, OSError) as error:
        raise SourceError(f"{source.name}: the camera does not open: {error}") from None
    try:
        while True:
            request = camera.capture_request()
            arrived_s = time.monotonic()
            try:
                pixels = request.make_array("main")[:, : size[0], :3].copy()
                stamp_s = request.get_metadata().get("SensorTimestamp", 0) / 1e9
            finally:
                request.release()
            yield Grab(arrived_s, stamp_s or None, pixels, lambda pixels=pixels: pixels)  # type: ignore[misc]
    finally:
        camera.close()
