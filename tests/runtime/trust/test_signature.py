"""manifest.sig: what one key signed fits these very bytes, and nothing else is read as a signature."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeproof.errors import IntegrityError
from edgeproof.trust.keys import PrivateKey
from edgeproof.trust.signature import (
    MAX_SIGNATURE_BYTES,
    fits,
    read_signature,
    signature_bytes,
    signature_of,
    signed,
    signer,
)

pytest.importorskip("cryptography")
QUICK = settings(
    max_examples=2000 if "EDGEPROOF_SOAK" in os.environ else 100,
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
Keys = tuple[PrivateKey, PrivateKey]


@QUICK
@given(content=st.binary(max_size=200), other=st.binary(max_size=200))
def test_it_fits_what_was_signed_alone(keys: Keys, content: bytes, other: bytes) -> None:
    mine, theirs = keys
    signature = signed(content, mine)
    assert signature == signed(content, mine)  # no chance in it: a bundle is made twice alike
    assert fits(content, signature, mine.public)
    assert fits(other, signature, mine.public) == (content == other)
    assert not fits(content, signature, theirs.public)
    assert signature_of(signature_bytes(signature), "here") == signature


@QUICK
@given(bit=st.integers(0))
def test_no_bit_of_the_file_may_change(keys: Keys, bit: int) -> None:
    """Also where JSON or base64 would read the same: the last character of 64 bytes has four bits that say nothing."""
    content = bytearray(signature_bytes(signed(b"manifest", keys[0])))
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        signer(b"manifest", signature_of(bytes(content), "here"), [keys[0].public], "here")


@QUICK
@given(content=st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^here: "):
        signature_of(content, "here")


def test_other_ways_of_writing_the_same_are_refused(keys: Keys) -> None:
    content = signature_bytes(signed(b"manifest", keys[0]))
    table: dict[str, Any] = json.loads(content)
    raw = base64.b64decode(table["signature"])
    forms = (
        json.dumps(table), json.dumps(table, indent=1), content.decode() + "\n", "\ufeff" + content.decode(),
        json.dumps(dict(reversed(table.items())), indent=1) + "\n",
        *(json.dumps({**table, **change}, indent=1) + "\n" for change in (
            {"more": 1}, {"algorithm": "none"}, {"algorithm": "Ed25519"}, {"key": ""}, {"signature": ""}, {"signature": None},
            {"signature": base64.urlsafe_b64encode(raw).decode()}, {"signature": base64.b64encode(raw + b"\0").decode()},
            {"signature": raw.hex()}, {"key": [table["key"]]},
        )),
    )  # fmt: skip
    for form in {*forms} - {content.decode()}:  # a signature may have neither + nor / in it
        with pytest.raises(IntegrityError, match=r"^here"):
            signature_of(form.encode(), "here")


def test_what_is_refused_names_key_and_field(keys: Keys) -> None:
    mine, theirs = keys
    signature = signed(b"manifest", theirs)
    name = mine.public.fingerprint.replace("+", r"\+")
    with pytest.raises(IntegrityError, match=rf"^here: expected a signature by {name} \(.*release\.pub\), found none"):
        signer(b"manifest", None, [mine.public], "here")
    with pytest.raises(IntegrityError, match=rf"^here: key: expected {name} .*, found SHA256:.*not trusted"):
        signer(b"manifest", signature, [mine.public], "here")
    claimed = replace(signature, key=mine.public.fingerprint)
    with pytest.raises(IntegrityError, match=rf"^here: signature: expected that of {name} \(.*release\.pub\)"):
        signer(b"manifest", claimed, [mine.public], "here")
    assert signer(b"manifest", signature, [mine.public, theirs.public], "here") == theirs.public
    with pytest.raises(IntegrityError, match="or 2 more"):
        signer(b"manifest", None, [mine.public] * 5, "here")


def test_the_file_is_bounded_and_no_link(tmp_path: Path, keys: Keys) -> None:
    assert read_signature(tmp_path) is None
    file = tmp_path / "manifest.sig"
    file.symlink_to(tmp_path / "nothing")
    with pytest.raises(IntegrityError, match="no regular file"):
        read_signature(tmp_path)
    file.unlink()
    file.write_bytes(signature_bytes(signed(b"manifest", keys[0])) + b" " * MAX_SIGNATURE_BYTES)
    with pytest.raises(IntegrityError, match="at most 4096 bytes"):
        read_signature(tmp_path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(IntegrityError, match="no regular file"):
        read_signature(tmp_path)
