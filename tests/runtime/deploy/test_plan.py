"""From what a host says to what it gets, or to the one line that says why not. Nothing is run."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgeproof.deploy import plan, wheels
from edgeproof.deploy.facts import Facts, Python
from edgeproof.deploy.plan import SPARE
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from tests.runtime.deploy.far_side import signatures, wheel

PI = Python("/usr/bin/python3.11", (3, 11, 2), 64, True, "glibc", (2, 36))


def named(folder: Path, *names: str) -> Path:
    """Empty wheels of these names, and the stand-in for the program."""
    wheel(folder, "1")
    for name in names:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("x", "y" * 1000)
    return folder


def facts(python: Python = PI, machine: str = "aarch64", free: int = 2**40, *, systemd: bool = True) -> Facts:
    return Facts(machine, "/home/pi/edgeproof", False, free, systemd, (python,))


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a-1-py3-none-any.whl", True), ("a-1-py2.py3-none-any.whl", True), ("a-1-cp311-cp311-manylinux_2_28_aarch64.whl", True),
        ("a-1-cp37-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", True), ("a-1-cp311-none-linux_aarch64.whl", True),
        ("a-1-cp311-cp311-manylinux_2_39_aarch64.whl", False), ("a-1-cp312-cp312-manylinux_2_28_aarch64.whl", False),
        ("a-1-cp312-abi3-manylinux_2_28_aarch64.whl", False), ("a-1-cp311-cp311-musllinux_1_2_aarch64.whl", False),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", False), ("a-1-py2-none-any.whl", False),
        ("a-1-cp311-cp311t-manylinux_2_28_aarch64.whl", False),
    ],
)  # fmt: skip
def test_the_tags_of_a_wheel(tmp_path: Path, name: str, fits: bool) -> None:
    assert wheels.fits(wheels.read(named(tmp_path, name) / name), PI, "aarch64") == fits


def test_musl_wants_its_own_wheels(tmp_path: Path) -> None:
    name = "a-1-cp311-cp311-musllinux_1_2_aarch64.whl"
    alpine = Python("/usr/bin/python3", (3, 11, 2), 64, True, "musl", (1, 2))
    assert wheels.fits(wheels.read(named(tmp_path, name) / name), alpine, "aarch64")


def test_packages_without_a_wheel_are_named(tmp_path: Path) -> None:
    named(tmp_path, "numpy-2-cp311-cp311-manylinux_2_28_x86_64.whl", "tqdm-1-py3-none-any.whl")
    with pytest.raises(
        UnavailableError, match=r"3\.11 on aarch64.* of numpy \(cp311-manylinux_2_28_x86_64\): make wheelhouse"
    ):
        plan.plan(facts(), tmp_path, {}, "a")


def test_without_what_checks_signatures_no_key_is_sent(tmp_path: Path) -> None:
    keys = {Path("release.pub"): "1"}
    lacking = "--trust: expected a wheel of cryptography .*: make wheelhouse ARCH=aarch64 HOST_PYTHON=3.11 EXTRAS=sign"
    with pytest.raises(UnavailableError, match=lacking):
        plan.plan(facts(), named(tmp_path), {}, "a", keys=keys)
    other = signatures(tmp_path).rename(tmp_path / "cryptography-1-cp311-abi3-manylinux_2_28_x86_64.whl")
    with pytest.raises(UnavailableError, match=r"other ones of cryptography .*EXTRAS=sign$"):
        plan.plan(facts(), tmp_path, {}, "a", keys=keys)
    other.unlink()
    signatures(tmp_path)
    assert plan.plan(facts(), tmp_path, {}, "a", keys=keys).keys == keys


def test_the_folder_of_the_architecture_is_taken(tmp_path: Path) -> None:
    named(tmp_path / "aarch64")
    named(tmp_path / "x86_64", "numpy-2-cp311-cp311-manylinux_2_28_x86_64.whl")
    assert [one.name for one in plan.plan(facts(), tmp_path, {}, "a").wheels] == ["edgeproof"]


def test_a_later_interpreter_is_taken_where_the_first_has_no_wheels(tmp_path: Path) -> None:
    named(tmp_path, "numpy-2-cp312-cp312-manylinux_2_28_aarch64.whl")
    newer = Python("/opt/python3.12", (3, 12, 0), 64, True, "glibc", (2, 36))
    both = replace(facts(), pythons=(PI, newer))
    assert plan.plan(both, tmp_path, {}, "a").python == newer


@pytest.mark.parametrize(
    ("python", "systemd", "says"),
    [
        ((), True, "Python 3.11 or later, found none"),
        ((Python("/usr/bin/python3", (3, 9, 2), 64, True, "glibc", (2, 31)),), True, "found 3.9.2"),
        ((Python("/usr/bin/python3", (3, 11, 2), 64, False, "glibc", (2, 36)),), True, "python3-venv"),
        ((PI,), False, "--service: expected a running systemd"),
    ],
)
def test_what_the_host_lacks_is_said(python: tuple[Python, ...], systemd: bool, says: str) -> None:
    with pytest.raises(UnavailableError, match=says):
        plan.check(replace(facts(systemd=systemd), pythons=python), "a", service=True)


@pytest.mark.parametrize("place", ["/home/pi/edgeproof", "/opt/../home/x", "/run/user/1000/edgeproof"])
def test_a_machines_service_does_not_run_from_a_home(place: str) -> None:
    there = replace(facts(), place=place, root=True)
    with pytest.raises(UsageError, match=f"found {place}: .* root@a:/opt/edgeproof"):
        plan.check(there, "root@a", service=True)
    plan.check(there, "root@a", service=False)
    plan.check(replace(there, root=False), "a", service=True)
    plan.check(replace(there, place="/opt/edgeproof"), "root@a", service=True)


def test_a_folder_without_the_program_or_with_two_of_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make wheelhouse ARCH=aarch64"):
        plan.plan(facts(), tmp_path, {}, "a")
    named(tmp_path, "tqdm-1-py3-none-any.whl", "tqdm-2-py3-none-any.whl")
    with pytest.raises(UsageError, match="one version of tqdm, found 1, 2"):
        plan.plan(facts(), tmp_path, {}, "a")
    (tmp_path / "tqdm-2-py3-none-any.whl").write_bytes(b"half")
    with pytest.raises(IntegrityError, match="expected a wheel"):
        plan.plan(facts(), tmp_path, {}, "a")


def test_a_release_is_named_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    first = plan.plan(facts(), named(tmp_path / "w"), {}, "a")
    assert first.release == plan.plan(facts(), tmp_path / "w", {}, "a").release
    others = {plan.plan(facts(), tmp_path / "w", {file: digest}, "a").release for digest in ("1", "2")}
    wheel(tmp_path / "w", "1", {"verify": 6})
    others.add(plan.plan(facts(), tmp_path / "w", {}, "a").release)
    signatures(tmp_path / "w")
    others |= {
        plan.plan(facts(), tmp_path / "w", {}, "a", keys=keys).release for keys in ({}, {file: "1"}, {file: "2"})
    }
    assert len({first.release, *others}) == 7


def test_what_is_there_is_not_copied_and_a_small_disk_is_said(tmp_path: Path) -> None:
    one = plan.plan(facts(), named(tmp_path, "tqdm-1-py3-none-any.whl"), {}, "a")
    (tqdm, digest) = next((it, digest) for it, digest in one.wheels.items() if it.name == "tqdm")
    missing = plan.lacking(one, {tqdm.path.name: digest})
    assert [it.name for it in missing] == ["edgeproof"]
    assert len(plan.lacking(one, {tqdm.path.name: "other"})) == 2
    needed = SPARE + missing[0].bytes + sum(it.unpacked for it in one.wheels)
    plan.check_space(one, missing, facts(free=needed), "a")
    with pytest.raises(UnavailableError, match=r"MiB of free disk, found 99"):
        plan.check_space(one, missing, facts(free=99 * 2**20), "a")
