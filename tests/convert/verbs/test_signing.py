"""--sign of the verbs that write a bundle: signed anew, or not signed any more, but never by a signature that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.__main__ import main
from convert.verbs.ship import ship_bundle
from edgeproof.bundle import default_bundle, load_bundle, publish_bundle
from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.manifest_file import PAGE
from edgeproof.trust.keys import PrivateKey, make_key
from edgeproof.trust.trusted import Trust

pytest.importorskip("cryptography")


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    return make_key(tmp_path / "release")


@pytest.fixture
def signed(tmp_path: Path, key: PrivateKey) -> Path:
    """The shipped bundle as convert publishes it, and signed."""
    shipped = load_bundle()
    return publish_bundle(tmp_path / "digits", shipped.manifest, shipped.models, shipped.golden, sign=key)


ATTACH = ("attach", "{bundle}", str(default_bundle() / PAGE))
SELECT = ("select", "{bundle}", "--backend", "litert", "--duration", "0.02")


@pytest.mark.parametrize("verb", [ATTACH, pytest.param(SELECT, marks=pytest.mark.slow)], ids=lambda verb: verb[0])
def test_a_rewritten_bundle_is_signed_anew_or_not_at_all(
    verb: tuple[str, ...], signed: Path, key: PrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(bundle=signed) for word in verb]
    assert main([*words, "--sign", str(key.public.file.with_suffix(".key"))]) == 0
    assert load_bundle(signed, Trust((key.public,))).signer == key.public
    assert "not signed any more" not in capsys.readouterr().out
    assert main(words) == 0
    assert load_bundle(signed).signature is None
    assert f"{signed}: not signed any more" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [ATTACH, SELECT, ("run", "absent")], ids=lambda verb: verb[0])
def test_a_wrong_key_is_told_before_anything_is_done(verb: tuple[str, ...], signed: Path, key: PrivateKey) -> None:
    before = signed.resolve()
    assert main([*(word.format(bundle=signed) for word in verb), "--sign", str(key.public.file)]) == 6
    assert signed.resolve() == before


def test_a_shipped_bundle_keeps_its_signature(signed: Path, key: PrivateKey, tmp_path: Path) -> None:
    ship_bundle(signed, tmp_path / "wheel" / "digits")
    assert load_bundle(tmp_path / "wheel" / "digits", Trust((key.public,))).signer == key.public


@pytest.mark.slow
def test_a_converted_bundle_is_signed_when_it_is_published(folder: Path, key: PrivateKey, tmp_path: Path) -> None:
    words = ["run", str(folder), "--out", str(tmp_path), "--name", "made", "--only", "fp32.onnx", "--overwrite"]
    assert main([*words, "--sign", str(key.public.file.with_suffix(".key"))]) == 0
    assert load_bundle(tmp_path / "made", Trust((key.public,))).signer == key.public
    assert main(words) == 0
    assert load_bundle(tmp_path / "made").signature is None
    sign_bundle(tmp_path / "made", key)
    assert load_bundle(tmp_path / "made", Trust((key.public,))).signer == key.public
