"""A file that grows by whole pieces: records, or frames of a video."""

from __future__ import annotations

import os
import stat


class AppendFile:
    """An open file that pieces are appended to.

    Each piece is in the file when `append` returns, so a kill takes none; one that does not fit leaves the file as it was
    before. A pipe or terminal can be no more than written to.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        """`name` is what errors call it."""
        self._descriptor, self._name = descriptor, name
        self._regular = stat.S_ISREG(os.fstat(descriptor).st_mode)

    def append(self, piece: bytes) -> None:
        """Raises OSError, with the file's name, when the system does not take all of it."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END) if self._regular else 0
        try:
            self._write(piece)
        except BaseException as error:
            if self._regular:
                os.ftruncate(self._descriptor, end)
            self._tell(error)
            raise

    def replace(self, place: int, piece: bytes) -> None:
        """Write over what is there, of a regular file."""
        os.lseek(self._descriptor, place, os.SEEK_SET)
        self._write(piece)

    def clear(self) -> None:
        """Take everything out of a regular file."""
        if self._regular:
            os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Some file systems tell only now that something did not reach the disk. Raises OSError then."""
        try:
            if self._regular:
                os.fsync(self._descriptor)
        except OSError as error:
            self._tell(error)
            raise
        finally:
            os.close(self._descriptor)

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _tell(self, error: BaseException) -> None:
        if isinstance(error, OSError):  # of a descriptor, it knows no name
            error.filename = self._name
