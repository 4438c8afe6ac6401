"""`edgeproof sign` as a user meets it, and what the other verbs make of a signature."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.bench import cold_start, compare, instances
from edgeproof.bundle import load_bundle, publish_bundle
from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.cli.device.doctor import CHECKS, probe
from edgeproof.cli.main import build_parser, main
from edgeproof.errors import EdgeproofError, IntegrityError, UsageError
from edgeproof.trust.keys import PrivateKey, make_key
from edgeproof.trust.signature import signature_bytes, signed
from edgeproof.trust.trusted import EVERYBODY, Trust

pytest.importorskip("cryptography")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's keys are installed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "edgeproof" / "trusted"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    return make_key(tmp_path_factory.mktemp("keys") / "release")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    return make_key(tmp_path_factory.mktemp("keys") / "other")


@pytest.fixture
def plain(colour: Path, tmp_path: Path) -> Path:
    """A bundle as it is copied to a device."""
    return Path(shutil.copytree(colour, tmp_path / "plain"))


@pytest.fixture
def published(colour: Path, tmp_path: Path) -> Path:
    """The same as convert publishes it: a link to a folder beside it."""
    bundle = load_bundle(colour)
    return publish_bundle(tmp_path / "out" / "mine", bundle.manifest, bundle.models, bundle.golden)


def private(key: PrivateKey) -> str:
    return str(key.public.file.with_suffix(".key"))


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_make_sign_verify(tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(tmp_path / "mine")
    assert main(["sign", "--make-key", name]) == 0
    assert "mine.pub" in capsys.readouterr().out
    assert main(["sign", "--make-key", name]) == 2
    assert "never replaced" in complaint(capsys)
    assert main(["sign", str(plain), "--key", f"{name}.key"]) == 0
    signer = capsys.readouterr().out.strip().rpartition(" ")[2]
    assert main(["verify", str(plain), "--trust", f"{name}.pub"]) == 0
    assert f"signature: by {signer} ({name}.pub), which is trusted\n" in capsys.readouterr().out
    assert main(["verify", str(plain)]) == 0
    assert f"signature: by {signer}, as it says: no key is trusted here" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "mine.key", "mine.pub"}


@pytest.mark.parametrize("form", ["plain", "published"])
def test_a_signature_is_replaced_when_asked_alone(
    form: str, request: pytest.FixtureRequest, key: PrivateKey, other: PrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    folder: Path = request.getfixturevalue(form)
    before = load_bundle(folder).manifest
    assert main(["sign", str(folder), "--key", private(key)]) == 0
    assert main(["sign", str(folder), "--key", private(other)]) == 2
    assert "give --overwrite" in complaint(capsys)
    assert load_bundle(folder, Trust((key.public,))).manifest == before
    assert main(["sign", str(folder), "--key", private(other), "--overwrite"]) == 0
    assert load_bundle(folder, Trust((other.public,))).manifest == before
    assert folder.is_symlink() == (form == "published")
    beside = sorted(path.name for path in folder.parent.iterdir() if path.name.startswith("."))
    assert len(beside) == (form == "published"), "the old content, or a temporary file, was left"


def test_a_link_of_the_users_own_is_kept(plain: Path, key: PrivateKey) -> None:
    link = plain.parent / "current"
    link.symlink_to(plain.name)
    sign_bundle(link, key)
    assert os.readlink(link) == plain.name  # noqa: PTH115 (as text)
    assert load_bundle(plain, Trust((key.public,))).signer == key.public


def test_what_does_not_verify_is_not_signed(plain: Path, key: PrivateKey) -> None:
    (plain / "fp32.onnx").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"fp32\.onnx"):
        sign_bundle(plain, key)
    assert not (plain / "manifest.sig").exists()


def test_no_attachment_may_take_the_signatures_name(colour: Path, tmp_path: Path, key: PrivateKey) -> None:
    bundle, beside = load_bundle(colour), {"manifest.sig": signature_bytes(signed(b"any", key))}
    with pytest.raises(IntegrityError, match="attachments: expected different files"):
        publish_bundle(tmp_path / "b", bundle.manifest, bundle.models, bundle.golden, attachments=beside)


def test_rewriting_a_bundle_drops_the_signature_or_makes_it_anew(published: Path, key: PrivateKey) -> None:
    sign_bundle(published, key)
    bundle = load_bundle(published)
    manifest = replace(bundle.manifest, name="renamed")
    publish_bundle(published, manifest, bundle.models, bundle.golden, sign=key, overwrite=True)
    assert load_bundle(published, Trust((key.public,))).manifest.name == "renamed"
    publish_bundle(published, bundle.manifest, bundle.models, bundle.golden, overwrite=True)
    assert load_bundle(published).signature is None


@pytest.mark.parametrize(
    "words",
    [
        [], ["bundle"], ["--key", "x"], ["bundle", "--make-key", "x"], ["bundle", "--key", "x", "--make-key", "y"],
    ],
)  # fmt: skip
def test_wrong_flags_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["sign", *words])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert complaint(capsys).startswith("edgeproof")


VERBS = (
    ("read", "{picture}", "--no-show", "--bundle", "{bundle}"),
    ("explain", "{picture}", "--out", "{folder}/explained.png", "--overwrite", "--bundle", "{bundle}"),
    ("verify", "{bundle}"),
    ("tune", "{bundle}", "--forget"),
    (
        "bench",
        "--compare",
        "{bundle}",
        "{bundle}:none",
    ),  # where it is taken it has no such artifact: no second of measuring
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.usefixtures("own_cache")
def test_every_verb_asks_for_the_signature(  # noqa: PLR0917 (fixtures)
    verb: tuple[str, ...], plain: Path, key: PrivateKey, other: PrivateKey, settings: Path, samples: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def run(*more: str) -> int:
        names = {"picture": samples / "numbers.jpg", "bundle": plain, "folder": tmp_path}
        words = [word.format(**names) for word in verb]
        return main([*words, *more])

    trusted, stranger = str(key.public.file), str(other.public.file)
    taken = 2 if verb[0] == "bench" else 0
    assert run() == taken
    capsys.readouterr()
    assert run("--trust", trusted) == 6
    assert f"plain/manifest.sig: expected a signature by {key.public.fingerprint} ({trusted}), found none" in complaint(
        capsys
    )
    sign_bundle(plain, key)
    assert run("--trust", trusted) == taken
    assert run("--trust", stranger, "--trust", trusted) == taken
    capsys.readouterr()
    assert run("--trust", stranger) == 6
    assert f"key: expected {other.public.fingerprint} ({stranger}), found {key.public.fingerprint}" in complaint(capsys)
    settings.mkdir(parents=True)
    shutil.copy(stranger, settings)
    assert run() == 6
    assert f"({settings / 'other.pub'})" in complaint(capsys)
    assert run("--trust", trusted) == taken


def test_benchs_children_are_told_what_was_found_good(plain: Path, key: PrivateKey, settings: Path) -> None:
    """This machine's own keys would refuse it."""
    settings.mkdir(parents=True)
    shutil.copy(key.public.file, settings)
    bundle = load_bundle(plain, EVERYBODY)
    words = ("int8.tflite", "litert", "cpu")
    assert cold_start.launch(bundle.path, bundle.manifest_sha256, *words).total_ms > 0
    for digest, message in (("", "expected a signature by"), ("0" * 64, "it was replaced meanwhile")):
        with pytest.raises(IntegrityError, match=message):
            cold_start.launch(bundle.path, digest, *words)
    (pair, *_) = compare.pairs((bundle, "auto"), (bundle, "auto"), "cpu")
    assert {pair.a.manifest_sha256, pair.b.manifest_sha256} == {bundle.manifest_sha256}
    assert instances._bundle(pair.a.bundle, pair.a.manifest_sha256).manifest == bundle.manifest


