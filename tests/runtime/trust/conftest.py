"""Keys, and two signed bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.bundle import Golden, load_bundle, write_bundle
from edgeproof.trust import trusted
from edgeproof.trust.keys import PrivateKey, make_key


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trusted, "SYSTEM", tmp_path / "system")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[PrivateKey, PrivateKey]:
    """One that is trusted, and one that is not."""
    pytest.importorskip("cryptography")
    folder = tmp_path_factory.mktemp("keys")
    return make_key(folder / "release"), make_key(folder / "other")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, colour: Path, keys: tuple[PrivateKey, PrivateKey]) -> list[Path]:
    """Two bundles of different content that the trusted key signed, each with a report and an attachment."""
    made, source = [], load_bundle(colour)
    for name, count in (("first", 12), ("second", 8)):
        images, labels = source.golden.images[:count], source.golden.labels[:count]
        golden = Golden(images, labels, {row: logits[:count] for row, logits in source.golden.logits.items()})
        folder = tmp_path_factory.mktemp("bundles") / name
        folder.mkdir()
        write_bundle(
            folder, replace(source.manifest, name=name), source.models, golden, f"<p>{name}".encode(),
            attachments={"README.md": f"# {name}".encode()}, sign=keys[0],
        )  # fmt: skip
        made.append(folder)
    return made
