"""The contract on the shipped bundle: what fits is read, what does not is refused before any runtime opens a file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof import bundle as bundles
from edgeproof.backends import BACKENDS
from edgeproof.bundle import Bundle, _most_golden_bytes, default_bundle, load_bundle, publish_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import IntegrityError, UsageError
from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.manifest import GOLDEN_BYTES, Proof
from edgeproof.manifest_file import MAX_MANIFEST_BYTES
from edgeproof.support import files
from edgeproof.support.npz import arrays_in, npz_bytes
from edgeproof.support.tables import to_table


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle(), tmp_path / "digits"))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and give it a right checksum again: what a careless tool, not a damaged disk, would do."""
    table = json.loads((folder / "manifest.json").read_bytes())
    table.pop("checksum")
    change(table)
    table["checksum"] = hashlib.sha256(
        json.dumps(table, sort_keys=True, ensure_ascii=False).encode(errors="replace")
    ).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(table))


def test_a_bundle_of_schema_1_is_still_read(copy: Path) -> None:
    def older(table: dict[str, Any]) -> None:
        table.update(schema=1, glyph="ink-1")
        del table["input"]

    rewritten(copy, older)
    assert load_bundle(copy).manifest == load_bundle().manifest
    rewritten(copy, lambda table: table.update(glyph="ink-0"))
    with pytest.raises(IntegrityError, match=r"input.resize: expected one of 'ink-1'"):
        load_bundle(copy)


def test_shipped_bundle_is_whole() -> None:
    bundle = load_bundle()
    manifest = bundle.manifest
    assert manifest.classes[:10] == tuple("0123456789")
    assert manifest.input == GLYPHS
    assert {row.name for row in manifest.usable} >= {"fp32.onnx", "fp32.tflite", "int8.tflite"}
    assert manifest.ranking[0].artifact in {row.name for row in manifest.usable}
    assert sum(file.stat().st_size for file in bundle.path.rglob("*") if file.is_file()) < 2**20
    assert len(bundle.golden.labels) >= 64
    assert set(bundle.golden.labels) == set(range(len(manifest.classes)))


