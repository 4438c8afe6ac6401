"""Files that are whole or absent: atomic writes, folders published by one rename, and their hashes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from edgeproof.errors import IntegrityError, UsageError

YOUNG_S = 60.0  # age up to which a temporary folder is left alone: its process may not have locked it yet
#: To read a file itself, through no link; a pipe would wait for its writer. Windows has the last of these flags alone.
_AS_IT_IS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


def sha256(source: Path | bytes) -> str:
    """Hex digest of a file's content, or of the bytes given."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes, read once: what is checked is what is used.

    Raises IntegrityError for what is missing, a link, a device or a pipe, or larger; OSError when reading is denied.
    """
    try:
        handle = os.open(path, _AS_IT_IS)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG):
            raise _no_file(path) from None
        raise
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise _no_file(path)
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(min(facts.st_size, most) + 1)  # it may grow meanwhile
    finally:
        os.close(handle)
    if len(content) > most:
        raise IntegrityError(f"{path}: expected at most {most} bytes, found more")
    return content


def _no_file(path: Path) -> IntegrityError:
    return IntegrityError(f"{path}: missing, or no regular file (a link, a folder, a device): copy or convert it again")


def write_atomic(path: Path, content: bytes, *, private: bool = False, through: Path | None = None) -> None:
    """Write `content` so that `path` holds either what it held before or all of the new bytes, also after a crash.

    `private`: only the owner may read it, from the first byte on. `through`: another folder of the same file system in which it
    comes to be, where nothing else may ever be seen beside `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=through or path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not private:  # mkstemp makes 0600; a reader on the device may be another user
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


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
def published_directory(target: Path, *, overwrite: bool, flag: str = "--name") -> Iterator[Path]:
    """Yield an empty staging folder that becomes `target` when the block ends well, and vanishes when it does not.

    The content lands in `.<name>-<hash>/` beside `target`, is flushed to the disk, and the symbolic link `target` is
    then replaced in one rename: a reader, or a machine that lost power, sees the old content or the new, never a mix.
    Left-overs of killed writers are swept. Raises UsageError, before the block, when `target` exists and `overwrite` is false,
    when it is nothing that was published, when another process is writing it, and when the file system has no links. `flag`:
    with which the user chose `target`, for these messages.
    """
    if not overwrite and os.path.lexists(target):
        raise UsageError(f"{target} already exists: choose another {flag} or give --overwrite")
    if os.path.lexists(target) and not target.is_symlink():
        kind = "folder" if target.is_dir() else "file"
        raise UsageError(f"{target} is a plain {kind} that edgeproof did not write: move it away first")
    made = not target.parent.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with locked(target.parent):
            _sweep_writers(target, flag)
            staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=_staging(target)))
            stack.enter_context(locked(staging))
        try:
            staging.chmod(0o777 & ~_umask())
            _check_links(staging)
            yield staging
            final = target.parent / (_prefix(target) + content_hash(staging)[:16])
            sync_tree(staging)
            with locked(target.parent):
                if not overwrite and os.path.lexists(target):
                    raise UsageError(f"{target} was written by another process meanwhile: choose another {flag}")
                _switch(staging, final, target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            if made:
                with contextlib.suppress(OSError):  # another writer may be in it by now
                    target.parent.rmdir()
            raise


def is_published(target: Path) -> bool:
    """Whether `target` is what `published_directory` makes: a link to a folder of its own beside it."""
    return target.is_symlink() and bool(_content_name(target).fullmatch(str(target.readlink())))


def check_target(target: Path, *, overwrite: bool, flag: str = "--name") -> None:
    """Raise what `published_directory` would raise at its beginning, before work that has to be done outside of it."""
    with contextlib.suppress(_EnoughError), published_directory(target, overwrite=overwrite, flag=flag):
        raise _EnoughError


class _EnoughError(Exception):
    """Nothing is to be published."""


def _check_links(folder: Path) -> None:
    link = folder / "link"
    try:
        link.symlink_to("nothing")
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        raise UsageError(
            f"{folder.parent}: expected a file system with symbolic links, found one without: choose another --out"
        ) from None
    link.unlink()


@contextlib.contextmanager
def own_temporaries(program: str) -> Iterator[Path]:
    """A folder that holds all temporary files of this process and its children until the block ends, and is then removed.

    Those of earlier processes of `program` that were killed are removed at the beginning.
    """
    outside, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    _sweep_temporaries(Path(tempfile.gettempdir()), program)
    with tempfile.TemporaryDirectory(prefix=f"{program}~", ignore_cleanup_errors=True) as name, locked(Path(name)):
        tempfile.tempdir = os.environ["TMPDIR"] = name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = outside
            os.environ.pop("TMPDIR")
            if variable is not None:
                os.environ["TMPDIR"] = variable


def _sweep_temporaries(parent: Path, program: str) -> None:
    for folder in parent.glob(f"{program}~*"):
        with contextlib.suppress(OSError):  # another process works in it, has removed it, or it is another user's
            facts = folder.lstat()
            if stat.S_ISDIR(facts.st_mode) and time.time() - facts.st_mtime > YOUNG_S:
                with locked(folder, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)


def _switch(staging: Path, final: Path, target: Path) -> None:
    """Make `staging` the folder `final`, `target` a link to it, and sweep what it was a link to before."""
    if final.exists():  # the same content was published before
        shutil.rmtree(staging)
    else:
        staging.rename(final)
    link = target.parent / f"{_prefix(target)}link"
    link.unlink(missing_ok=True)
    link.symlink_to(final.name, target_is_directory=True)
    link.replace(target)
    sync_directory(target.parent)
    for old in target.parent.iterdir():
        # A name may be the beginning of another one (digits, digits-quick): only what ends in a hash of ours is swept.
        if old != final and _content_name(target).fullmatch(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _sweep_writers(target: Path, flag: str) -> None:
    """Remove the staging folders of writers that were killed. Raises UsageError when one is still at work."""
    for folder in target.parent.iterdir():
        if not re.fullmatch(re.escape(_staging(target)) + "[a-z0-9_]{8}", folder.name):
            continue
        try:
            with locked(folder, wait=False):
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # its writer has just finished
            continue
        except BlockingIOError:
            raise UsageError(
                f"{target} is being written by another process: wait for it, or choose another {flag}"
            ) from None


def _prefix(target: Path) -> str:
    return f".{target.name}-"


def _content_name(target: Path) -> re.Pattern[str]:
    """What the folders of its content are called."""
    return re.compile(re.escape(_prefix(target)) + "[0-9a-f]{16}")


def _staging(target: Path) -> str:
    """How the names of its staging folders begin, each locked as long as its writer lives: as no other target's content does."""
    return f".writing~{target.name}~"


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Alone among all processes with a folder, or a file that is there, until the block ends or the process dies.

    Raises BlockingIOError unless `wait`.
    """
    import fcntl  # Windows has none; what a device needs of this module works there

    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def content_hash(folder: Path) -> str:
    """Hex digest of the names and contents of all files in `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


def sync_tree(folder: Path) -> None:
    """Flush `folder` and all that is in it to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_directory(path)
    sync_directory(folder)


def sync_directory(folder: Path) -> None:
    """Flush the names in `folder` to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
