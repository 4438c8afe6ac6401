"""Files that are whole or absent: atomic writes, folders published by one rename, and their hashes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeproof.errors import UsageError


def sha256(source: Path | bytes) -> str:
    """Hex digest of a file's content, or of the bytes given."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds either what it held before or all of the new bytes, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes 0600; a reader on the device may be another user
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def replace_between(document: str, begin: str, end: str, text: str, where: str) -> str:
    """`document` with `text` on lines of its own between two markers, for tables that a command keeps up to date.

    `where` names the document. Raises UsageError when the markers are not there once each, in order.
    """
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
        raise UsageError(
            f"{where}: expected the lines {begin} and {end} once each, in this order: add them where the table goes"
        )
    before, _, rest = document.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


@contextlib.contextmanager
def published_directory(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty staging folder that becomes `target` when the block ends well, and vanishes when it does not.

    The content lands in `.<name>-<hash>/` beside `target`, is flushed to the disk, and the symbolic link `target` is
    then replaced in one rename: a reader, or a machine that lost power, sees the old content or the new, never a mix.
    Left-overs of killed writers are swept. Raises UsageError when `target` exists and `overwrite` is false.
    """
    if not overwrite and os.path.lexists(target):
        raise UsageError(f"{target} already exists: choose another --name or give --overwrite")
    if target.is_dir() and not target.is_symlink():
        raise UsageError(f"{target} is a plain folder that edgeproof did not write: move it away first")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-writing-"))
    try:
        staging.chmod(0o777 & ~_umask())
        yield staging
        final = target.parent / f".{target.name}-{_content_hash(staging)[:16]}"
        _sync_tree(staging)
        if final.exists():  # the same content was published before
            shutil.rmtree(staging)
        else:
            staging.rename(final)
        link = target.parent / f".{target.name}-link-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(final.name, target_is_directory=True)
        link.replace(target)
        _sync_directory(target.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    for leftover in target.parent.glob(f".{target.name}-*"):
        # A name may be the beginning of another one (digits, digits-quick): only our own suffixes are swept.
        suffix = leftover.name.removeprefix(f".{target.name}-")
        ours = suffix.startswith(("writing-", "link-")) or (len(suffix) == 16 and "-" not in suffix)
        if ours and leftover != final:
            leftover.unlink() if leftover.is_symlink() else shutil.rmtree(leftover, ignore_errors=True)


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_directory(path)
    _sync_directory(folder)


def _sync_directory(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
