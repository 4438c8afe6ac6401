"""The environment block: complete on this machine, and right on texts that other machines' kernels write."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from edgeproof.support import machine, tables
from edgeproof.support.machine import Environment

HYPER_THREADED = "\n\n".join(
    f"processor\t: {cpu}\nmodel name\t: Some  CPU @ 3.00GHz\nphysical id\t: 0\ncore id\t\t: {cpu % 2}\n"
    f"cpu MHz\t\t: {1000 + cpu}.5\nflags\t\t: fpu avx2 fma avx512_vnni hypervisor"
    for cpu in range(4)
)
RASPBERRY = (
    "\n\n".join(f"processor\t: {cpu}\nFeatures\t: fp asimd asimdhp asimddp" for cpu in range(4)) + "\n\nRevision\t: c0"
)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What /proc and /sys say, as this test wants it; 4 CPUs that the process may use."""
    texts: dict[str, str] = {}
    monkeypatch.setattr(machine, "_read", lambda path: texts.get(path, ""))
    monkeypatch.setattr(machine, "_usable_cpus", lambda: {0, 1, 2, 3})
    return texts


def test_this_machine_is_described_completely() -> None:
    found = machine.environment()
    assert found.cpu
    assert found.isa, "no instruction set was recognized"
    assert found.logical_cpus == os.cpu_count()
    assert 1 <= found.physical_cores <= found.usable_cpus <= found.logical_cpus
    assert found.memory_mib >= found.memory_free_mib > 0
    assert found.memory_mib * 2**20 == pytest.approx(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rel=0.01)
    assert found.architecture == platform.machine()
    assert found.kernel in platform.uname().release
    assert found.python == platform.python_version()
    assert found.packages["numpy"] == np.__version__
    assert 0 < found.clock_ns < 10**6
    assert found.load_1m >= 0
    assert re.findall(r"\w+", found.cpu)[0].lower() in found.slug  # Intel(R) is intel-r there
    assert found.python in found.line


def test_it_survives_json() -> None:
    found = machine.environment()
    assert tables.from_table(Environment, tables.to_table(found), "environment") == found
    assert all(value is not Ellipsis for value in asdict(found).values())


def test_hyper_threads_are_one_core(files: dict[str, str]) -> None:
    files["/proc/cpuinfo"] = HYPER_THREADED
    found = machine.environment()
    assert (found.physical_cores, found.usable_cpus) == (2, 4)
    assert found.cpu == "Some CPU @ 3.00GHz"
    assert found.isa == ("avx2", "fma", "avx512_vnni")
    assert found.mhz == (1000.5, 1001.5, 1002.5, 1003.5)
    assert found.hypervisor
    assert found.slug == "some-cpu-3-00ghz-2c"


def test_arm_boards_name_themselves_in_the_device_tree(files: dict[str, str]) -> None:
    files["/proc/cpuinfo"] = RASPBERRY
    files["/sys/firmware/devicetree/base/model"] = "Raspberry Pi 4 Model B\0"
    files["/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"] = "ondemand\n"
    found = machine.environment()
    assert (found.cpu, found.physical_cores) == ("Raspberry Pi 4 Model B", 4)
    assert found.isa == ("asimd", "asimdhp", "asimddp")
    assert found.governor == "ondemand"
    assert not found.hypervisor


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "lacking"),
    [
        ("x86_64", HYPER_THREADED, ("ssse3", "sse4_1", "sse4_2", "avx", "f16c")),
        ("aarch64", RASPBERRY, ()),
        ("aarch64", RASPBERRY.replace(" asimddp", ""), ("asimddp",)),
        ("x86_64", RASPBERRY, ()),  # a container for another architecture sees its host's
        ("x86_64", "", ()),
        ("riscv64", HYPER_THREADED, ()),
    ],
)
def test_what_a_cpu_lacks(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, architecture: str, cpuinfo: str, lacking: tuple[str, ...]
) -> None:
    files["/proc/cpuinfo"] = cpuinfo
    monkeypatch.setattr(platform, "machine", lambda: architecture)
    assert machine.lacking_flags() == lacking


@pytest.mark.parametrize(
    ("limit", "cpus", "cores"), [("150000 100000", 1.5, 1), ("50000 100000", 0.5, 1), ("max 100000", None, 2)]
)
def test_a_container_limits_the_cores(files: dict[str, str], limit: str, cpus: float | None, cores: int) -> None:
    files["/proc/cpuinfo"] = HYPER_THREADED
    files["/sys/fs/cgroup/cpu.max"] = limit
    files["/sys/fs/cgroup/memory.max"] = str(512 * 2**20)
    found = machine.environment()
    assert (found.container_cpus, found.physical_cores, found.container_memory_mib) == (cpus, cores, 512)


def test_peak_memory_sees_what_was_freed() -> None:
    """40 MiB written and given back must stay in the peak of the process that did it, and of no other."""
    code = "import numpy as np; from edgeproof.support.machine import peak_memory_mib as peak; a = peak(); {}; print(peak() - a)"
    grown, idle = (
        float(
            subprocess.run([sys.executable, "-c", code.format(work)], capture_output=True, text=True, check=True).stdout
        )
        for work in ("x = np.ones(40 * 2**17); del x", "pass")
    )
    assert 39 <= grown <= 60
    assert idle < 5
