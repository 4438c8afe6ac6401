"""Files of what was read, in a folder: annotated pictures and videos, crops, the stages of `--debug`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeproof.errors import EdgeproofError
from edgeproof.output import explain
from edgeproof.output.append_file import AppendFile
from edgeproof.output.places import Folder, safe_stem
from edgeproof.output.shot import Shot
from edgeproof.output.video_file import SUFFIX, VideoFile
from edgeproof.sources.source import Source
from edgeproof.support.opencv import cv2

JPEG_QUALITY = 85  # of a video's frames: letters stay sharp, 100 kB for a frame of a megapixel


def annotated_name(source: Source) -> tuple[str, str]:
    """Stem and suffix of the annotated picture or video of `source`."""
    return safe_stem(Path(source.name).stem), ".png" if source.kind == "picture" else SUFFIX


def encoded(image: Any, suffix: str, *options: int) -> bytes:
    """A picture's bytes as PNG or JPEG. Raises EdgeproofError when the format cannot hold it."""
    try:
        done, content = cv2.imencode(suffix, image, options)
    except cv2.error as error:
        if error.code == -4:  # out of memory, which is no limit of the format
            raise
        done = False
    if not done:
        height, width = image.shape[:2]
        raise EdgeproofError(f"expected a picture that {suffix} can hold, found {width}×{height} pixels: reduce it")
    return content.tobytes()


class SavedFiles:
    """Annotated pictures and videos, named after their sources. `written` lists them; `close` ends the video of a source."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._video: VideoFile | None = None
        self._size = (0, 0)  # width, height of the video
        self.written: list[Path] = []

    def take(self, shot: Shot) -> bool:
        """Raises OSError when a picture, or a frame of a video, does not fit on the disk."""
        drawn: Any = shot.annotated()
        stem, suffix = annotated_name(shot.source)
        if shot.source.kind == "picture":
            png = encoded(drawn, suffix, cv2.IMWRITE_PNG_COMPRESSION, 1)
            self.written.append(self._folder.write(stem, suffix, png))
            return True
        if self._video and (drawn.shape[1], drawn.shape[0]) != self._size:
            drawn = cv2.resize(drawn, self._size)
        jpeg = encoded(drawn, ".jpg", cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
        if self._video is None:
            self._size = (drawn.shape[1], drawn.shape[0])
            descriptor, path = self._folder.create(stem, suffix)
            self._video = VideoFile(AppendFile(descriptor, str(path)), *self._size)
            self.written.append(path)
        self._video.add(jpeg, shot.frame.time_s)
        return True

    def close(self) -> None:
        """Raises OSError when the video did not reach the disk."""
        video, self._video = self._video, None
        if video:
            try:
                video.close()
            finally:
                if video.empty:
                    self.written.pop().unlink(missing_ok=True)


class SavedCrops:
    """What the model saw of each digit: 28×28 PNG files named after source, frame, place and answer."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._stem: str | None = None  # of the source that is being read

    def take(self, shot: Shot) -> bool:
        self._stem = self._stem or self._folder.stem(safe_stem(Path(shot.source.name).stem))
        for i, (digit, glyph) in enumerate(zip(shot.reading.digits, shot.reading.glyphs, strict=True)):
            name = "".join(c for c in digit.name if c.isalnum())[:8] or str(digit.label)
            stem = f"{self._stem}-{shot.frame.index:05d}-{i:03d}-{name}"
            self._folder.write(stem, ".png", encoded(glyph, ".png"), lasting=False)  # dozens per frame of a camera
        return True

    def close(self) -> None:
        self._stem = None


class SavedStages:
    """The picture of every stage, and the table of candidates with the reason for each refusal."""

    def __init__(self, folder: Folder, classes: Sequence[str]) -> None:
        self._folder, self._classes = folder, classes
        self._stem: str | None = None  # of the source that is being read

    def take(self, shot: Shot) -> bool:
        if shot.examination is None:
            return True
        self._stem = self._stem or self._folder.stem(safe_stem(Path(shot.source.name).name))
        stem = self._stem if shot.source.kind == "picture" else f"{self._stem}-{shot.frame.index:06d}"
        for name, image in explain.stages(shot.frame.image, shot.examination, shot.facts).items():
            self._folder.write(f"{stem}-{name}", ".png", encoded(image, ".png"))
        table = explain.table(shot.examination, self._classes)
        self._folder.write(f"{stem}-candidates", ".tsv", table.encode(errors="backslashreplace"))
        return True

    def close(self) -> None:
        self._stem = None
