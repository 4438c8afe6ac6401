"""The frames of any source, whatever it is."""

from __future__ import annotations

from collections.abc import Generator

from edgeproof.sources.live.live import live_frames
from edgeproof.sources.pictures.picture import picture_frame
from edgeproof.sources.source import Frame, Source
from edgeproof.sources.video import video_frames


def frames_of(source: Source) -> Generator[Frame]:
    """The frames of one source: one of a picture, all of a video file, the newest ones of a camera or stream.

    Raises SourceError when the source is missing, cannot be decoded, or is lost.
    """
    if source.kind == "picture":
        yield picture_frame(source)
    elif source.kind == "video":
        yield from video_frames(source)
    else:
        yield from live_frames(source)
