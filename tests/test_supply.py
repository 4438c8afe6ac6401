"""The wheel says truly what it is made of and from, is the same bytes wherever it is built, and works without network."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import provenance as provenance_module
from supply.locks import Pinned, pinned
from supply.materials import EXTRA, LOCKS, bill
from supply.provenance import statement

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ABOUT = f"edgeproof-{PROJECT['version']}.dist-info"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """What is in the wheel of `make wheel`, by name."""
    (wheel,) = (ROOT / "dist").glob("edgeproof-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def materials(files: dict[str, bytes]) -> dict[str, Any]:
    text = files[f"{ABOUT}/sboms/edgeproof.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def provenance(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files[f"{ABOUT}/provenance.json"])
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.target("T22")
def test_record_names_every_file_with_its_hash(files: dict[str, bytes]) -> None:
    rows = {name: (digest, size) for name, digest, size in csv.reader(files[f"{ABOUT}/RECORD"].decode().splitlines())}
    assert rows.keys() == files.keys()
    for name, data in files.items():
        if not name.endswith("/RECORD"):
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert rows[name] == (f"sha256={digest}", str(len(data)))


@pytest.mark.target("T22")
def test_the_bill_names_the_package_and_all_that_the_locks_pin(materials: dict[str, Any]) -> None:
    package = materials["metadata"]["component"]
    assert (package["name"], package["version"]) == (PROJECT["name"], PROJECT["version"])
    assert package["licenses"] == [{"license": {"id": PROJECT["license"]}}]
    libraries = {row["purl"]: row for row in materials["components"] if row["type"] == "library"}
    expected: dict[str, tuple[Pinned, set[str]]] = {}
    for extra, lock in LOCKS.items():
        for found in pinned(ROOT / "requirements" / lock):
            expected.setdefault(f"pkg:pypi/{found.name}@{found.version}", (found, set()))[1].add(extra)
    assert libraries.keys() == expected.keys()
    for url, (found, extras) in expected.items():
        row = libraries[url]
        assert {digest["content"] for digest in row["hashes"]} == set(found.sha256)
        required = found.name == "numpy"
        assert row["scope"] == ("required" if required else "optional")
        said = {(entry["name"], entry["value"]) for entry in row.get("properties", [])}
        assert said == (set() if required else {(EXTRA, extra) for extra in extras})


@pytest.mark.target("T22")
def test_the_bill_names_the_models_with_their_hashes(materials: dict[str, Any], files: dict[str, bytes]) -> None:
    carried = {name: sha256(data) for name, data in files.items() if name.startswith("edgeproof/bundles/")}
    models = [row for row in materials["components"] if row["type"] != "library"]
    assert {row["name"]: row["hashes"][0]["content"] for row in models} == carried
    kinds = {row["name"].rpartition(".")[2]: row["type"] for row in models}
    assert (kinds["onnx"], kinds["tflite"], kinds["npz"]) == (
        "machine-learning-model",
        "machine-learning-model",
        "data",
    )


def test_the_package_depends_on_what_it_names_itself(materials: dict[str, Any]) -> None:
    (own,) = (row for row in materials["dependencies"] if row["ref"].startswith("pkg:pypi/edgeproof@"))
    names = {re.split(r"[/@]", url)[1] for url in own["dependsOn"] if url.startswith("pkg:")}
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    assert names == {re.split(r"[\[>=<]", line)[0] for line in lines}


@pytest.mark.target("T22")
def test_the_provenance_names_commit_locks_and_builder(provenance: dict[str, Any], files: dict[str, bytes]) -> None:
    subjects = {row["name"]: row["digest"]["sha256"] for row in provenance["subject"]}
    added = {f"{ABOUT}/{name}" for name in ("RECORD", "provenance.json", "sboms/edgeproof.cdx.json")}
    assert subjects == {name: sha256(data) for name, data in files.items() if name not in added}
    source, *locks = provenance["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {row["name"] for row in locks} == {f"requirements/{name}" for name in ("build.txt", *LOCKS.values())}
    builder = provenance["predicate"]["runDetails"]["builder"]["version"]
    assert builder.keys() == {"python", "setuptools", "wheel", "cyclonedx-python-lib"}
    git = shutil.which("git")
    words = [git or "", "-C", ROOT, "rev-parse", "--show-toplevel"]
    top = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() if git else ""
    if not top or Path(top).resolve() != ROOT.resolve():
        pytest.skip("no checkout here that git reads: an archive, or another user's")
    assert re.fullmatch(r"[0-9a-f]{40}", source["digest"]["gitCommit"])


def test_nothing_in_the_wheel_names_a_folder_of_the_builder(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        assert str(ROOT).encode() not in data, name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the bill is made from, to be damaged."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "wheel" / ABOUT).mkdir(parents=True)
    (tmp_path / "wheel" / ABOUT / "RECORD").touch()
    return tmp_path


def without_hashes(project: Path) -> None:
    (project / "requirements" / "web.txt").write_text("starlette==1.0\n")


def another_extra(project: Path) -> None:
    table = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(table.replace("mqtt = [", "serial = ["))


def unlocked(project: Path) -> None:
    shutil.copy(project / "requirements" / "web.txt", project / "requirements" / "mqtt.txt")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without_hashes, r"web\.txt: expected name==version with hashes, found 'starlette==1\.0'"),
        (another_extra, r"expected a lock file of each extra \(.*serial.*\)"),
        (unlocked, r"expected paho-mqtt in the lock files, found none: make lock"),
    ],
)
def test_no_bill_where_the_locks_do_not_say_what_is_asked_for(
    damage: Callable[[Path], None], says: str, project: Path
) -> None:
    import datetime

    damage(project)
    with pytest.raises(ValueError, match=says):
        bill(project, project / "wheel", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))


def test_outside_of_git_the_provenance_says_so(project: Path) -> None:
    source = json.loads(statement(project, project / "wheel", 0))["predicate"]["buildDefinition"][
        "resolvedDependencies"
    ]
    assert source[0] == {"name": "source", "annotations": {"commit": "not a git checkout"}}


def test_a_file_that_git_does_not_know_is_a_change(project: Path) -> None:
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x", "-c", "commit.gpgsign=false", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True, capture_output=True)
    told = [json.loads(statement(project, project / "wheel", 0))]
    (project / "new.py").touch()
    told.append(json.loads(statement(project, project / "wheel", 0)))
    changed = [
        said["predicate"]["buildDefinition"]["resolvedDependencies"][0]["annotations"]["modified"] for said in told
    ]
    assert changed == [False, True]


def test_a_git_that_does_not_answer_is_none(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(provenance_module, "_GIT_S", 0.1)
    assert "not a git checkout" in statement(project, project / "wheel", 0)


def test_a_wheelhouse_without_an_index_is_no_fault_of_the_architecture(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "requirements/wheelhouse.py", "aarch64", tmp_path / "house", "--wheel", "any.whl"]
    nowhere = os.environ | {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run(words, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "Connection refused" in done.stderr
    assert "no wheels for" not in done.stderr


# --- whole builds -----------------------------------------------------------------------------------------------------


def built(folder: Path, **environment: str) -> Path:
    """`make wheel` there, with the build environment of this checkout: that is not what differs."""
    (folder / ".venv-build").symlink_to(ROOT / ".venv-build")
    subprocess.run(
        ["make", "--old-file", ".venv-build/.done", "wheel"], cwd=folder, check=True, capture_output=True,
        env=os.environ | environment, umask=0o077,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.target("T22")
def test_two_builds_are_the_same_bytes(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Of two clones at paths of unequal length, seconds apart, in other time zones, by other hashes of strings and by a
    user whose files nobody else may read."""
    wheels = []
    for name, zone in (("one", "Asia/Tokyo"), ("another/much/deeper", "America/Lima")):
        subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / name], check=True)
        (tmp_path / name / ".git" / "info" / "exclude").write_text(".venv-build\n")
        time.sleep(2.1)  # a zip file tells times to two seconds
        wheel = built(tmp_path / name, TZ=zone, PYTHONHASHSEED=str(len(name)))
        wheels.append(wheel.read_bytes())
        with zipfile.ZipFile(wheel) as archive:
            assert b'"modified": false' in archive.read(f"{ABOUT}/provenance.json")
    assert sha256(wheels[0]) == sha256(wheels[1])
    record_property("figure", f"two builds, both {len(wheels[0]):,} bytes, sha256 {sha256(wheels[0])[:12]}…")


