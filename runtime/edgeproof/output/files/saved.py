"""Files of what was read, in a folder: annotated pictures and videos, recordings, the stages of `--debug`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeproof.errors import EdgeproofError
from edgeproof.output import explain
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.places import Folder, Inputs, safe_stem
from edgeproof.output.files.video_file import SUFFIX, VideoFile
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Source
from edgeproof.support.opencv import cv2

RECORDING_QUALITY = 95  # what is read again must be what was read
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


def snapshots(path: Path, inputs: Inputs) -> Callable[[str, Any], Path]:
    """What writes one picture, by a name and its pixels, into a folder that is made with the first."""

    def save(name: str, image: Any) -> Path:
        return Folder(path, inputs, overwrite=False).write(safe_stem(name), ".png", encoded(image, ".png"))

    return save


class _Film:
    """The video of the source that is being read: begun with its first frame, in a folder. `written` lists all so far."""

    def __init__(self, folder: Folder, quality: int) -> None:
        """quality: of its JPEG frames, 0..100."""
        self._folder, self._quality = folder, quality
        self._video: VideoFile | None = None
        self.size = (0, 0)  # width, height; none before the first frame
        self.written: list[Path] = []

    def add(self, image: Any, stem: str, time_s: float) -> None:
        """Raises OSError when the frame does not fit on the disk."""
        jpeg = encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, self._quality)
        if self._video is None:
            self.size = (image.shape[1], image.shape[0])
            descriptor, path = self._folder.create(stem, SUFFIX)
            self._video = VideoFile(AppendFile(descriptor, str(path)), *self.size)
            self.written.append(path)
        self._video.add(jpeg, time_s)

    def close(self) -> None:
        """Raises OSError when the video did not reach the disk."""
        video, self._video, self.size = self._video, None, (0, 0)
        if video:
            try:
                video.close()
            finally:
                if video.empty:
                    self.written.pop().unlink(missing_ok=True)


class SavedFiles:
    """Annotated pictures and videos, named after their sources. `written` lists them; `close` ends the video of a source."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._film = _Film(folder, JPEG_QUALITY)

    @property
    def written(self) -> list[Path]:
        return self._film.written

    def take(self, shot: Shot) -> bool:
        """Raises OSError when a picture, or a frame of a video, does not fit on the disk."""
        drawn: Any = shot.annotated()
        stem, suffix = annotated_name(shot.source)
        if shot.source.kind == "picture":
            png = encoded(drawn, suffix, cv2.IMWRITE_PNG_COMPRESSION, 1)
            self.written.append(self._folder.write(stem, suffix, png))
            return True
        if self._film.size not in ((0, 0), (drawn.shape[1], drawn.shape[0])):
            drawn = cv2.resize(drawn, self._film.size)
        self._film.add(drawn, stem, shot.frame.time_s)
        return True

    def close(self) -> None:
        """Raises OSError when the video did not reach the disk."""
        self._film.close()


class Recording:
    """The frames of everything but pictures as they came, with their times, for `replay:FILE`. `written` lists the videos: one
    per source, and another wherever the size of the frames changes.
    """

    def __init__(self, folder: Folder) -> None:
        self._film = _Film(folder, RECORDING_QUALITY)

    @property
    def written(self) -> list[Path]:
        return self._film.written

    def take(self, shot: Shot) -> bool:
        """Raises OSError when the frame does not fit on the disk."""
        if shot.source.kind == "picture":
            return True
        image = shot.frame.image
        if self._film.size not in ((0, 0), (image.shape[1], image.shape[0])):
            self._film.close()
        self._film.add(image, annotated_name(shot.source)[0], shot.frame.time_s)
        return True

    def close(self) -> None:
        """Raises OSError when the video did not reach the disk."""
        self._film.close()


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
