"""A data set of one's own: pictures of any kind become the same glyphs, and what is wrong with a set is said by name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from edgeproof.errors import EdgeproofError, GateError, IntegrityError, SourceError, UsageError
from edgeproof.glyph import through_glyph
from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.resize import make_input
from train.__main__ import RECIPES
from train.data import datasets as data
from train.data import own
from train.data.datasets import Dataset
from train.data.ink import make_image
from train.data.own import FEWEST, Own, load_own
from train.data.samples import calibration, make_samples
from train.recipe import load_recipe

ROOT = Path(__file__).parents[3]
Image = NDArray[np.uint8]
SHAPES = ("circle", "cross", "triangle")
PAPER, INK = 235, 40


def drawn(shape: str, seed: int, side: int = 96) -> Image:
    """Dark on light, uint8 (side, side), each seed another hand."""
    rng = np.random.default_rng(seed)
    x, y = (int(v) for v in side / 2 + rng.uniform(-0.1, 0.1, 2) * side)
    r, pen = int(side * rng.uniform(0.2, 0.35)), max(2, int(side * rng.uniform(0.03, 0.06)))
    picture = np.full((side, side), PAPER, np.uint8)
    jitter = rng.integers(-side // 12, side // 12, (3, 2))
    if shape == "circle":
        axes, gap = (r, int(r * rng.uniform(0.7, 1))), rng.integers(360)  # not quite closed, or glyphs would be equal
        cv2.ellipse(picture, (x, y), axes, 0, int(gap), int(gap) + 335, INK, pen, cv2.LINE_AA)
    elif shape == "cross":
        cv2.line(picture, (x - r, y + int(jitter[0, 0])), (x + r, y), INK, pen, cv2.LINE_AA)
        cv2.line(picture, (x, y - r), (x + int(jitter[1, 0]), y + r), INK, pen, cv2.LINE_AA)
    else:
        corners = np.array([(x, y - r), (x - r, y + r), (x + r, y + r)]) + jitter
        cv2.polylines(picture, [corners.astype(np.int32)], True, INK, pen, cv2.LINE_AA)
    return picture


def fill(folder: Path, each: int = 12, shapes: tuple[str, ...] = SHAPES, first: int = 0) -> Path:
    for shape in shapes:
        (folder / shape).mkdir(parents=True)
        for i in range(each):
            cv2.imwrite(str(folder / shape / f"{i:02}.png"), drawn(shape, first + i))
    return folder


def load(path: Path, **settings: Any) -> Own:
    return load_own(path, **({"contract": GLYPHS, "test": 0.25, "strict": False, "seed": 1} | settings))


# --- from a picture to a glyph ----------------------------------------------------------------------------------------


def shaded(picture: Image) -> Image:
    light = np.linspace(0.6, 1, picture.shape[1])[None, :]
    return (picture * light).astype(np.uint8)


def blue_on_yellow(picture: Image) -> Image:
    share = ((PAPER - picture.astype(np.float32)) / (PAPER - INK))[..., None]
    return (share * (150, 40, 30) + (1 - share) * (120, 220, 230)).astype(np.uint8)  # BGR


def specked(picture: Image) -> Image:
    dirty = picture.copy()
    dirty[3:5, 3:5] = INK  # four pixels of dirt in the corner
    return dirty


WAYS: dict[str, Callable[[Image], Image]] = {
    "light on dark": lambda picture: 255 - picture,
    "four times as large": lambda picture: np.kron(picture, np.ones((4, 4), np.uint8)),
    "a third of the size": lambda picture: cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA),  # type: ignore[dict-item,return-value]
    "in falling light": shaded,
    "in colour": blue_on_yellow,
    "with dirt": specked,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_character_gives_the_same_glyph(shape: str, way: str) -> None:
    plain, changed = make_image(drawn(shape, 3), GLYPHS), make_image(WAYS[way](drawn(shape, 3)), GLYPHS)
    assert plain is not None
    assert changed is not None
    assert (plain > 127).sum() > 20
    # Another size permits edges of strokes to be softer or a pixel aside; no glyph at all would be at 24 to 36.
    tolerance = 13 if "size" in way or "large" in way else 1
    assert np.abs(plain.astype(int) - changed).mean() < tolerance


def cropped(picture: Image) -> Image:
    """The part of a light-on-dark picture that is written on."""
    rows, columns = np.nonzero(picture >= 32)
    return picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_data_set_images_come_out_as_through_the_glyph(inverted: bool, close: bool) -> None:
    images = data.load("mnist").test_images[:400]
    expected = through_glyph(images)
    pictures = [cropped(image) if close else image for image in images]
    found = np.array([make_image(255 - picture if inverted else picture, GLYPHS) for picture in pictures])
    differences = np.abs(found.astype(int) - expected).mean(axis=(1, 2))
    assert np.median(differences) < 1
    # Permits one in fifty to lie elsewhere: a tail fainter than a camera shows is ink to one and paper to the other.
    assert (differences < 6).mean() >= 0.98


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (50, 50)])
def test_blank_paper_has_no_glyph(size: tuple[int, int]) -> None:
    assert make_image(np.full(size, 200, np.uint8), GLYPHS) is None


def test_convention_none_only_resizes() -> None:
    picture = drawn("circle", 1, side=56)
    glyph = make_image(picture, replace(GLYPHS, resize="stretch"))
    assert glyph is not None
    assert np.abs(glyph.astype(int) - picture.reshape(28, 2, 28, 2).mean(axis=(1, 3))).max() <= 1


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_a_data_set(tmp_path: Path) -> None:
    (fill(tmp_path) / ".hidden").mkdir()
    (tmp_path / "circle" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "__MACOSX").mkdir()
    found = load(tmp_path)
    assert found.dataset.classes == SHAPES
    assert found.dataset.train_images.shape == (27, 28, 28)
    assert np.bincount(found.dataset.train_labels).tolist() == [9, 9, 9]
    assert np.bincount(found.dataset.test_labels).tolist() == [3, 3, 3]
    assert found.notes[0] == "class circle: 9 images to train with and choose by, 3 to test with"
    assert not [note for note in found.notes if "skipped" in note or "duplicates" in note]


def test_any_run_of_the_training_images_holds_every_class(tmp_path: Path) -> None:
    labels = load(fill(tmp_path, each=20)).dataset.train_labels  # 15 of each
    for start in range(0, 36, 9):
        assert np.bincount(labels[start : start + 9], minlength=3).min() >= 1


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    fill(tmp_path)
    first, again, other = (load(tmp_path, seed=seed).dataset.fingerprint for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_reject_is_the_last_class(tmp_path: Path) -> None:
    fill(tmp_path, shapes=("triangle",))
    (fill(tmp_path / "other", shapes=("cross",)) / "cross").rename(tmp_path / "reject")
    (tmp_path / "other").rmdir()
    assert load(tmp_path).dataset.classes == ("triangle", "reject")


def test_the_users_own_split_is_kept(tmp_path: Path) -> None:
    fill(tmp_path / "train", each=14)
    fill(tmp_path / "test", each=3, first=100)
    dataset = load(tmp_path).dataset
    assert (len(dataset.train_labels), len(dataset.test_labels)) == (42, 9)
    expected = {make_image(drawn(shape, 100 + i), GLYPHS).tobytes() for shape in SHAPES for i in range(3)}  # type: ignore[union-attr]
    assert {image.tobytes() for image in dataset.test_images} == expected


def test_an_image_in_training_and_test_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    fill(tmp_path / "test", first=100)
    cv2.imwrite(str(tmp_path / "test/cross/x.bmp"), 255 - drawn("cross", 5))  # another file, and even inverted
    with pytest.raises(GateError, match=r"1 test images are training images too, .*cross/05\.png and .*cross/x\.bmp"):
        load(tmp_path)


def test_duplicates_are_counted_and_left_out(tmp_path: Path) -> None:
    fill(tmp_path)
    cv2.imwrite(str(tmp_path / "circle/again.png"), drawn("circle", 4))
    found = load(tmp_path)
    assert len(found.dataset.train_labels) + len(found.dataset.test_labels) == 36
    assert any(note.startswith("duplicates: 1,") for note in found.notes)


def test_the_same_image_in_two_classes_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path)
    cv2.imwrite(str(tmp_path / "cross/x.png"), drawn("circle", 4))
    with pytest.raises(UsageError, match=r"circle/04\.png and .*cross/x\.png are the same to the model"):
        load(tmp_path)


def test_unreadable_pictures_are_named_and_counted(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "cross/notes.txt").write_text("no picture")
    (tmp_path / "cross/empty.png").write_bytes(b"")
    (tmp_path / "circle/cut.png").write_bytes((tmp_path / "circle/00.png").read_bytes()[:60])
    cv2.imwrite(str(tmp_path / "circle/blank.png"), np.full((40, 40), 255, np.uint8))
    found = load(tmp_path)
    text = "\n".join(found.notes)
    assert "skipped: 4 that cannot be read" in text
    for name in ("notes.txt", "empty.png", "cut.png", "blank.png"):
        assert name in text
    assert len(found.dataset.train_labels) + len(found.dataset.test_labels) == 36
    with pytest.raises(SourceError, match=r"circle/blank\.png: expected something written, found an empty picture"):
        load(tmp_path, strict=True)


def with_empty_class(folder: Path) -> None:
    fill(folder)
    (folder / "empty").mkdir()


def with_few(folder: Path) -> None:
    fill(folder)
    fill(folder, shapes=("square",), each=FEWEST - 1, first=100)


def with_most_in_test(folder: Path) -> None:
    fill(folder / "train", each=FEWEST - 1)
    fill(folder / "test", first=100)


def with_uneven_split(folder: Path) -> None:
    fill(folder / "train")
    fill(folder / "test", shapes=SHAPES[:2], first=100)


def with_files_only(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.png"), drawn("cross", 1))


@pytest.mark.parametrize(
    ("prepare", "error", "said"),
    [
        (with_empty_class, UsageError, "expected pictures of class empty, found none"),
        (
            with_few,
            UsageError,
            f"at least {FEWEST} different readable images of each class, found {FEWEST - 1} of class square:",
        ),
        (
            with_most_in_test,
            UsageError,
            f"each class beside the test set, found {FEWEST - 1} of class circle, {FEWEST - 1} of class cross",
        ),
        (with_uneven_split, UsageError, "the same classes in train/ and test/, found in only one of them: triangle"),
        (with_files_only, UsageError, "expected one sub-folder of pictures per class, found none"),
        (lambda folder: fill(folder, shapes=("cross",)), UsageError, "classes: expected 2 to 1000 names, found 1"),
        (lambda folder: folder.rmdir(), SourceError, "found nothing"),
    ],
)
def test_a_folder_that_cannot_be_learned_from(
    tmp_path: Path, prepare: Callable[[Path], object], error: type[EdgeproofError], said: str
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(error, match=said) as raised:
        load(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


# --- an .npz ----------------------------------------------------------------------------------------------------------


def arrays(each: int = 12) -> dict[str, Any]:
    return {
        "images": np.array([drawn(shape, i) for shape in SHAPES for i in range(each)]),
        "labels": np.repeat(np.arange(3), each),
        "classes": np.array(SHAPES),
    }


def npz(folder: Path, **changes: Any) -> Path:
    kept = {name: value for name, value in (arrays() | changes).items() if value is not None}
    np.savez_compressed(folder / "set.npz", **kept)
    return folder / "set.npz"


def test_an_npz_and_a_folder_of_the_same_images_agree(tmp_path: Path) -> None:
    fill(tmp_path / "folder")
    one, other = load(tmp_path / "folder").dataset, load(npz(tmp_path)).dataset
    assert one.classes == other.classes
    assert one.fingerprint == other.fingerprint


def test_npz_in_colour_and_without_names(tmp_path: Path) -> None:
    rgb = np.array([blue_on_yellow(image)[..., ::-1] for image in arrays()["images"]])
    dataset = load(npz(tmp_path, images=rgb, classes=None)).dataset
    assert dataset.classes == ("0", "1", "2")
    assert len(dataset.train_labels) + len(dataset.test_labels) == 36


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": np.repeat([0, 1, 3], 12)}, "classes: expected 4 names, as labels go to 3, found 3"),
        ({"labels": np.repeat([-1, 0, 1], 12)}, r"labels: expected classes in 0\.\.999, found -1\.\.1"),
        ({"labels": np.repeat([0, 1, 40_000_000], 12), "classes": None}, r"in 0\.\.999, found 0\.\.40000000"),
        (
            {"labels": np.repeat([0, 1, 3], 12), "classes": None},
            "different readable images of each class, found 0 of class 2",
        ),
        ({"labels": None}, "or images, labels; found classes, images"),
        ({"images": np.array(["a"] * 36)}, "images: expected uint8 .*, found <U1"),
        ({"images": np.ones((36, 2, 2), int)}, r"found int64 in 1\.\.1"),  # black, or white of 0..1?
        ({"classes": np.array(["a", "a", "b"])}, "expected different names, found .*a.*a.*b"),
        ({"classes": np.array(["reject", "a", "b"])}, "expected .reject., so written, only as the last"),
    ],
)
def test_an_npz_that_cannot_be_learned_from(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = npz(tmp_path, **changes)
    with pytest.raises(UsageError, match=said) as raised:
        load(file)
    assert str(file) in str(raised.value)


def test_what_was_changed_of_an_npz_is_noted(tmp_path: Path) -> None:
    """All forms are tested with `own_arrays`."""
    kept = arrays()
    given = {"X": kept["images"][:, None] / 255, "Y": np.eye(3)[kept["labels"]], "class_names": kept["classes"]}
    found = load(npz(tmp_path, images=None, labels=None, classes=None, **given))
    assert found.notes[:3] == (
        "channels come first: they are put last",
        "pixels are float64, divided by 255: multiplied back",
        "labels are one-hot",
    )
    assert found.dataset.fingerprint == load(npz(tmp_path)).dataset.fingerprint


def test_the_split_of_an_npz_is_kept(tmp_path: Path) -> None:
    kept = arrays()
    test = np.arange(36) % 12 == 0
    split = {"x_train": kept["images"][~test], "y_train": kept["labels"][~test]}
    split |= {"x_test": kept["images"][test], "y_test": kept["labels"][test]}
    dataset = load(npz(tmp_path, images=None, labels=None, **split)).dataset
    assert (len(dataset.train_labels), sorted(dataset.test_labels)) == (33, [0, 1, 2])


def test_a_damaged_npz_and_one_with_a_pickle(tmp_path: Path) -> None:
    file = npz(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=r"is no \.npz, or truncated"):
        load(file)
    with pytest.raises(IntegrityError, match="an array of objects"):
        load(npz(tmp_path, labels=np.array([{}] * 36)))


# --- pictures as they are, and not as ink -----------------------------------------------------------------------------

PICTURES = InputContract((16, 24), 3, "fit")


def coloured(shape: str, seed: int) -> Image:
    """BGR, each seed of another size, colour and hand."""
    rng = np.random.default_rng(seed)
    grey = drawn(shape, seed, side=40 + 3 * (seed % 17))
    share = ((PAPER - grey.astype(np.float32)) / (PAPER - INK))[..., None]
    made: Image = (share * rng.integers(0, 100, 3) + (1 - share) * rng.integers(150, 256, 3)).astype(np.uint8)
    return made[: 30 + 2 * (seed % 5)]


def fill_coloured(folder: Path, each: int = 12, first: int = 0) -> Path:
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for i in range(each):
            cv2.imwrite(str(folder / shape / f"{i:02}.png"), coloured(shape, first + i))
    return folder


def with_alpha(picture: Image, file: Path) -> None:
    """The paper is transparent, and black under that."""
    ink = (picture.max(axis=2) < 128)[..., None]
    cv2.imwrite(str(file), np.where(ink, np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]), 0))


def as_turned_jpeg(picture: Image, file: Path) -> None:
    """Stored on its side, with the EXIF word for that."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(picture)[..., ::-1])
    PIL.Image.fromarray(stored).save(file, quality=100, subsampling=0, exif=exif)


