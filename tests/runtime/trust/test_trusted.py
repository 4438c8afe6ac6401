"""Which keys are trusted, and what a bundle then needs: nothing that is wrong with a key may open the device."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.page.reader import open_reader
from edgeproof.trust import trusted
from edgeproof.trust.keys import PrivateKey
from edgeproof.trust.trusted import EVERYBODY, Trust, installed, told, trust_of

pytest.importorskip("cryptography")
Keys = tuple[PrivateKey, PrivateKey]


def install(key: PrivateKey, folder: Path, name: str = "release.pub") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(key.public.file.with_suffix(".pub"), folder / name))


@pytest.fixture(params=["system", "settings/edgeproof/trusted"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where keys are installed, in `conftest`'s stead of /etc and ~/.config."""
    return tmp_path / str(request.param)


def test_without_a_key_every_whole_bundle_is_taken(bundles: list[Path], colour: Path) -> None:
    assert installed() == EVERYBODY
    assert "no key is installed" in told()
    assert load_bundle(colour).signature is None
    bundle = load_bundle(bundles[0])
    assert bundle.signature is not None
    assert bundle.signer is None


def test_an_installed_key_decides(place: Path, keys: Keys, bundles: list[Path], colour: Path) -> None:
    file = install(keys[0], place)
    bundle = load_bundle(bundles[0])
    assert bundle.signer is not None
    assert (bundle.signer.file, bundle.signer.raw) == (file, keys[0].public.raw)
    for load in (load_bundle, open_reader):
        with pytest.raises(
            IntegrityError, match=rf"manifest\.sig: expected a signature by SHA256:.*{file}\), found none"
        ):
            load(colour)
    file.unlink()
    file = install(keys[1], place)
    with pytest.raises(IntegrityError, match=rf"manifest\.sig: key: expected SHA256:.*{file}\), found SHA256:"):
        load_bundle(bundles[0])
    install(keys[0], place, "another.pub")
    assert load_bundle(bundles[0]).signer == installed().keys[0]
    assert told().count("SHA256:") == 2


def test_named_keys_take_the_place_of_installed_ones(place: Path, keys: Keys, bundles: list[Path]) -> None:
    install(keys[0], place)
    other = keys[1].public.file.with_suffix(".pub")
    with pytest.raises(IntegrityError, match="not trusted here"):
        load_bundle(bundles[0], trust_of([other]))
    assert load_bundle(bundles[0], trust_of([other, place / "release.pub"])).signer is not None
    assert trust_of([]) == trust_of(None) == installed()
    with pytest.raises(IntegrityError, match="expected nobody's key, found SHA256:"):
        load_bundle(bundles[0], Trust(named=True))
    with pytest.raises(IntegrityError, match=r"absent\.pub: expected a key's file"):
        trust_of([Path("absent.pub")])


def test_the_wheels_bundle_is_trusted_as_the_wheel_is(place: Path, keys: Keys) -> None:
    install(keys[0], place)
    for path in (None, default_bundle()):
        assert load_bundle(path).signer is None
        with pytest.raises(IntegrityError, match="found none"):
            load_bundle(path, Trust((keys[0].public,), named=True))
    with pytest.raises(IntegrityError, match="found none"):
        load_bundle(shutil.copytree(default_bundle(), place.parent / "copy"))


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nMCow", b"ssh-rsa AAAA", b"\0" * 113])
def test_a_damaged_key_trusts_nobody(place: Path, keys: Keys, bundles: list[Path], content: bytes) -> None:
    install(keys[0], place)
    (place / "damaged.pub").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"damaged\.pub: expected"):
        load_bundle(bundles[0])
    (place / "damaged.pub").unlink()
    load_bundle(bundles[0])


@pytest.mark.parametrize(
    "kind", ["folder", "link to nothing", "other name", "private", "file in its place", "no link's end"]
)
def test_what_is_no_key_in_its_place_trusts_nobody(place: Path, keys: Keys, bundles: list[Path], kind: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file in its place":
        place.write_text("")
    elif kind == "no link's end":
        place.symlink_to("nothing")
    else:
        install(keys[0], place)
    if kind == "folder":
        (place / "old.pub").mkdir()
    elif kind == "link to nothing":
        (place / "old.pub").symlink_to("nothing")
    elif kind == "other name":
        install(keys[1], place, "release.pem")
    elif kind == "private":
        shutil.copy(keys[0].public.file.with_suffix(".key"), place / "old.pub")
    with pytest.raises(IntegrityError, match="expected"):
        load_bundle(bundles[0])


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Root, whom nothing is denied, is another user meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="there are no such rights")
@pytest.mark.parametrize("denied", ["release.pub", ".", ".."])
def test_what_may_not_be_read_trusts_nobody(
    keys: Keys, bundles: list[Path], monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path lies in a folder of its owner's
        settings = Path(name)
        settings.chmod(0o755)
        monkeypatch.setenv("XDG_CONFIG_HOME", name)
        monkeypatch.setattr(trusted, "SYSTEM", settings / "none")
        file = install(keys[0], settings / "edgeproof" / "trusted")
        bundle = Path(shutil.copytree(bundles[0], settings / "bundle"))
        with nobody():
            load_bundle(bundle)
        (file if denied == "release.pub" else file.parent / denied).chmod(0)
        with nobody(), pytest.raises(IntegrityError, match="can be read, found: Permission denied"):
            load_bundle(bundle)
        (file.parent / "..").chmod(0o700)
        file.parent.chmod(0o700)


def test_hidden_files_are_no_keys(place: Path, keys: Keys, bundles: list[Path]) -> None:
    install(keys[0], place)
    (place / ".release.pub.swp").write_text("of an editor")
    assert load_bundle(bundles[0]).signer is not None


def test_without_a_home_the_machine_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # to be ignored, says its specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert trusted.folders() == [tmp_path / "system", tmp_path / ".config" / "edgeproof" / "trusted"]

    def none() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", none)
    assert trusted.folders() == [tmp_path / "system"]


def test_without_the_package_nothing_is_taken(
    place: Path, keys: Keys, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = Trust((keys[0].public,), named=True)
    install(keys[0], place)
    for name in ("cryptography.hazmat.primitives", "cryptography.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    for load in (
        lambda: load_bundle(bundles[0]),
        lambda: load_bundle(bundles[0], trust),
        lambda: load_bundle(None, trust),
    ):
        with pytest.raises((UnavailableError, IntegrityError), match=r"edgeproof\[sign\]|found none"):
            load()
    assert load_bundle().signer is None
    (place / "release.pub").unlink()
    assert load_bundle(bundles[0]).signature is not None  # nobody is asked for


def test_what_another_process_checked_is_taken_and_nothing_else(place: Path, keys: Keys, bundles: list[Path]) -> None:
    install(keys[1], place)
    first = load_bundle(bundles[0], EVERYBODY).manifest_sha256
    assert load_bundle(bundles[0], checked=first).manifest_sha256 == first
    with pytest.raises(IntegrityError, match="it was replaced meanwhile"):
        load_bundle(bundles[1], checked=first)
