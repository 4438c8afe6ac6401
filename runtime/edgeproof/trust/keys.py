"""Ed25519 keys: made, and read from their files.

Private keys are PEM (PKCS8) or OpenSSH's, public ones PEM (SubjectPublicKeyInfo) or OpenSSH's line. A key's fingerprint is the
one that `ssh-keygen -l` shows, whichever form its file has.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.support import files

MAX_KEY_BYTES = 16 * 1024  # a key file is a few hundred
_SSH_NAME = b"ssh-ed25519"


@dataclass(frozen=True)
class PublicKey:
    """raw: the 32 bytes of an Ed25519 public key. file: where it was read."""

    raw: bytes
    file: Path

    @property
    def fingerprint(self) -> str:
        """SHA256: and 43 characters, as OpenSSH writes it."""
        return fingerprint(self.raw)

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.file})"


@dataclass(frozen=True)
class PrivateKey:
    """seed: the 32 bytes that nobody else may know. public: the key that belongs to it, of the same file."""

    seed: bytes = field(repr=False)
    public: PublicKey


def fingerprint(raw: bytes) -> str:
    """Of a public key's 32 bytes: the sha256 of the key as OpenSSH encodes it, in base64."""
    encoded = b"".join(len(part).to_bytes(4, "big") + part for part in (_SSH_NAME, raw))
    return "SHA256:" + base64.b64encode(hashlib.sha256(encoded).digest()).decode().rstrip("=")


def library() -> tuple[Any, Any]:
    """The modules `serialization` and `ed25519` of the package cryptography. Raises UnavailableError where it is not here."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as missing:
        raise UnavailableError(
            f"signatures: expected the package cryptography, found {missing}: install edgeproof[sign]"
        ) from None
    return serialization, ed25519


def read_public(path: Path) -> PublicKey:
    """The public key in a file. Raises IntegrityError for anything else in it, or when it cannot be read."""
    serialization, ed25519 = library()
    content = _content(path)
    if b"PRIVATE KEY" in content:
        raise IntegrityError(
            f"{path}: expected a public key, found a private one, which belongs on no device: give its .pub file"
        )
    if content.startswith(_SSH_NAME):
        alone, load = len(content.split(b"\n")) == 1, serialization.load_ssh_public_key
    else:
        alone, load = content.count(b"-----BEGIN") == 1, serialization.load_pem_public_key
    if not alone:
        raise IntegrityError(f"{path}: expected one Ed25519 public key, PEM or OpenSSH's, found none or several")
    key = _loaded(path, "public", lambda: load(content), ed25519.Ed25519PublicKey)
    return PublicKey(key.public_bytes_raw(), path)


def read_private(path: Path) -> PrivateKey:
    """The private key in a file. Raises IntegrityError for anything else in it, a passphrase too, or when it cannot be read."""
    serialization, ed25519 = library()
    content = _content(path)
    openssh = content.startswith(b"-----BEGIN OPENSSH")
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    key = _loaded(path, "private", lambda: load(content, password=None), ed25519.Ed25519PrivateKey)
    return PrivateKey(key.private_bytes_raw(), PublicKey(key.public_key().public_bytes_raw(), path))


def _content(path: Path) -> bytes:
    """Behind links too: installed keys are often links to where a package keeps them."""
    try:
        return files.read_bounded(Path(os.path.realpath(path)), MAX_KEY_BYTES).strip()
    except OSError as error:
        raise IntegrityError(f"{path}: expected a key that can be read, found: {error.strerror}") from None
    except (IntegrityError, ValueError) as error:  # ValueError: no file can have that name
        raise IntegrityError(f"{path}: expected a key's file: {error}") from None


def _loaded(path: Path, kind: str, load: Callable[[], Any], wanted: type) -> Any:
    try:
        key = load()
    except Exception:  # what the library raises for what is no key has no common base, and asks the reader questions
        secret = " without a passphrase" if kind == "private" else ""
        raise IntegrityError(f"{path}: expected an Ed25519 {kind} key{secret}, PEM or OpenSSH's, found none") from None
    if not isinstance(key, wanted):
        raise IntegrityError(f"{path}: expected an Ed25519 {kind} key, found {type(key).__name__.lstrip('_')}")
    return key


def make_key(name: Path) -> PrivateKey:
    """Write a new key as NAME.key, which only its owner may read, and NAME.pub. Raises UsageError when either is there, or
    the folder is not."""
    serialization, ed25519 = library()
    if name.name in ("", "..") or not name.parent.is_dir():
        raise UsageError(
            f"--make-key: expected a name in a folder that is there, found {str(name)!r}: make the folder first"
        )
    private, public = (name.with_name(f"{name.name}{suffix}") for suffix in (".key", ".pub"))
    for path in (private, public):
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already, and keys are never replaced: choose another name")
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write_new(private, secret, 0o600)
    try:
        _write_new(public, shown, 0o644)
    except BaseException:
        private.unlink()  # of this very call
        raise
    return PrivateKey(key.private_bytes_raw(), PublicKey(key.public_key().public_bytes_raw(), public))


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """A file that was not there, with `mode` from the first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