def as_palette(picture: Image, file: Path) -> None:
    PIL.Image.fromarray(np.ascontiguousarray(picture[..., ::-1])).quantize(256).save(file)


KINDS: dict[str, tuple[Callable[[Image, Path], object], str, float]] = {
    "16 bits": (lambda picture, file: cv2.imwrite(str(file), picture.astype(np.uint16) * 257), "a.png", 0),
    "16 bits grey": (lambda picture, file: cv2.imwrite(str(file), picture[..., 0].astype(np.uint16) * 257), "a.png", 0),
    "TIFF": (lambda picture, file: cv2.imwrite(str(file), picture), "a.tiff", 0),
    "JPEG on its side": (as_turned_jpeg, "a.jpg", 4),  # what JPEG rounds
    "palette": (as_palette, "a.png", 8),  # colours that 256 do not hold
    "alpha": (with_alpha, "a.png", 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_what_a_person_sees_in_whatever_file(tmp_path: Path, kind: str) -> None:
    write, name, tolerance = KINDS[kind]
    seen = coloured("circle", 103)
    if kind == "16 bits grey":
        seen = np.repeat(seen[..., :1], 3, axis=2)
    if kind == "alpha":
        seen = np.where((seen.max(axis=2) < 128)[..., None], seen, 255).astype(np.uint8)
    fill_coloured(tmp_path / "train", each=FEWEST)
    (fill_coloured(tmp_path / "test", each=1, first=100) / "circle/00.png").unlink()
    write(seen, tmp_path / "test/circle" / name)
    dataset = load(tmp_path, contract=PICTURES).dataset
    found = dataset.test_images[dataset.test_labels == SHAPES.index("circle")]
    assert len(found) == 1
    assert np.abs(found[0].astype(int) - make_input(seen, PICTURES)).max() <= tolerance


def test_sizes_and_channels_may_differ_within_a_folder(tmp_path: Path) -> None:
    fill_coloured(tmp_path)
    cv2.imwrite(str(tmp_path / "cross/grey.png"), drawn("cross", 50, side=200))
    for resize in ("stretch", "fit", "crop"):
        for channels, shape in ((1, (16, 24)), (3, (16, 24, 3))):
            dataset = load(tmp_path, contract=InputContract((16, 24), channels, resize)).dataset  # type: ignore[arg-type]
            assert dataset.train_images.shape[1:] == shape
            assert len(dataset.train_labels) + len(dataset.test_labels) == 37


@pytest.mark.parametrize("size", [(1, 1), (1, 1024), (1024, 1)])
def test_sides_from_1_to_1024(tmp_path: Path, size: tuple[int, int]) -> None:
    fill_coloured(tmp_path, each=FEWEST)
    for i, file in enumerate(sorted(tmp_path.rglob("*.png"))):  # of one row or pixel drawings are equal, these are not
        cv2.imwrite(str(file), np.full((9, 9, 3), 3 * i, np.uint8))
    assert load(tmp_path, contract=InputContract(size, 3, "stretch")).dataset.image_shape == (*size, 3)


def test_colour_becomes_ink_where_the_recipe_says_so(tmp_path: Path) -> None:
    assert load(fill_coloured(tmp_path)).dataset.image_shape == (28, 28)


# --- few, many and large ----------------------------------------------------------------------------------------------


def test_classes_that_are_too_small_are_all_named_before_a_picture_is_read(tmp_path: Path) -> None:
    fill(tmp_path)
    for i in range(7):
        (tmp_path / f"few{i}").mkdir()
        (tmp_path / f"few{i}/only.png").write_bytes(b"no picture, which nobody has found out yet")
    with pytest.raises(
        UsageError, match=r"found 1 of class few0, .*1 of class few4 and too few of 2 more: add some, or"
    ):
        load(tmp_path, strict=True)


def test_a_thousand_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = tmp_path / "set.npz"
    labels = np.arange(10_000) % 1000
    np.savez(file, images=rng.integers(0, 256, (10_000, 2, 3, 3), dtype=np.uint8), labels=labels)
    recipe = load_recipe(RECIPES / "own-pictures.toml", path=str(file))
    dataset = load(file, contract=replace(PICTURES, size=(2, 3))).dataset
    assert np.bincount(dataset.test_labels, minlength=1000).min() >= 1
    samples = make_samples(recipe, dataset)
    assert set(calibration(samples, seed=1).labels) == set(range(1000))
    np.savez(file, images=np.zeros((1001, 2, 3), np.uint8), labels=np.arange(1001))
    with pytest.raises(UsageError, match=r"labels: expected classes in 0\.\.999, found 0\.\.1000"):
        load(file)


@pytest.mark.parametrize("size", [(1, 1), (16, 24)])
def test_dull_pictures_calibrate_an_input_of_all_bytes(size: tuple[int, int]) -> None:
    images = np.full((90, *size), 90, np.uint8) + np.arange(90, dtype=np.uint8)[:, None, None]
    labels = np.arange(90) % 2
    dull = Dataset("dull", ("a", "b"), images[:80], labels[:80], images[80:], labels[80:])
    part = calibration(make_samples(load_recipe(RECIPES / "own-pictures.toml"), dull), seed=1)
    assert (part.images.min(), part.images.max()) == (0, 255)
    assert len(part.images) == len(part.labels) == 64 + 2


def test_more_than_memory_holds_is_refused_before_a_picture_is_read(tmp_path: Path) -> None:
    for shape in SHAPES[:2]:
        (tmp_path / shape).mkdir()
        for i in range(700):
            (tmp_path / shape / f"{i}.png").write_bytes(b"")
    large = InputContract((1024, 1024), 3, "fit")
    with pytest.raises(
        UsageError, match=r"at most 4 GiB of images, found 4\.1 GiB, 1,400 pictures at 1024×1024×3 fit: take"
    ):
        load(tmp_path, contract=large, strict=True)
    with pytest.raises(UsageError, match=r"at most 1 GiB of test images and answers, found 1\.5 GiB"):
        load(tmp_path, contract=replace(large, size=(1024, 910)), test=0.4, strict=True)


def test_a_file_that_unpacks_to_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MAX_BYTES", 2**14)
    with pytest.raises(UsageError, match=r"set\.npz: expected arrays of at most \S+ GiB, found \S+: give images as"):
        load(npz(tmp_path))


# --- by the command line ----------------------------------------------------------------------------------------------


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "train", *map(str, words)], cwd=ROOT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_trained_by_the_shipped_template(tmp_path: Path, seed: int) -> None:
    fill(tmp_path / "set", each=30)
    (tmp_path / "set/cross/notes.txt").write_text("no picture")
    done = command(
        "run", "own-images", "--data", tmp_path / "set", "--runs", tmp_path / "runs", "--epochs", "20",
        "--target-accuracy", "0.9", "--seed", str(seed),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "class circle: 24 images to train with and choose by, 6 to test with" in done.stdout
    assert "notes.txt" in done.stdout
    assert not re.search(r"^(I0000|WARNING)", done.stderr, re.MULTILINE), "TensorFlow's greeting tells a user nothing"
    run = tmp_path / "runs/own-images"
    facts = json.loads((run / "run.json").read_text())
    assert facts["classes"] == list(SHAPES)
    assert facts["data"] | {"fingerprint": ""} == {
        "name": "own", "fingerprint": "", "train": 58, "validation": 14, "test": 18,
    }  # fmt: skip
    assert facts["overrides"] == {"epochs": 20, "target_accuracy": 0.9, "seed": seed}
    assert str(tmp_path) not in (run / "run.json").read_text()
    sheet = cv2.imread(str(tmp_path / "runs/own-images-contact-sheet.png"))
    assert sheet is not None
    assert (sheet < 100).any()  # ink
    assert (run / "report/contact-sheet.png").is_file()
    assert "triangle" in (run / "report/classes.txt").read_text()
    golden = np.load(run / "golden.npz")
    assert len(golden["labels"]) >= 64
    assert np.bincount(golden["labels"]).min() >= 20


@pytest.mark.slow
def test_look_writes_the_sheet_and_trains_nothing(tmp_path: Path) -> None:
    done = command("look", "own-images", "--data", fill(tmp_path / "set"), "--runs", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert [file.name for file in (tmp_path / "runs").iterdir()] == ["own-images-contact-sheet.png"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("own-images",), 2, "expected --data FOLDER or --data FILE.npz"),
        (("own-images", "--data", "/no/such/folder"), 5, "/no/such/folder: expected a folder"),
        (("mnist-like", "--data", "x"), 2, "no recipe"),
        (("mlp-128", "--data", "x"), 2, 'path, and --data, go with name = "own", found "mnist"'),
    ],
)
def test_exit_codes(words: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    done = command("run", *words, "--runs", tmp_path / "runs")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not any((tmp_path / "runs").glob("[!.]*"))