@pytest.mark.target("T3")
def test_every_file_is_checked_to_the_bit(copy: Path) -> None:
    for file in sorted(copy.iterdir()):
        content = file.read_bytes()
        for position in {0, len(content) // 2, len(content) - 1}:
            flipped = bytearray(content)
            flipped[position] ^= 1
            file.write_bytes(flipped)
            with pytest.raises(IntegrityError):
                load_bundle(copy)
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(IntegrityError):
            load_bundle(copy)
        file.unlink()
        with pytest.raises(IntegrityError, match="missing"):
            load_bundle(copy)
        file.write_bytes(content)
    load_bundle(copy)


def proof(artifact: str) -> dict[str, Any]:
    """A row of the manifest's proofs, of a perfect artifact."""
    whole = Proof(artifact, "litert", "1", 9, 9, 0.7, 1.0, 0, 0, 0.2, 1.0, 1.0, 0.0, 0.0, {"0": 1.0}, 0.0)
    table: dict[str, Any] = to_table(whole)
    return table


def first(table: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in table["artifacts"] if row["status"] == "✅")
    return row


def called(table: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in table["artifacts"] if row["name"] == name)
    return row


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda table: table.update(schema=3), "schema"),
        (lambda table: table["input"].update(resize="ink-0"), "input.resize"),
        (lambda table: table.update(classes=["only"]), "classes"),
        (lambda table: table.update(classes=["0"] * 11), "classes"),
        (lambda table: table.update(classes=["reject", *"0123456789"]), "classes"),
        (lambda table: table.update(classes=list("012")), r"output\.shape"),
        (lambda table: table.update(threshold=1.5), "threshold"),
        (lambda table: table.update(temperature=0), "temperature"),
        (lambda table: table.update(tresholds=1), "tresholds"),
        (lambda table: first(table).update(file="../evil.onnx"), "file"),
        (lambda table: first(table).update(sha256="0" * 64), "sha256"),
        (lambda table: first(table)["input"].update(shape=["N", 32, 32, 1]), r"input\.shape"),
        (lambda table: first(table)["input"].update(dtype="complex64"), r"input\.dtype"),
        (lambda table: table["ranking"][0].update(artifact="fp64.onnx"), "ranking"),
        (lambda table: table["ranking"][0].update(backend="tensorflow"), "backend"),
        (lambda table: table.update(golden_sha256="0" * 64), "golden_sha256"),
        (lambda table: table.update(attachments={"report.html": "0" * 64}), "attachments: expected different files"),
        (lambda table: table.update(attachments={"../secret": "0" * 64}), "attachments: expected a plain file name"),
        (lambda table: table.update(proofs=[proof("fp64.onnx")]), "proofs"),
        (lambda table: table.update(proofs=[proof("fp32.onnx") | {"lost": "few"}]), r"proofs\[0\]\.lost"),
        (lambda table: table.update(temperature=float("inf")), "Infinity"),
        (lambda table: table.update(temperature=1e30), r"temperature: expected a number from 0\.05 to 20"),
        (lambda table: table.update(temperature=1e-30), "temperature"),
        (lambda table: table.update(temperature="1"), "temperature: expected float"),
        (lambda table: table.update(threshold=True), "threshold: expected float, found bool"),
        (lambda table: first(table)["deciding"].update(reject_bias=float("nan")), "NaN"),
        (
            lambda table: first(table)["deciding"].update(reject_bias=-50),
            r"reject_bias: expected a number from -20 to 20",
        ),
        (lambda table: first(table)["deciding"].update(threshold=-1), r"deciding\.threshold"),
        (lambda table: first(table)["deciding"]["test"]["wrong"].update(count=10**8), r"deciding\.test\.wrong: count"),
        (lambda table: table["input"].update(resize="stretch"), "input.resize"),
        (lambda table: table["classes"].insert(0, table["classes"].pop(9)), "page, classes"),
        (lambda table: table["classes"].__setitem__(10, "Reject"), "classes: expected 'reject', so written"),
        (lambda table: table["classes"].__setitem__(3, "3\x1b[2J"), r"classes\[3\]: expected 1 to 64 characters"),
        (lambda table: table["classes"].__setitem__(3, "3\u202e"), r"classes\[3\]"),
        (lambda table: table["classes"].__setitem__(3, "x" * 5000), r"classes\[3\]"),
        (lambda table: table["classes"].__setitem__(3, "\ud800"), "bytes that are no text"),
        (lambda table: first(table).update(bytes=1), r"artifacts\[fp32\.onnx\]\.bytes: the manifest says 1"),
        (lambda table: first(table).update(accuracy=7.5), r"accuracy: expected a number from 0 to 1"),
        (lambda table: first(table).update(accuracy=0.9), r"accuracy: expected 9971 of 10000"),
        (lambda table: first(table).update(accuracy_low=0.999), r"accuracy_low, accuracy_high"),
        (lambda table: first(table).update(correct=10**7), r"correct: expected at most 10000"),
        (lambda table: first(table).update(precision="int8"), r"precision: the manifest says 'int8', the file 'fp32'"),
        (lambda table: first(table).update(file="x" * 5000 + ".onnx"), r"file: expected a plain file name"),
        (lambda table: first(table).update(file="golden.npz"), r"file"),
        (lambda table: first(table).update(format="tflite"), r"format: expected that of the name fp32\.onnx"),
        (lambda table: first(table)["input"].update(dtype="uint8"), r"input\.dtype: the manifest says 'uint8'"),
        (lambda table: first(table)["input"].update(layout="NHWC"), r"input\.shape"),
        (lambda table: first(table)["input"].update(name="x"), r"input\.name"),
        (
            lambda table: called(table, "int8.tflite")["input"].update(zero_point=10**12),
            r"zero_point: expected a number",
        ),
        (
            lambda table: called(table, "int8.tflite")["output"].update(scale=0.5),
            r"output\.scale: the manifest says 0\.5",
        ),
        (lambda table: called(table, "int8.tflite")["output"].update(zero_point=3), r"output\.zero_point"),
        (lambda table: first(table).update(proven_on="a\nb"), "proven_on"),
        (lambda table: table["proofs"][0].update(images=5), r"proofs\[.*\]\.images"),
        (lambda table: table["proofs"][0].update(p=float("-inf")), "Infinity"),
        (lambda table: table["ranking"][0].update(p50_ms=-1), "p50_ms"),
        (lambda table: table.update(name="\n"), "name"),
        (lambda table: table.update(source=[]), "source: expected a table"),
        (lambda table: table.update(artifacts={}), "artifacts: expected a list"),
        (lambda table: table["page"].update(sha256="0" * 64), r"page\.sha256"),
        (lambda table: table["page"].update(version="page-0"), r"page\.version"),
        (lambda table: table["page"]["held_out"].update(pages=1), r"page\.held_out: the manifest says"),
        (lambda table: table.update(page=None), r"found 'page\.json' too"),
        (lambda table: table.update(page={}), r"page: missing key"),
        (lambda table: table.update(attachments={"page.json": "0" * 64}), "attachments: expected different files"),
    ],
)
@pytest.mark.target("T20")
def test_what_does_not_fit_is_refused_by_name(copy: Path, change: Callable[[dict[str, Any]], None], field: str) -> None:
    rewritten(copy, change)
    with pytest.raises(IntegrityError, match=field):
        load_bundle(copy)


