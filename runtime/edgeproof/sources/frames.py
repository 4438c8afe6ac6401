"""The frames of any source, whatever it is."""

from __future__ import annotations

from collections.abc import Generator

from edgeproof.sources.live.live import live_frames
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.pictures.picture import picture_frame
from edgeproof.sources.source import Frame, Health, Source
from edgeproof.sources.stdin import stdin_frames
from edgeproof.sources.video import video_frames


def frames_and_health(source: Source, options: LiveOptions | None = None) -> Generator[Frame | Health]:
    """The frames of one source: one of a picture, all of a video or of standard input, the newest ones of a camera or stream;
    and of the latter its health, whenever that changes and every quarter of a second while nothing comes.

    Raises SourceError when the source is missing, cannot be decoded, or is lost for good, as `options` say.
    """
    if source.kind == "picture":
        yield picture_frame(source)
    elif source.kind == "stdin":
        yield from stdin_frames(source)
    elif source.kind in ("video", "replay"):
        yield from video_frames(source)
    else:
        yield from live_frames(source, options)


def frames_of(source: Source, options: LiveOptions | None = None) -> Generator[Frame]:
    """The frames alone of `frames_and_health`."""
    yield from (given for given in frames_and_health(source, options) if isinstance(given, Frame))
