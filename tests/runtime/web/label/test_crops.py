"""Real files: a crop is moved whole and under a name of its own, and is at no time nowhere, whatever else happens to it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeproof.errors import SourceError
from edgeproof.web.label import crops as module
from edgeproof.web.label.choices import choices_of
from edgeproof.web.label.crops import Crops, GoneError, TakenError

CLASSES = ["0", "1", "7", "triangle"]
Opened = Callable[..., Crops]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """`opened(names…)`: the crops of a folder with files of these names, each of which holds its own name."""

    def make(*names: str, out: Path | None = None) -> Crops:
        for name in names:
            (tmp_path / name).write_bytes(os.fsencode(name))
        return Crops(tmp_path, out or tmp_path / "labelled", choices_of(CLASSES))

    return make


def ids(crops: Crops) -> dict[str, str]:
    return {waiting.name: waiting.id for waiting in crops.waiting()}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_labelled_crop_is_in_the_folder_of_its_class_and_comes_back(opened: Opened, tmp_path: Path):
    crops = opened("a-000001-000-7-62.png", "b.png")
    first, second = crops.waiting()
    assert (first.guess, first.percent, second.guess, second.percent) == ("7", 62, "", 0)
    crops.label(first.id, 2)
    assert files(tmp_path) == {"labelled/7/a-000001-000-7-62.png", "b.png"}
    assert (crops.left, crops.now, crops.counts, crops.last) == (1, {"7": 1}, [0, 0, 1, 0, 0], first.id)
    crops.look()
    assert crops.counts == [0, 0, 1, 0, 0], "as the disk has it"
    assert crops.undo(first.id) == first
    assert files(tmp_path) == {"a-000001-000-7-62.png", "b.png"}
    assert not (tmp_path / "labelled/7").exists(), "training refuses an empty class"
    assert (crops.left, crops.now, crops.counts, crops.last) == (2, {}, [0] * 5, None)


def test_the_guess_is_the_class_that_the_short_name_stands_for(tmp_path: Path):
    for guess in ("triangle", "plusmin", "longlong", "unknown", "reject"):
        (tmp_path / f"p-2-000000-001-{guess}-50-3.png").touch()
    choices = choices_of(["triangle", "plus_min", "longlong one", "longlong two"])
    found = Crops(tmp_path, tmp_path / "out", choices).waiting()
    assert [crop.guess for crop in found] == ["longlong", "plus_min", "reject", "triangle", ""]
    assert {crop.percent for crop in found} == {50, 0}


def test_names_that_are_taken_get_a_number_and_nothing_is_overwritten(opened: Opened, tmp_path: Path):
    crops = opened("a.png")
    taken = tmp_path / "labelled" / "1" / "a.png"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"earlier")
    crops.label(ids(crops)["a.png"], 1)
    assert taken.read_bytes() == b"earlier"
    assert (taken.parent / "a-2.png").read_bytes() == b"a.png"
    opened("a.png")  # a run writes one of that name again
    crops.look()
    back = crops.undo(str(crops.last))
    assert back.name == "a-2.png"
    assert (tmp_path / "a-2.png").read_bytes() == b"a.png"


def test_two_labels_for_one_crop_the_second_is_refused(opened: Opened, tmp_path: Path):
    crops = opened("a.png")
    (id,) = ids(crops).values()
    crops.label(id, 1)
    for refused in (lambda: crops.label(id, 2), lambda: crops.picture(id)):
        with pytest.raises(TakenError, match="labelled 1 already"):
            refused()
    assert files(tmp_path) == {"labelled/1/a.png"}


def test_of_two_programs_one_gets_it(opened: Opened, tmp_path: Path):
    one, other = opened("a.png", "b.png"), opened()
    one.label(ids(one)["a.png"], 1)
    with pytest.raises(GoneError):
        other.label(ids(other)["a.png"], 2)
    assert files(tmp_path) == {"labelled/1/a.png", "b.png"}
    assert other.left == 1
    assert not (tmp_path / "labelled/7").exists(), "training refuses an empty class"


def test_of_two_at_the_same_moment_one_gets_it(opened: Opened, tmp_path: Path, monkeypatch):
    crops = opened("a.png")
    linked = module.Folder.link

    def slower(folder, source, stem, suffix):
        path = linked(folder, source, stem, suffix)
        source.unlink()  # by the other one, between our two steps
        return path

    monkeypatch.setattr(module.Folder, "link", slower)
    with pytest.raises(GoneError):
        crops.label(ids(crops)["a.png"], 1)
    assert files(tmp_path) == set(), "where the other one put it, we know not"


def test_what_vanishes_and_what_comes_is_seen(opened: Opened, tmp_path: Path):
    crops = opened("a.png", "b.png", "c.png")
    before = ids(crops)
    (tmp_path / "b.png").unlink()
    opened("d.png")
    with pytest.raises(GoneError):
        crops.picture(before["b.png"])
    crops.look()
    assert list(ids(crops)) == ["a.png", "c.png", "d.png"]
    assert ids(crops)["a.png"] == before["a.png"], "the page knows it by that"
    with pytest.raises(GoneError):
        crops.label(before["b.png"], 1)
    crops.label(before["a.png"], 1)
    shutil.rmtree(tmp_path / "labelled")
    with pytest.raises(GoneError):
        crops.undo(before["a.png"])
    assert crops.last is None


def test_only_pictures_themselves_are_crops(opened: Opened, tmp_path: Path):
    (tmp_path / "secret").write_text("of another")
    (tmp_path / "link.png").symlink_to(tmp_path / "secret")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    crops = opened("A.PNG", ".writing-0123456789abcdef.png", "a.jpg", "notes.txt")
    assert list(ids(crops)) == ["A.PNG"]
    (tmp_path / "A.PNG").unlink()
    (tmp_path / "A.PNG").symlink_to(tmp_path / "secret")
    with pytest.raises(GoneError):
        crops.picture(crops.waiting()[0].id)


@pytest.mark.parametrize("name", ["a b'\";$(x).png", "<b>&amp;.png", "-rf.png", "\x1b[2J\n\u202e.png", "é😀.png"])
def test_names_with_odd_characters_are_moved_as_they_are(opened: Opened, tmp_path: Path, name: str):
    crops = opened(name)
    (waiting,) = crops.waiting()
    assert waiting.name.isprintable()
    assert crops.picture(waiting.id) == name.encode()
    crops.label(waiting.id, 0)
    assert files(tmp_path) == {f"labelled/0/{name}"}
    crops.undo(waiting.id)
    assert files(tmp_path) == {name}


def test_a_name_that_is_no_text_is_one_too(tmp_path: Path):
    name = os.fsdecode(b"\xff\xfe-000001-000-7-62.png")
    try:
        (tmp_path / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has text alone")
    crops = Crops(tmp_path, tmp_path / "labelled", choices_of(CLASSES))
    (waiting,) = crops.waiting()
    assert (waiting.name, waiting.guess) == ("\\udcff\\udcfe-000001-000-7-62.png", "7")
    crops.label(waiting.id, 2)
    assert (tmp_path / "labelled" / "7" / name).is_file()


def test_ids_tell_nothing_and_are_others_after_a_restart(opened: Opened):
    first, second = opened("a.png"), opened()
    assert ids(first)["a.png"] != ids(second)["a.png"]
    for id in (ids(second)["a.png"], "a.png", "../a.png", "", "/etc/passwd", "\x00"):
        for asked in (first.picture, first.undo, lambda id: first.label(id, 0)):
            with pytest.raises(GoneError):
                asked(id)


def test_another_disk_or_one_without_hard_links_gets_a_whole_copy(opened: Opened, tmp_path: Path, monkeypatch):
    def no_links(*_names: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", no_links)
    crops = opened("a.png")
    (id,) = ids(crops).values()
    crops.label(id, 1)
    assert files(tmp_path) == {"labelled/1/a.png"}
    assert (tmp_path / "labelled/1/a.png").read_bytes() == b"a.png"
    crops.undo(id)
    assert files(tmp_path) == {"a.png"}


FULL_DISK = """
import errno, os, sys
from pathlib import Path
from edgeproof.web.label.choices import choices_of
from edgeproof.web.label.crops import Crops
import resource, signal
folder = Path(sys.argv[1])
crops = Crops(folder, folder / "labelled", choices_of(["0", "1"]))
def no_links(*names): raise OSError(errno.EXDEV, "another disk")
os.link = no_links
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # a write beyond fails, as on a full disk
try: crops.label(crops.waiting()[0].id, 0)
except OSError as error: print(error.errno == errno.EFBIG, crops.left, crops.now.total())
"""


def test_a_disk_that_is_full_leaves_the_crop_where_it_was(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(bytes(5000))
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "1", "0"], done.stderr
    assert files(tmp_path) == {"a.png"}
    assert not list((tmp_path / "labelled").iterdir()), "training refuses an empty class"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_leaves_the_crop_where_it_was(opened: Opened, tmp_path: Path):
    crops = opened("a.png")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            crops.label(ids(crops)["a.png"], 0)
    finally:
        tmp_path.chmod(0o700)
    assert files(tmp_path) == {"a.png"}


def test_a_crop_that_cannot_be_taken_away_is_not_doubled(opened: Opened, tmp_path: Path, monkeypatch):
    crops = opened("a.png")
    unlink = Path.unlink

    def denied(path: Path, **options: bool) -> None:
        if path == tmp_path / "a.png":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", denied)
    with pytest.raises(PermissionError):
        crops.label(ids(crops)["a.png"], 0)
    assert files(tmp_path) == {"a.png"}
    assert (crops.left, crops.counts[0]) == (1, 0)


def test_no_folder_is_one_line(tmp_path: Path):
    with pytest.raises(SourceError, match="expected a folder with crops, found none: edgeproof read"):
        Crops(tmp_path / "none", tmp_path / "out", choices_of(CLASSES))


def test_of_very_many_the_first_are_listed(opened: Opened):
    crops = opened(*(f"{i:05}.png" for i in range(module.MOST_LISTED + 5)))
    assert (len(crops.waiting()), crops.left) == (module.MOST_LISTED, module.MOST_LISTED + 5)
