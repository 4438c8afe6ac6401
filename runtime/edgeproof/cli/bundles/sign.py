"""The verb `sign`: a signature into a bundle, and the keys that it is made with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.errors import IntegrityError, UsageError
from edgeproof.support import files
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.bundle import Bundle
    from edgeproof.trust.keys import PrivateKey

DESCRIPTION = """Sign a bundle with an Ed25519 key: whoever has that key then vouches for every byte of it. A device on which the
public key is installed, or named with --trust, takes nothing else. The bundle is checked first, hash by hash."""
EXAMPLES = """examples:
  edgeproof sign --make-key release                    release.key, which stays with you, and release.pub, for devices
  edgeproof sign bundle/digits-quick --key release.key
  edgeproof sign bundle/digits-quick --key ~/.ssh/id_ed25519 --overwrite     by another key than before
  edgeproof verify bundle/digits-quick --trust release.pub
  sudo install -D -m 644 release.pub /etc/edgeproof/trusted/release.pub      on a device: from now on, only these"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--key", type=Path, metavar="KEY", help="private key: PEM, or OpenSSH's, both without a passphrase"
    )
    what.add_argument(
        "--make-key", type=Path, metavar="NAME",
        help="instead of signing: make NAME.key, which only its owner may read, and NAME.pub",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace a signature (else it is kept: exit 2)")


def run(args: argparse.Namespace) -> int:
    """Sign, or make keys. Raises UsageError, IntegrityError, or UnavailableError without the package cryptography."""
    from edgeproof.trust.keys import make_key, read_private

    if (args.bundle is None) == (args.make_key is None):
        raise UsageError("sign: expected BUNDLE with --key KEY, or --make-key NAME alone")
    if args.make_key is not None:
        made = make_key(args.make_key)
        name = printable(str(args.make_key))
        print(f"wrote {name}.key: it signs, so keep it where no device and nobody else gets it")
        print(f"wrote {name}.pub: for --trust, or /etc/edgeproof/trusted/ on a device; {made.public.fingerprint}")
        return 0
    key = read_private(args.key)
    sign_bundle(args.bundle, key, overwrite=args.overwrite)
    print(f"{printable(str(args.bundle))}: signed by {key.public.fingerprint}")
    return 0


def sign_bundle(path: Path, key: PrivateKey, *, overwrite: bool = False) -> None:
    """Put the signature of `key` into the bundle at `path`, which was whole before and is whole at every moment.

    Raises UsageError for one that is signed already unless `overwrite`, IntegrityError for one that does not verify.
    """
    from edgeproof.bundle import load_bundle
    from edgeproof.manifest_file import SIGNATURE, read_manifest
    from edgeproof.trust.signature import signature_bytes, signed
    from edgeproof.trust.trusted import EVERYBODY, Trust

    bundle = load_bundle(path, EVERYBODY)
    if bundle.signature and not overwrite:
        raise UsageError(f"{path} is signed already, by {bundle.signature.key}: give --overwrite to sign it anew")
    manifest = read_manifest(bundle.path)
    if files.sha256(manifest) != bundle.manifest_sha256:
        raise IntegrityError(f"{path}: expected nobody else to write it, found another manifest: sign it again")
    content = signature_bytes(signed(manifest, key))
    only = Trust((key.public,), named=True)
    if not files.is_published(path):
        # Elsewhere first: a bundle with a file that is no part of it is refused, and this program may be killed.
        files.write_atomic(bundle.path / SIGNATURE, content, through=bundle.path.parent)
        load_bundle(bundle.path, only)
        return
    with files.published_directory(path, overwrite=True) as folder:
        if path.resolve() != bundle.path:  # from here on no other can write it
            raise UsageError(f"{path} was replaced by another process meanwhile: sign it again")
        _copy(bundle, folder)
        (folder / SIGNATURE).write_bytes(content)
        load_bundle(folder, only)


def _copy(bundle: Bundle, folder: Path) -> None:
    """All files but the old signature."""
    from edgeproof.manifest import MAX_FILE_BYTES
    from edgeproof.manifest_file import SIGNATURE

    for file in bundle.path.iterdir():
        if file.name != SIGNATURE:
            (folder / file.name).write_bytes(files.read_bounded(file, MAX_FILE_BYTES))
