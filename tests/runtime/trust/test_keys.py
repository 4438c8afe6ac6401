"""Key files: made, read in the forms that people have, and refused when they are anything else."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.trust.keys import MAX_KEY_BYTES, PrivateKey, fingerprint, library, make_key, read_private, read_public
from edgeproof.trust.signature import fits, signed

cryptography = pytest.importorskip("cryptography")


def test_a_made_key_is_read_again_and_belongs_to_its_owner(tmp_path: Path) -> None:
    made = make_key(tmp_path / "v1.2")
    private, public = tmp_path / "v1.2.key", tmp_path / "v1.2.pub"
    assert sorted(tmp_path.iterdir()) == [private, public]
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert (read_private(private).seed, read_public(public).raw) == (made.seed, made.public.raw)
    assert read_private(private).public.raw == made.public.raw
    assert b"BEGIN PRIVATE KEY" in private.read_bytes()
    assert b"BEGIN PUBLIC KEY" in public.read_bytes()
    assert made.seed.hex() not in repr(made)
    assert str(made.seed) not in repr(made)


@pytest.mark.parametrize("there", ["release.key", "release.pub"])
def test_a_key_is_never_replaced(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("kept")
    with pytest.raises(UsageError, match="never replaced"):
        make_key(tmp_path / "release")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "kept")]


@pytest.mark.parametrize("name", ["", "..", "nodir/release"])
def test_a_key_has_a_name_in_a_folder_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--make-key: expected a name in a folder that is there"):
        make_key(Path(name))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_key_is_told_without_questions(tmp_path: Path) -> None:
    (tmp_path / "release.pub").write_text("-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----\n")
    with pytest.raises(IntegrityError, match=r"PEM or OpenSSH's, found none$"):
        read_public(tmp_path / "release.pub")


def test_no_half_of_a_pair_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, real = [], os.fsync

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        make_key(tmp_path / "release")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_openssh_keys_are_taken_and_called_as_ssh_keygen_calls_them(tmp_path: Path) -> None:
    def keygen(*words: str) -> str:
        return subprocess.run(["ssh-keygen", *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    keygen("-q", "-t", "ed25519", "-N", "", "-C", "me@here", "-f", "id")
    private, public = read_private(tmp_path / "id"), read_public(tmp_path / "id.pub")
    assert private.public.raw == public.raw
    assert keygen("-lf", "id.pub").split()[1] == public.fingerprint
    assert fits(b"content", signed(b"content", private), public)
    keygen("-q", "-t", "ed25519", "-N", "a secret", "-f", "locked")
    with pytest.raises(IntegrityError, match="locked: expected an Ed25519 private key without a passphrase"):
        read_private(tmp_path / "locked")
    keygen("-q", "-t", "ecdsa", "-N", "", "-f", "ec")
    with pytest.raises(IntegrityError, match="ec: expected an Ed25519 private key, found E"):
        read_private(tmp_path / "ec")
    with pytest.raises(IntegrityError, match=r"ec\.pub: expected"):
        read_public(tmp_path / "ec.pub")


def test_what_is_no_public_key_is_refused(tmp_path: Path, keys: tuple[PrivateKey, PrivateKey]) -> None:
    good = Path(keys[0].public.file).read_bytes()
    assert read_public(keys[0].public.file) == keys[0].public
    file = tmp_path / "key.pub"
    for content in (b"", b"\0" * 200, good[: len(good) // 2], good.replace(b"MCow", b"MCox"), good + good, b"x" * 2**20,
                    b"ssh-ed25519 AAAA", b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== me", good.lower()):  # fmt: skip
        file.write_bytes(content)
        with pytest.raises(IntegrityError, match=r"key\.pub: expected"):
            read_public(file)
    file.write_bytes(b" " * MAX_KEY_BYTES + good)
    with pytest.raises(IntegrityError, match="at most 16384 bytes"):
        read_public(file)
    with pytest.raises(IntegrityError, match="found a private one"):
        read_public(keys[0].public.file.with_suffix(".key"))
    with pytest.raises(IntegrityError, match="expected an Ed25519 private key"):
        read_private(keys[0].public.file)
    for place in (tmp_path, tmp_path / "absent.pub", tmp_path / "a\0b", Path("/dev/zero")):
        with pytest.raises(IntegrityError, match="expected a key"):
            read_public(place)


def test_a_link_to_a_key_is_a_key(tmp_path: Path, keys: tuple[PrivateKey, PrivateKey]) -> None:
    (tmp_path / "link.pub").symlink_to(keys[0].public.file)
    assert read_public(tmp_path / "link.pub").raw == keys[0].public.raw
    (tmp_path / "loop.pub").symlink_to(tmp_path / "loop.pub")
    with pytest.raises(IntegrityError, match=r"loop\.pub: expected a key's file"):
        read_public(tmp_path / "loop.pub")


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(UnavailableError, match=r"install edgeproof\[sign\]"):
        library()


def test_fingerprints_need_no_package() -> None:
    # As `ssh-keygen -l` says of the key whose 32 bytes are zeros.
    assert fingerprint(bytes(32)) == "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk"
