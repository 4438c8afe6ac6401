"""Whose bundles are taken. Read in this order: `keys` (Ed25519 keys and their files), `signature` (manifest.sig: made, read and
checked), `trusted` (which keys a call names, or this machine has installed).

The signature is over the bytes of manifest.json, which states the sha256 of every other file. `edgeproof.bundle.load_bundle`
decides with it. The package `cryptography` is imported when a key is read, or a signature made or checked, and not before.

May import `edgeproof.manifest_file`, `edgeproof.support` and `edgeproof.errors`.
"""
