"""A source and its frames: what every reader of pictures, videos and cameras gives and takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["picture", "video", "replay", "stdin", "watched", "camera", "stream"]
State = Literal["live", "stalled", "frozen", "degraded"]


@dataclass(frozen=True)
class Source:
    """One thing to read.

    kind: what it is; "replay" is a recording of ours, of which every reading gives the same records, "watched" a folder that
    pictures arrive in. location: path, device or URL as OpenCV takes it, never to be shown: it may hold credentials. name: for
    people and records, without them; of a file as it is, control characters and undecodable bytes (as surrogates) included.
    """

    kind: Kind
    location: str = field(repr=False)
    name: str

    @property
    def live(self) -> bool:
        return self.kind in ("camera", "stream")


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    source: its name. index: 0, 1, 2, … within the source; skipped frames of a live source count.
    time_s: seconds since the start of the source. image: uint8 BGR (H, W, 3), upright.
    capture_ms: time spent on fetching and decoding it. taken_s: monotonic clock when it was taken, as far as can be told: by
    the source's own clock, or when its bytes arrived; live sources only.
    dropped: frames of a live source that were replaced by a newer one before anyone took them, so far.
    """

    source: str
    index: int
    time_s: float
    image: NDArray[np.uint8]
    capture_ms: float
    taken_s: float | None = None
    dropped: int = 0

    @property
    def age_ms(self) -> float | None:
        """How long ago a live frame was taken, milliseconds."""
        return None if self.taken_s is None else 1000 * (time.monotonic() - self.taken_s)


@dataclass(frozen=True)
class Health:
    """What has become of a live source, beside its frames.

    source: its name. state: "live"; "stalled", nothing comes, and it is being opened again; "frozen", it gives one and the same
    picture over and over; "degraded", it is read, and something of what shall be written is not. reason: one line for
    people, empty while it is live. since_s: monotonic clock when that began.
    """

    source: str
    state: State
    reason: str
    since_s: float