def test_the_doctor_lists_the_trusted_keys(settings: Path, key: PrivateKey) -> None:
    (check,) = (check for check in CHECKS if check.name == "trusted keys")
    assert probe(check.code).text == "no key is installed: every bundle that is whole is taken"
    settings.mkdir(parents=True)
    shutil.copy(key.public.file, settings)
    found = probe(check.code)
    assert (found.state, found.text) == ("ok", f"{key.public.fingerprint} ({settings / 'release.pub'})")
    (settings / "release.pub").write_text("damaged")
    found = probe(check.code)
    assert found.state == "failed"
    assert "release.pub: expected" in found.text


def test_a_service_names_its_keys_by_whole_paths(key: PrivateKey) -> None:
    parser = build_parser()
    words = ["service", "install", "--dry-run", "--", "read", "0", "--trust"]
    args = parser.parse_args([*words, "release.pub"])
    with pytest.raises(UsageError, match=r"--trust: expected a whole path, found release\.pub"):
        args.verb(args)
    args = parser.parse_args([*words, str(key.public.file)])
    try:
        assert args.verb(args) == 0
    except EdgeproofError as error:  # as root, whose service has no home folder
        assert "expected no home folder" in str(error)


SIGN = """
import sys
from pathlib import Path
from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.trust.keys import read_private
keys = [read_private(Path(name)) for name in sys.argv[2:]]
print("ready", flush=True)
while True:
    for key in keys:
        sign_bundle(Path(sys.argv[1]), key, overwrite=True)
"""


@pytest.mark.parametrize("form", ["plain", "published"])
def test_killed_at_any_moment_the_old_signature_or_the_new_is_there(
    form: str, request: pytest.FixtureRequest, key: PrivateKey, other: PrivateKey
) -> None:
    folder: Path = request.getfixturevalue(form)
    sign_bundle(folder, key)
    manifest, either = load_bundle(folder).manifest, Trust((key.public, other.public))
    for number in range(40 if "EDGEPROOF_SOAK" in os.environ else 2):
        child = subprocess.Popen(
            [sys.executable, "-c", SIGN, str(folder), private(key), private(other)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 0.1 + 0.013 * number
        while time.monotonic() < deadline:
            assert load_bundle(folder, either).manifest == manifest  # a reader meanwhile
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert load_bundle(folder, either).signer is not None
    assert load_bundle(folder, EVERYBODY).manifest == manifest