@pytest.mark.target("T3")
def test_an_edit_without_the_checksum_is_noticed(copy: Path) -> None:
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"threshold"', '"threshold" ', 1).replace("✅", "❎", 1))
    with pytest.raises(IntegrityError, match="edited"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"null", b"1e999", b"NaN", b"[" * 100_000, b'{"a":' * 100_000,
        b"\0" * 64, b'{"schema": 1, "schema": 1}', b'{"schema": ' + b"9" * 5000 + b"}", b'{"schema": 1, "name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_a_manifest_that_is_none(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(IntegrityError):
        load_bundle(copy)


def endless(file: Path) -> None:
    file.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["manifest.json", "golden.npz", "fp32.onnx", "report.html"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, endless], ids=["pipe", "folder", "endless"])
def test_what_is_no_regular_file_is_not_waited_for(copy: Path, make: Callable[[Path], None], name: str) -> None:
    (copy / name).unlink()
    make(copy / name)
    with pytest.raises(IntegrityError, match=f"{re.escape(name)}: missing, or no regular file"):
        load_bundle(copy)


def test_what_is_too_large_is_not_read(copy: Path) -> None:
    """A sparse file costs its writer nothing."""
    with (copy / "manifest.json").open("ab") as file:
        file.truncate(MAX_MANIFEST_BYTES + 1)
    with pytest.raises(IntegrityError, match=f"expected at most {MAX_MANIFEST_BYTES} bytes"):
        load_bundle(copy)


def test_models_are_held_up_to_a_limit(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_MODELS_BYTES", 300_000)
    with pytest.raises(IntegrityError, match="expected at most 300000 bytes of models"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["weights.bin", ".hidden", "fp64.onnx", "n\xe4me"])
@pytest.mark.target("T3")
def test_a_file_that_the_manifest_does_not_list_is_refused(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"data of an ONNX file that no hash covers")
    with pytest.raises(IntegrityError, match=f"found '{name}' too: remove it"):
        load_bundle(copy)


def with_golden(copy: Path, content: bytes) -> None:
    (copy / "golden.npz").write_bytes(content)
    rewritten(copy, lambda table: table.update(golden_sha256=files.sha256(content)))


def bare(values: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def header(text: bytes) -> bytes:
    """A .npy of that header."""
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text


def as_npz(name: str, content: bytes, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def with_field(content: bytes, entry_field: int, layout: str, value: int) -> bytes:
    """An archive whose one entry states another value at `entry_field`, bytes from the entry's beginning."""
    changed = bytearray(content)
    struct.pack_into(layout, changed, content.rindex(b"PK\1\2") + entry_field, value)
    return bytes(changed)


def beyond_the_end() -> bytes:
    """A member that is said to be larger than the file."""
    content = as_npz("images.npy", bare(np.zeros(3)), zipfile.ZIP_STORED)
    return with_field(with_field(content, 20, "<I", 10**6), 24, "<I", 10**6)


def beyond_every_file() -> bytes:
    """A member that begins at 2**63, as 64-bit archives can say."""
    content = with_field(as_npz("images.npy", bare(np.zeros(3))), 42, "<I", 2**32 - 1)
    entry, end = content.rindex(b"PK\1\2"), content.rindex(b"PK\5\6")
    extra = struct.pack("<HHQ", 1, 8, 2**63)
    directory = bytearray(content[entry:end] + extra)
    struct.pack_into("<H", directory, 30, len(extra))
    tail = bytearray(content[end:])
    struct.pack_into("<I", tail, 12, len(directory))
    return content[:entry] + bytes(directory) + bytes(tail)


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, images=np.array([print], dtype=object))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK\x03\x04", bare(np.zeros(3)), beyond_the_end(), beyond_every_file(), pickled(), as_npz("images.npy", b""),
        as_npz("images.npy", b"\x93NUMPY\x01\0\xff\xff{"),
        as_npz("images.npy", bare(np.zeros(3))[:-1]),
        as_npz("images.npy", bare(np.zeros(3)).replace(b"(3,)", b"(9,)")),
        as_npz("images.npy", bare(np.zeros(3)).replace(b"'<f8'", b"'|O8'")),
        as_npz("images.npy", bare(np.zeros(3)).replace(b"'<f8'", b"()   ")),
        *[as_npz("images.npy", header(text)) for text in (b"{[]: 1}", b"-" * 9000 + b"1", b"[" * 200, b"{'descr': [('', [('",)],
        as_npz("images.npy", bare(np.zeros(3)), zipfile.ZIP_BZIP2), as_npz("images.npy", bare(np.zeros(3)), zipfile.ZIP_LZMA),
    ],
)  # fmt: skip
def test_golden_inputs_that_are_no_arrays(copy: Path, content: bytes) -> None:
    with_golden(copy, content)
    with pytest.raises(IntegrityError, match=r"golden\.npz"):
        load_bundle(copy)