@pytest.mark.slow
def test_it_is_built_from_an_archive_without_git(tmp_path: Path) -> None:
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-x"], cwd=tmp_path / "unpacked", input=archive, check=True)
    with zipfile.ZipFile(built(tmp_path / "unpacked")) as wheel:
        assert "not a git checkout" in wheel.read(f"{ABOUT}/provenance.json").decode()


# --- without network --------------------------------------------------------------------------------------------------

OFFLINE = ("unshare", "--user", "--map-root-user", "--net")  # not even loopback is up in there


@pytest.fixture(scope="module")
def offline() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`offline(*command)` runs where there is no network."""
    if not shutil.which("unshare") or subprocess.run([*OFFLINE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare --user --net is not permitted here: it needs user namespaces")

    def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*OFFLINE, *command], capture_output=True, text=True, check=False, **options)
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done

    return run


def test_a_picture_is_read_where_there_is_no_network(offline: Callable[..., Any]) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    alone = subprocess.run([*OFFLINE, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in alone.stderr, "nothing can be reached in there"
    words = [sys.executable, "-m", "edgeproof", "read", "samples/numbers.jpg", "--json", "-", "--no-show"]
    assert '"text"' in offline(*words, cwd=ROOT).stdout


def test_reading_a_file_opens_no_socket() -> None:
    """Neither the network's nor of this machine, in the process itself: Python tells of each before it is made."""
    code = (
        "import sys\n"
        "def hook(event, words):\n"
        "    if event.startswith('socket.'): print('SOCKET', event, file=sys.stderr)\n"
        "sys.addaudithook(hook)\n"
        "from edgeproof.cli.main import main\n"
        "sys.exit(main(['read', 'samples/numbers.jpg', '--json', '-', '--no-show']))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "SOCKET" not in told.stderr


@pytest.mark.slow
@pytest.mark.target("T22")
def test_it_is_installed_and_reads_without_network(
    tmp_path: Path, offline: Callable[..., Any], record_property: Callable[[str, object], None]
) -> None:
    """The wheel and what its locks name, fetched into a folder; from there on nothing comes from elsewhere."""
    locks = [word for name in ("runtime", "ort-cpu", "opencv-headless") for word in ("-r", f"requirements/{name}.txt")]
    fetched = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    subprocess.run([*fetched, "--dest", tmp_path / "house", *locks], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "device"], check=True)
    python = tmp_path / "device" / "bin" / "python"
    alone = ["--quiet", "--no-index", "--find-links", tmp_path / "house"]
    (wheel,) = (ROOT / "dist").glob("edgeproof-*.whl")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    offline(python, "-m", "pip", "install", *alone, "--require-hashes", *locks, cwd=ROOT, env=environment)
    offline(python, "-m", "pip", "install", *alone, "--no-deps", wheel, env=environment)
    edgeproof = python.with_name("edgeproof")
    picture = ROOT / "samples" / "numbers.jpg"
    told = offline(edgeproof, "read", picture, "--json", "-", "--no-show", cwd=tmp_path, env=environment)
    assert json.loads(told.stdout)["numbers"]
    offline(edgeproof, "verify", cwd=tmp_path, env=environment)
    said = offline(edgeproof, "doctor", cwd=tmp_path, env=environment).stdout
    size = sum(file.stat().st_size for file in (tmp_path / "house").iterdir())
    record_property("figure", f"installed from {len(list((tmp_path / 'house').iterdir()))} wheels of {size >> 20} MB")
    assert re.search(r"edgeproof \S+, commit [0-9a-f]{12}", said)
