"""manifest.sig: an Ed25519 signature over the bytes of manifest.json, as a small JSON table beside it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from edgeproof.errors import IntegrityError
from edgeproof.manifest_file import MANIFEST, SIGNATURE, parsed
from edgeproof.support import files, tables
from edgeproof.support.tables import Pattern
from edgeproof.trust.keys import PrivateKey, PublicKey, library

MAX_SIGNATURE_BYTES = 4096  # it has about 200
SHOWN = 3  # trusted keys in a message


@dataclass(frozen=True)
class Signature:
    """algorithm: of the signature. key: fingerprint of the key that made it, as the file says. signature: 64 bytes in base64."""

    algorithm: Literal["ed25519"]
    key: Annotated[str, Pattern(r"SHA256:[A-Za-z0-9+/]{43}", "SHA256: and 43 characters")]
    signature: Annotated[str, Pattern(r"[A-Za-z0-9+/]{86}==", "64 bytes in base64")]


def signed(manifest: bytes, key: PrivateKey) -> Signature:
    """The signature of `key` over the content of a manifest.json. Raises UnavailableError without the package cryptography."""
    _, ed25519 = library()
    raw = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed).sign(manifest)
    return Signature("ed25519", key.public.fingerprint, base64.b64encode(raw).decode())


def fits(manifest: bytes, signature: Signature, key: PublicKey) -> bool:
    """Whether `key` made the signature over these bytes. Raises UnavailableError without the package cryptography."""
    _, ed25519 = library()
    from cryptography.exceptions import InvalidSignature

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key.raw).verify(base64.b64decode(signature.signature), manifest)
    except InvalidSignature:
        return False
    return True


def signature_bytes(signature: Signature) -> bytes:
    """The content of manifest.sig."""
    return (json.dumps(tables.to_table(signature), indent=1) + "\n").encode()


def signature_of(content: bytes, where: str) -> Signature:
    """What the content of a manifest.sig says; `where` names it. Raises IntegrityError unless `signature_bytes` wrote it."""
    signature = tables.from_table(Signature, parsed(content, where), where, IntegrityError)
    if content != signature_bytes(signature):  # base64 and JSON write one thing in many ways: one of them is taken
        raise IntegrityError(f"{where}: expected it as it was written, found it changed: copy the bundle again")
    return signature


def read_signature(folder: Path) -> Signature | None:
    """The signature in a bundle's folder; none where there is no such file. Raises IntegrityError."""
    file = folder / SIGNATURE
    if not os.path.lexists(file):
        return None
    return signature_of(files.read_bounded(file, MAX_SIGNATURE_BYTES), str(file))


def signer(manifest: bytes, signature: Signature | None, keys: Sequence[PublicKey], where: str) -> PublicKey:
    """The key among `keys` that signed the content of a manifest.json; `where` names its manifest.sig.

    Raises IntegrityError when none did, UnavailableError without the package cryptography.
    """
    if signature is None:
        raise IntegrityError(
            f"{where}: expected a signature by {_listed(keys)}, found none: take a signed bundle, or sign it where it was made: "
            "edgeproof sign BUNDLE --key KEY"
        )
    named = [key for key in keys if key.fingerprint == signature.key]
    if not named:
        raise IntegrityError(
            f"{where}: key: expected {_listed(keys)}, found {signature.key}, which is not trusted here: take a bundle signed by "
            "a trusted key, or trust that one too"
        )
    if not fits(manifest, signature, named[0]):
        raise IntegrityError(
            f"{where}: signature: expected that of {named[0]} over this {MANIFEST}, found another: one of the two was changed, "
            "or is another bundle's: copy the bundle again"
        )
    return named[0]


def _listed(keys: Sequence[PublicKey]) -> str:
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return " or ".join([*map(str, keys[:SHOWN]), *more]) or "nobody's key"
