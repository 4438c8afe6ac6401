"""Rankings in the user's cache: used under their own fingerprint alone, able to order what the bundle ranks and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import EdgeproofError, UnavailableError
from edgeproof.manifest_file import checksum_of
from edgeproof.support import machine
from edgeproof.tuned import cache
from edgeproof.tuned.cache import Ranked, Tuned, read_tuned
from edgeproof.tuned.fingerprint import fingerprint_of

BUNDLE = load_bundle()
pytestmark = pytest.mark.usefixtures("own_cache")
#: Of each artifact the best row of the ranking.
RANKING = [*{choice.artifact: choice for choice in reversed(BUNDLE.manifest.ranking)}.values()][::-1]
ON_OPENCV = next(choice.artifact for choice in BUNDLE.manifest.ranking if choice.backend == "opencv")
CPUINFO = "processor\t: 0\nmodel name\t: {cpu}\nflags\t\t: fpu avx2 {flags}\n"
Cpu = Callable[..., None]


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Cpu:
    """`cpu(flags, name)`: what /proc/cpuinfo says from then on."""
    read = machine._read

    def become(flags: str, name: str = "Some CPU") -> None:
        text = CPUINFO.format(cpu=name, flags=flags)
        monkeypatch.setattr(machine, "_read", lambda path: text if path == "/proc/cpuinfo" else read(path))

    return become


def entry(*choices: int, threads: int = 1) -> Tuned:
    """What a tuning here would have found: these rows of the bundle's ranking, best first."""
    rows = [Ranked(RANKING[i].artifact, RANKING[i].backend, threads, 1.0) for i in choices]
    return Tuned(cache.SCHEMA, "2026-01-02T03:04:05+00:00", fingerprint_of(BUNDLE), "by the test", tuple(rows))


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """An entry changed by somebody who knows how its checksum is made."""
    table = json.loads(path.read_text())
    del table["checksum"]
    change(table)
    path.write_text(json.dumps(table | {"checksum": checksum_of(table)}))


def test_each_machine_follows_its_own_entry_alone(cpu: Cpu) -> None:
    cpu("avx512_vnni")
    first = cache.keep(entry(1))
    cpu("")
    assert read_tuned(BUNDLE) == (None, "")
    with open_classifier(BUNDLE, tuned=True) as classifier:
        assert (classifier.facts.artifact, classifier.facts.chosen_by) == (RANKING[0].artifact, "bundle")
    second = cache.keep(entry(2))
    assert first != second
    for flags, row in (("avx512_vnni", 1), ("", 2)):
        cpu(flags)
        with open_classifier(BUNDLE, tuned=True) as classifier:
            found = classifier.facts
        assert (found.artifact, found.backend, found.chosen_by) == (
            RANKING[row].artifact,
            RANKING[row].backend,
            "tuned",
        )


@pytest.mark.parametrize(
    "change",
    [
        {"cpu": "another"}, {"isa": ("sve",)}, {"usable_cpus": 999}, {"versions": {"onnxruntime": "0"}},
        {"manifest_sha256": "0" * 64},
    ],
)  # fmt: skip
def test_what_was_measured_elsewhere_is_ignored_without_a_word(change: dict[str, Any]) -> None:
    other = entry(1)
    cache.keep(replace(other, fingerprint=replace(other.fingerprint, **change)))
    assert read_tuned(BUNDLE) == (None, "")


def test_flags_win() -> None:
    cache.keep(entry(1, threads=2))
    with open_classifier(BUNDLE, RANKING[0].artifact, tuned=True) as classifier:
        assert (classifier.facts.artifact, classifier.facts.chosen_by) == (RANKING[0].artifact, "bundle")
    with open_classifier(BUNDLE, RANKING[1].artifact, RANKING[1].backend, tuned=True) as classifier:
        assert classifier.facts.chosen_by == "flags"
    with open_classifier(BUNDLE) as classifier:
        assert (classifier.facts.artifact, classifier.facts.chosen_by) == (RANKING[0].artifact, "bundle")