def test_a_header_of_python_2_is_read_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }"
    content = as_npz("x.npy", header(text + b" " * (118 - len(text))) + np.arange(3.0).tobytes())
    assert arrays_in(content, "x")["x"].tolist() == [0, 1, 2]
    assert not recwarn.list


def test_golden_inputs_are_not_unpacked_beyond_what_they_can_be(copy: Path) -> None:
    """A hundred megabytes of zeros are a hundred kilobytes of file: refused by the size that the file states."""
    with_golden(copy, npz_bytes({"images": np.zeros((100 << 20,), np.uint8)}))
    tracemalloc.start()
    with pytest.raises(IntegrityError, match="bytes unpacked, found"):
        load_bundle(copy)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_golden_inputs_of_the_largest_images_are_bounded_too() -> None:
    manifest = replace(load_bundle().manifest, input=InputContract((1024, 1024), 3, "fit"))
    assert GOLDEN_BYTES < _most_golden_bytes(manifest) < 5 * GOLDEN_BYTES


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda arrays: arrays.update(labels=np.int64(3)), "(images|labels)"),
        (lambda arrays: arrays.update(labels=arrays["labels"].astype(np.int32)), "labels"),
        (lambda arrays: arrays.update(labels=(arrays["labels"] + 1) % 11), r"logits/.*, labels: does not fit"),
        (lambda arrays: arrays.update(labels=arrays["labels"] - 5), "labels"),
        (lambda arrays: arrays.update(images=arrays["images"][:, :14]), "images: expected uint8"),
        (lambda arrays: arrays.update(images=arrays["images"].astype(np.float32)), "images"),
        (lambda arrays: arrays.update(classes=np.array(["one"])), "classes"),
        (lambda arrays: arrays.update({"logits/fp32.onnx": np.full((88, 11), "1")}), r"logits/fp32\.onnx"),
        (lambda arrays: arrays["logits/fp32.onnx"].fill(np.nan), r"logits/fp32\.onnx"),
        (lambda arrays: arrays.pop("logits/fp32.onnx"), r"logits/fp32\.onnx: expected float32 .*found none"),
        (lambda arrays: arrays.update(more=np.zeros(3)), "more"),
        (
            lambda arrays: arrays.update({name: values[:0] for name, values in arrays.items() if name != "classes"}),
            "labels",
        ),
    ],
)
@pytest.mark.target("T20")
def test_golden_inputs_that_do_not_fit(copy: Path, change: Callable[[dict[str, Any]], None], field: str) -> None:
    with np.load(copy / "golden.npz") as archive:
        arrays = dict(archive)
    change(arrays)
    with_golden(copy, npz_bytes(arrays))
    with pytest.raises(IntegrityError, match=rf"golden\.npz: {field}"):
        load_bundle(copy)


def test_a_bundle_whose_golden_inputs_name_no_classes_is_still_read(copy: Path) -> None:
    """As convert wrote them before."""
    with np.load(copy / "golden.npz") as archive:
        with_golden(copy, npz_bytes({name: values for name, values in archive.items() if name != "classes"}))
    assert len(load_bundle(copy).golden.labels) == 88


def test_a_bundle_without_a_page_scorer_is_still_read(copy: Path) -> None:
    """As convert writes it, and wrote it before there were any."""
    (copy / "page.json").unlink()
    rewritten(copy, lambda table: table.pop("page"))
    assert load_bundle(copy).scorer is None


def test_a_page_scorer_is_for_digits_and_for_a_model_of_the_bundle(copy: Path) -> None:
    rewritten(copy, lambda table: table["classes"].__setitem__(3, "three"))
    with pytest.raises(IntegrityError, match="page, classes"):
        load_bundle(copy)


