"""Signed bundles that were tampered with: none is taken, whoever wrote right checksums into it.

Each case does what somebody may who can write every file and lacks the key: where it changes content, it makes checksums and the
manifest fit again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edgeproof.bundle import default_bundle, load_bundle
from edgeproof.cli.bundles.sign import sign_bundle
from edgeproof.errors import IntegrityError
from edgeproof.manifest_file import checksum_of
from edgeproof.support import files
from edgeproof.trust.keys import PrivateKey
from edgeproof.trust.signature import signature_bytes, signed
from edgeproof.trust.trusted import EVERYBODY, Trust

pytest.importorskip("cryptography")
pytestmark = pytest.mark.target("T3")
Keys = tuple[PrivateKey, PrivateKey]
Contents = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """A bundle to tamper with: its content, that of another which the same key signed, and a key that nobody trusts."""

    own: Contents
    other: Contents
    stranger: PrivateKey
    trusted: str
    random: Random

    def some(self, contents: Contents) -> str:
        return self.random.choice(sorted(contents))


Tampering = Callable[[Case, Contents], None]


def contents_of(folder: Path) -> Contents:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(case: Case, found: Contents) -> None:
    name = case.some(found)
    content = bytearray(found[name])
    bit = case.random.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    found[name] = bytes(content)


def truncate(case: Case, found: Contents) -> None:
    name = case.some(found)
    found[name] = found[name][: case.random.randrange(len(found[name]))]


def lengthen(case: Case, found: Contents) -> None:
    found[case.some(found)] += case.random.randbytes(case.random.randint(1, 9))


def remove(case: Case, found: Contents) -> None:
    del found[case.some(found)]


def add(case: Case, found: Contents) -> None:
    name = case.random.choice(
        ["manifest.sig2", "MANIFEST.SIG", ".manifest.sig", "extra.onnx", "manifest.json.sig", "x", "~"]
    )
    found[name] = case.random.choice([b"", found["manifest.sig"], case.other["manifest.json"]])


def swap(case: Case, found: Contents) -> None:
    """A file, or several, of the other bundle; all of them would be the other bundle."""
    differing = [name for name in sorted(found) if found[name] != case.other[name]]
    for name in case.random.sample(differing, case.random.randint(1, len(differing) - 1)):
        found[name] = case.other[name]


def rewrite(case: Case, found: Contents) -> None:
    """Other content, and a manifest that states it with right hashes, under the old signature."""
    table: dict[str, Any] = json.loads(found["manifest.json"])
    del table["checksum"]
    kind = case.random.choice(["threshold", "report", "attachment", "temperature", "order"])
    if kind == "threshold":
        table["threshold"] = case.random.random()
    elif kind == "report":
        found["report.html"] = b"<p>" + case.random.randbytes(9).hex().encode()
        table["report_sha256"] = files.sha256(found["report.html"])
    elif kind == "attachment":
        found["more.md"] = b"# more"
        table["attachments"]["more.md"] = files.sha256(b"# more")
    elif kind == "temperature":
        table["temperature"] = table["temperature"] + case.random.random()
    else:
        table["ranking"] = table["ranking"][::-1] + table["ranking"]
    table["checksum"] = checksum_of(table)
    found["manifest.json"] = (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def reformat(_case: Case, found: Contents) -> None:
    """The same manifest, written with other blanks."""
    found["manifest.json"] = json.dumps(json.loads(found["manifest.json"])).encode()


def strange(case: Case, found: Contents) -> None:
    """Rewritten, and signed by a key that nobody trusts, or by one that says it were the trusted one."""
    rewrite(case, found)
    signature = json.loads(signature_bytes(signed(found["manifest.json"], case.stranger)))
    if case.random.random() < 0.5:
        signature["key"] = case.trusted
    found["manifest.sig"] = (json.dumps(signature, indent=1) + "\n").encode()


def odd_signature(case: Case, found: Contents) -> None:
    random = case.random
    found["manifest.sig"] = random.choice([
        b"", b"\n", b"{}", b"null", b"[]", b"[" * 4000, b"{" * 10**6, b" " * 10**6, random.randbytes(random.randint(1, 5000)),
        found["manifest.sig"] * 2, found["manifest.sig"] + b"\n", found["manifest.sig"].replace(b"ed25519", b"none"),
        found["manifest.sig"].replace(b'"signature"', b'"Signature"'), found["manifest.json"],
        case.other["manifest.sig"], b'{"algorithm": "ed25519", "key": "", "signature": ""}',
        json.dumps({"algorithm": "ed25519", "key": case.trusted, "signature": "A" * 86 + "=="}, indent=1).encode() + b"\n",
    ])  # fmt: skip


KINDS: tuple[Tampering, ...] = (
    flip, truncate, lengthen, remove, add, swap, rewrite, reformat, strange, odd_signature
)  # fmt: skip


def write(folder: Path, contents: Contents, before: Contents) -> None:
    """Make `folder`, which holds `before`, hold `contents`."""
    for name in before.keys() - contents.keys():
        (folder / name).unlink()
    for name, content in contents.items():
        if before.get(name) != content:
            (folder / name).write_bytes(content)


@pytest.fixture
def case(bundles: list[Path], keys: Keys) -> Case:
    own, other = map(contents_of, bundles)
    return Case(own, other, keys[1], keys[0].public.fingerprint, Random(1))


@pytest.fixture
def copy(bundles: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundles[0], tmp_path / "copy"))


def accepted(folder: Path, case: Case, trust: Trust, tampered: Iterator[Contents]) -> list[Contents]:
    """Of all `tampered` contents those that were taken. `folder` holds the untouched bundle, before and afterwards."""
    taken = []
    for contents in tampered:
        assert contents != case.own
        write(folder, contents, case.own)
        try:
            load_bundle(folder, trust)
        except IntegrityError as error:
            assert str(error).startswith(str(folder))  # and one line says which file
            assert "\n" not in str(error)
        else:
            taken.append(contents)
        write(folder, case.own, contents)
    assert load_bundle(folder, trust).signer is not None
    return taken


def many(case: Case, kinds: tuple[Tampering, ...], count: int) -> Iterator[Contents]:
    for number in range(count):
        while True:
            contents = dict(case.own)
            kinds[number % len(kinds)](case, contents)
            if contents != case.own:
                break
        yield contents


def test_no_tampered_bundle_is_taken(case: Case, copy: Path, keys: Keys) -> None:
    assert accepted(copy, case, Trust((keys[0].public,)), many(case, KINDS, 120)) == []


@pytest.mark.soak
def test_of_2000_tampered_bundles_none_is_taken(case: Case, copy: Path, keys: Keys) -> None:
    assert accepted(copy, case, Trust((keys[0].public,)), many(case, KINDS, 2000)) == []


@pytest.mark.soak
@pytest.mark.parametrize("start", range(4))
def test_of_10000_flipped_bits_none_is_taken(case: Case, copy: Path, keys: Keys, start: int) -> None:
    """2,500 from each start of the random numbers."""
    case = replace(case, random=Random(start))
    assert accepted(copy, case, Trust((keys[0].public,)), many(case, (flip,), 2500)) == []


def test_the_rewritten_ones_would_be_taken_without_a_key(case: Case, copy: Path) -> None:
    """So that it is the signature which refuses them above."""
    taken = 0
    for contents in many(case, (rewrite, reformat, strange), 30):
        write(copy, contents, case.own)
        taken += bool(load_bundle(copy, EVERYBODY).signature)
        write(copy, case.own, contents)
    assert taken == 30


def test_a_link_in_place_of_any_file_is_refused(case: Case, copy: Path, keys: Keys, tmp_path: Path) -> None:
    for name in case.own:
        (copy / name).rename(tmp_path / "outside")
        (copy / name).symlink_to(tmp_path / "outside")
        with pytest.raises(IntegrityError, match="no regular file"):
            load_bundle(copy, Trust((keys[0].public,)))
        (tmp_path / "outside").replace(copy / name)


def test_each_file_of_the_whole_bundle_of_digits(tmp_path: Path, keys: Keys) -> None:
    """With page.json and every kind of model: a bit of each."""
    folder = Path(shutil.copytree(default_bundle(), tmp_path / "digits"))
    sign_bundle(folder, keys[0])
    for path in sorted(folder.iterdir()):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        kept = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match=path.name.replace(".", r"\.")):
            load_bundle(folder, Trust((keys[0].public,)))
        path.write_bytes(kept)


def test_another_bundle_of_the_same_key_is_taken(bundles: list[Path], keys: Keys) -> None:
    """What a signature does not say: which of what its key signed is the newest (docs/trust.md)."""
    names = [load_bundle(folder, Trust((keys[0].public,))).manifest.name for folder in bundles]
    assert names == ["first", "second"]