@pytest.mark.parametrize(("asked", "expected"), [(None, 2), (1, 1), (3, 3)])
def test_threads_are_those_tuned_where_the_user_did_not_say(
    asked: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeproof import classifier

    given = []
    real = classifier.open_backend
    monkeypatch.setattr(classifier, "open_backend", lambda *words: given.append(words[-1]) or real(*words))
    cache.keep(entry(1, threads=2))
    open_classifier(BUNDLE, threads=asked, tuned=True).close()
    assert given == [expected]


def _not_json(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _edited(path: Path) -> None:
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 2'))


def _no_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def _large(path: Path) -> None:
    path.write_bytes(b" " * 2**19 + path.read_bytes())


def _of_another(path: Path) -> None:
    rewritten(path, lambda table: table["fingerprint"].update(cpu="another"))


@pytest.mark.parametrize("damage", [_not_json, _edited, _no_file, _link, _large, _of_another])
def test_a_damaged_entry_is_passed_over_with_a_reason(damage: Callable[[Path], object]) -> None:
    path = cache.keep(entry(1))
    damage(path)
    with open_classifier(BUNDLE, tuned=True) as classifier:
        assert (classifier.facts.artifact, classifier.facts.chosen_by) == (RANKING[0].artifact, "bundle")
        assert classifier.facts.ignored.startswith(f"{path}: ")
        assert "edgeproof tune" in classifier.facts.ignored
    with pytest.raises(UnavailableError, match="passed over"):
        cache.told(BUNDLE)


@pytest.mark.parametrize(
    "change",
    [
        {"artifact": "failed.onnx"}, {"artifact": "../../elsewhere.onnx"}, {"backend": "abacus"}, {"threads": 0},
        {"threads": 10**6}, {"artifact": ON_OPENCV, "backend": "opencv"}, {"p50_us": "fast"},
    ],
)  # fmt: skip
def test_an_entry_brings_in_nothing_that_the_bundle_does_not_rank(change: dict[str, Any]) -> None:
    """Also with a right checksum. The bundle of this test ranks nothing on OpenCV, and has an artifact that failed its proof."""
    manifest = BUNDLE.manifest
    failed = replace(manifest.artifacts[0], name="failed.onnx", status="❎", reason="failed its proof")
    ranking = tuple(choice for choice in manifest.ranking if choice.backend != "opencv")
    bundle = replace(BUNDLE, manifest=replace(manifest, artifacts=(*manifest.artifacts, failed), ranking=ranking))
    path = cache.keep(entry(1))
    assert read_tuned(bundle)[0]
    rewritten(path, lambda table: table["ranking"][0].update(change))
    with open_classifier(bundle, tuned=True) as classifier:
        assert (classifier.facts.artifact, classifier.facts.backend) == (RANKING[0].artifact, RANKING[0].backend)
        assert (classifier.facts.chosen_by, classifier.facts.ignored.partition(": ")[0]) == ("bundle", str(path))


def test_the_doctor_is_told_what_differs(cpu: Cpu) -> None:
    with pytest.raises(UnavailableError, match="not measured here"):
        cache.told(BUNDLE)
    cpu("avx512_vnni", "Old CPU")
    cache.keep(entry(1, threads=2))
    assert f"{RANKING[1].artifact} on {RANKING[1].backend}, 2 threads" in cache.told(BUNDLE)
    cpu("avx512f", "New CPU")
    said = "cpu Old CPU, now New CPU; no avx512_vnni now; avx512f now"
    with pytest.raises(UnavailableError, match=f"measured at 2026-01-02T03:04:05.* does not hold: {said}$"):
        cache.told(BUNDLE)


def test_forgetting_takes_all_of_this_bundle_and_no_other(cpu: Cpu) -> None:
    mine = cache.keep(entry(1))
    cpu("avx512_vnni")
    also_mine = cache.keep(entry(1))
    other = entry(1)
    kept = cache.keep(replace(other, fingerprint=replace(other.fingerprint, manifest_sha256="0" * 64)))
    also_mine.write_text("damaged")
    assert sorted(cache.forget(BUNDLE)) == sorted([mine, also_mine])
    assert [*kept.parent.iterdir()] == [kept]
    assert cache.forget(BUNDLE) == []


def test_an_entry_that_is_a_folder_is_removed_or_named(cpu: Cpu) -> None:
    cpu("")
    path = cache.keep(entry(1))
    _no_file(path)
    assert cache.forget(BUNDLE) == [path]
    (path / "kept").mkdir(parents=True)
    cpu("avx512_vnni")
    other = cache.keep(entry(1))
    cpu("")
    with pytest.raises(EdgeproofError, match=rf"expected to remove {path} \(.*: delete by hand"):
        cache.forget(BUNDLE)
    assert path.is_dir()
    assert not other.exists()


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_folder", lambda: None)
    for ask in (cache.check_writable, lambda: cache.keep(entry(1))):
        with pytest.raises(EdgeproofError, match="expected a home folder, found none") as raised:
            ask()
        assert raised.value.exit_code == 1


@pytest.mark.parametrize("stated", ["", "relative/cache"])
def test_without_a_folder_of_its_own_the_cache_is_in_the_home(
    stated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", stated)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.keep(entry(1)).parent == tmp_path / ".cache" / "edgeproof" / "tuned"


@pytest.mark.parametrize("place", ["file", "file/below", "x" * 300])
def test_a_cache_that_cannot_be_written_is_said_before_and_after(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place))
    with pytest.raises(EdgeproofError, match="set XDG_CACHE_HOME to a folder of your own"):
        cache.keep(entry(1))
    if place != "x" * 300:  # of which nothing can be known before
        with pytest.raises(EdgeproofError, match="set XDG_CACHE_HOME to a folder of your own"):
            cache.check_writable()
    assert read_tuned(BUNDLE) == (None, "")
    assert cache.forget(BUNDLE) == []