def with_scorer(copy: Path, content: bytes) -> None:
    (copy / "page.json").write_bytes(content)
    rewritten(copy, lambda table: table["page"].update(sha256=files.sha256(content)))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda table: table.update(artifact="0" * 64), "another model's answers"),
        (lambda table: table.update(start=1e300), "start: expected a number"),
        (lambda table: table["usual"].pop(), "usual: expected"),
        (lambda table: table["trees"][0]["feature"].__setitem__(0, 255), "features below"),
    ],
)
def test_a_page_scorer_that_does_not_fit(copy: Path, change: Callable[[dict[str, Any]], None], field: str) -> None:
    table = json.loads((copy / "page.json").read_bytes())
    change(table)
    with_scorer(copy, json.dumps(table, separators=(",", ":")).encode())
    with pytest.raises(IntegrityError, match=rf"page\.json: .*{field}|page\.json\.?.*{field}"):
        load_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04N.", b"PK\3\4", b" " * 2**15])
def test_a_page_scorer_that_is_none(copy: Path, content: bytes) -> None:
    with_scorer(copy, content)
    with pytest.raises(IntegrityError, match=r"page\.json"):
        load_bundle(copy)


def test_what_was_hashed_is_what_is_opened(copy: Path) -> None:
    """A file that is exchanged between the check and the use reaches no runtime, of whichever batch size."""
    bundle = load_bundle(copy)
    for row in bundle.manifest.usable:
        (copy / str(row.file)).write_bytes(b"something else")
    for row in bundle.manifest.usable:
        for backend, runtime in BACKENDS.items():
            if runtime.takes(row):
                with open_classifier(bundle, row.name, backend) as classifier:
                    assert len(classifier.logits(bundle.golden.images[:7])) == 7


def test_a_bundle_that_is_replaced_while_it_is_read(
    tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Convert removes what its link pointed to before: the new content is read instead."""
    link = tmp_path / "link"
    link.symlink_to(copy)
    real = bundles.read_manifest

    def replaced(folder: Path) -> Any:
        manifest = real(folder)
        if folder == copy.resolve():
            link.unlink()
            link.symlink_to(default_bundle())
            shutil.rmtree(copy)
        return manifest

    monkeypatch.setattr(bundles, "read_manifest", replaced)
    assert load_bundle(link).path == default_bundle().resolve()


@pytest.mark.target("T3")
def test_symbolic_link_in_place_of_a_model_is_refused(copy: Path) -> None:
    row = load_bundle(copy).manifest.usable[0]
    outside = copy.parent / "outside"
    (copy / str(row.file)).rename(outside)
    (copy / str(row.file)).symlink_to(outside)
    with pytest.raises(IntegrityError, match="regular file"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["none", "x" * 5000, "caf\udce9", "a\0b"])
def test_missing_bundle_says_how_to_make_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(IntegrityError, match="python -m convert run"):
        load_bundle(tmp_path / name)


def models_of(bundle: Bundle) -> dict[str, bytes]:
    return {str(row.file): bundle.content(row) for row in bundle.manifest.artifacts if row.file}


def test_write_and_load_give_the_same(tmp_path: Path) -> None:
    bundle = load_bundle()
    report = (bundle.path / "report.html").read_bytes() if bundle.manifest.report_sha256 else None
    beside = {name: (bundle.path / name).read_bytes() for name in bundle.manifest.attachments}
    beside |= {"note.md": b"# read by people only"}
    written = publish_bundle(
        tmp_path / "again",
        bundle.manifest,
        models_of(bundle),
        bundle.golden,
        report,
        attachments=beside,
        scorer=bundle.scorer,
    )
    again = load_bundle(written).manifest
    assert set(again.attachments) == {*bundle.manifest.attachments, "note.md"}
    assert replace(again, attachments=bundle.manifest.attachments) == bundle.manifest
    (written / "note.md").write_bytes(b"# changed")
    with pytest.raises(IntegrityError, match=r"attachments\[note\.md\]"):
        load_bundle(written)
    with pytest.raises(UsageError, match="already exists"):
        publish_bundle(tmp_path / "again", bundle.manifest, models_of(bundle), bundle.golden, report)


def test_what_cannot_be_read_back_is_not_published(tmp_path: Path) -> None:
    bundle = load_bundle()
    models = models_of(bundle)
    models.pop(str(bundle.manifest.usable[0].file))
    with pytest.raises((IntegrityError, KeyError)):
        publish_bundle(tmp_path / "broken", bundle.manifest, models, bundle.golden)
    assert list(tmp_path.iterdir()) == []


def test_npz_bytes_are_reproducible() -> None:
    arrays = {"b": np.arange(5), "a": np.zeros((2, 2), np.uint8)}
    assert npz_bytes(arrays) == npz_bytes(dict(reversed(arrays.items())))
