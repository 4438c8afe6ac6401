"""What a person may choose about live sources."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

OnLoss = Literal["auto", "retry", "end"]


@dataclass(frozen=True)
class LiveOptions:
    """How cameras and streams are opened, and what happens when they fall silent.

    open_timeout_s: seconds to wait for a source to open, > 0. read_timeout_s: seconds without a new frame after which a source
    counts as stalled and is opened again, > 0.
    on_loss: "retry" waits until there is a frame (again); "end" raises; "auto" waits for a source that was there and raises for
    one that never was. give_up_s: seconds without a frame after which a retry ends too; None for never.
    still_s: seconds after which a picture that does not change is read again, ≥ 0; 0 reads every frame.
    width, height: pixels; fps: frames per second; pixel_format: four letters, as in MJPG. What a camera is asked for, None for
    its own choice. A camera takes the nearest that it can.
    """

    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.0
    on_loss: OnLoss = "auto"
    give_up_s: float | None = None
    still_s: float = 2.0
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    pixel_format: str | None = None

    @property
    def silence_s(self) -> float:
        """Seconds without a new frame after which a source that is to give `fps` of them counts as stalled."""
        return self.read_timeout_s + (1 / self.fps if self.fps else 0.0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
