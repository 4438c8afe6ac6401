"""A window on the screen, and whether there can be one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeproof.output import explain
from edgeproof.output.draw import status_line
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Source
from edgeproof.support.opencv import cv2

PROBE_TIMEOUT_S = 10
HELP = "q quit  s snapshot  space pause  d why  h this help"
HELP_S = 5.0  # for how long it is shown by itself
LOOK_MS = 100  # between two looks at the keys while nothing changes
SCREEN = (1280, 800)  # width, height, pixels, that every screen has room for
QUIT, NO_KEY = ord("q"), 0xFF
_ESCAPE = 27

Save = Callable[[str, Any], Path]


class Window:
    """The annotated frames. Keys: `HELP`; Esc and the close button quit too; from a picture any other key goes on."""

    TITLE = "edgeproof"

    def __init__(self, classes: Sequence[str], save: Save, *, waits: bool = True) -> None:
        """classes: of the bundle. save: writes a snapshot (its name, pixels), and says where. waits: whether a picture is shown
        until a key is pressed, and not until the next one comes."""
        self._classes, self._save, self._waits = classes, save, waits
        self._shown: Shot | None = None
        self._playing: Source | None = None
        self._began_s = 0.0  # monotonic clock of the first frame that is shown of it
        self._help_until_s = 0.0  # monotonic clock
        self._opened = self._why = self._paused = False

    def take(self, shot: Shot) -> bool:
        """Show a frame, a frame of a file for as long as it was; false when the person wants to stop.

        Raises OSError when a snapshot cannot be written.
        """
        if not self._opened:
            self._open(shot)
        self._shown = shot
        still = self._waits and shot.source.kind == "picture"
        until_s = self._until_s(shot)
        while True:
            cv2.imshow(self.TITLE, self._view(shot))
            waits = still or self._paused
            key = self._key(LOOK_MS if waits else max(1, round(1000 * (until_s - time.monotonic()))))
            if key == QUIT:
                return False
            if key == NO_KEY:
                if not (still or self._paused):
                    return True
            elif not self._obey(key, shot) and still:
                return True

    def _open(self, shot: Shot) -> None:
        """As large as the frames are drawn, where a usual screen has room for that."""
        self._opened = True
        self._help_until_s = time.monotonic() + HELP_S
        cv2.namedWindow(self.TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        height, width = self._view(shot).shape[:2]
        factor = min(1.0, SCREEN[0] / width, SCREEN[1] / height)
        cv2.resizeWindow(self.TITLE, round(factor * width), round(factor * height))

    def idle(self) -> bool:
        """Nothing new to show; false when the person wants to stop. Raises OSError as `take` does."""
        if self._shown is None:
            return True
        key = self._key(1)
        if key not in (QUIT, NO_KEY) and self._obey(key, self._shown):
            cv2.imshow(self.TITLE, self._view(self._shown))
        return key != QUIT

    def close(self) -> None:
        cv2.destroyAllWindows()

    def _obey(self, key: int, shot: Shot) -> bool:
        """Whether the key means something."""
        if key == ord("s"):
            stem = f"snapshot-{Path(shot.source.name).stem}-{shot.frame.index:06d}"
            print(f"wrote {self._save(stem, self._view(shot))}", file=sys.stderr)
        elif key == ord(" ") and shot.source.kind != "picture":
            self._paused = not self._paused
        elif key == ord("d"):
            self._why = not self._why
        elif key == ord("h"):
            self._help_until_s = 0.0 if time.monotonic() < self._help_until_s else float("inf")
        else:
            return False
        return True

    def _view(self, shot: Shot) -> Any:
        if self._why and shot.examination:
            return explain.picture(shot.frame.image, shot.examination, self._classes)
        status = status_line(shot.reading, shot.facts, shot.p50_ms)
        if self._paused:
            status = f"PAUSED | {status}"
        if time.monotonic() < self._help_until_s:
            status = f"{HELP} | {status}"
        return shot.drawn(status)

    def _until_s(self, shot: Shot) -> float:
        """Monotonic clock until which a frame of a file is shown, so that it plays as it was taken."""
        if self._playing is not shot.source or self._paused:
            self._playing, self._began_s = shot.source, time.monotonic() - shot.frame.time_s
        return 0.0 if shot.source.live else self._began_s + shot.frame.time_s

    def _key(self, wait_ms: int) -> int:
        """What was pressed; closing the window is QUIT."""
        key = cv2.waitKey(wait_ms) & 0xFF
        gone = cv2.getWindowProperty(self.TITLE, cv2.WND_PROP_VISIBLE) < 1
        return QUIT if gone or key == _ESCAPE else key


def display_works() -> bool:
    """Whether a window can be opened here, tried in a child process.

    Without a display OpenCV aborts the whole process, a set DISPLAY may be dead, and the headless wheel has no windows.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    code = "import cv2; cv2.namedWindow('edgeproof'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        probe = subprocess.run(
            [sys.executable, "-P", "-c", code], timeout=PROBE_TIMEOUT_S, capture_output=True, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0
