"""OpenCV, imported once for all of edgeproof: with its limits set before it reads them, and one error where it is missing.

The modules that work on pixels take `cv2` from here. Whoever only parses, verifies or classifies never imports this module,
so that a command starts without OpenCV.
"""

from __future__ import annotations

import os

from edgeproof.errors import UnavailableError

MAX_PIXELS = 100_000_000  # decoded, 0.3 GB; a 109-kilobyte PNG can claim 900 megapixels and would take 5 GB

# OpenCV reads these once, when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

try:
    import cv2
except ImportError as missing:
    raise UnavailableError(
        f"OpenCV does not import ({missing}): install edgeproof[headless], or edgeproof[desktop] for windows"
    ) from None

__all__ = ["MAX_PIXELS", "cv2"]
