"""What the machine is and in what state: the facts without which a latency means nothing.

Read from /proc, /sys and the standard library; what a machine does not tell is None or empty, never guessed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

#: Instruction sets that matrix kernels are chosen by, as /proc/cpuinfo spells them (x86-64, then ARM).
KERNEL_FLAGS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
    "amx_tile", "amx_int8", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
#: What prebuilt packages come to take for granted: per architecture the line of /proc/cpuinfo, and what of it (x86-64-v2
#: and then v3, ARMv8.2).
USUAL_FLAGS = {
    "x86_64": ("flags", ("ssse3", "sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c")),
    "aarch64": ("Features", ("asimd", "asimdhp", "asimddp")),
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "KMP_AFFINITY")


@dataclass(frozen=True)
class Processor:
    """What decides which kernels a runtime takes, and how many CPUs share the work; the fields are those of `Environment`."""

    cpu: str
    isa: tuple[str, ...]
    architecture: str
    usable_cpus: int
    physical_cores: int


@dataclass(frozen=True)
class Environment:
    """One machine at one moment.

    cpu: model name. isa: instruction sets that kernels are chosen by. architecture: "x86_64", "aarch64", …
    logical_cpus: of the machine; usable_cpus: that this process may run on; physical_cores: among the usable ones.
    hypervisor: whether the CPU says that it is a virtual one. governor: frequency policy of the first CPU.
    mhz: current frequency per logical CPU. temperature_c: hottest thermal zone, °C.
    load_1m: processes that wanted a CPU, mean of the last minute. memory_mib, memory_free_mib: RAM, and what is available.
    container_cpus, container_memory_mib: what the control group allows, null when nothing is limited.
    clock_ns: smallest step seen of the clock that measures, with the call itself.
    thread_variables: settings in the process's environment that change thread pools.
    """

    cpu: str
    isa: tuple[str, ...]
    architecture: str
    logical_cpus: int
    usable_cpus: int
    physical_cores: int
    hypervisor: bool
    governor: str | None
    mhz: tuple[float, ...]
    temperature_c: float | None
    load_1m: float
    memory_mib: int
    memory_free_mib: int
    container_cpus: float | None
    container_memory_mib: int | None
    system: str
    kernel: str
    python: str
    packages: dict[str, str]
    thread_variables: dict[str, str]
    clock_ns: int

    @property
    def slug(self) -> str:
        """A folder name for figures of machines like this one."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.cpu} {self.physical_cores}c".lower()).strip("-")

    @property
    def line(self) -> str:
        """The machine in one line."""
        best = ", ".join(self.isa[-3:])
        versions = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        virtual = ", virtual" if self.hypervisor else ""
        cores = f"{self.physical_cores} core{'s' if self.physical_cores > 1 else ''}"
        return f"{self.cpu} ({cores}{virtual}; {best}), {self.system}, Python {self.python}, {versions}"


def processor() -> Processor:
    """What this process runs on."""
    entries = _cpuinfo()
    flags = _flags(entries)
    return Processor(
        cpu=_cpu_name(entries),
        isa=tuple(flag for flag in KERNEL_FLAGS if flag in flags),
        architecture=platform.machine(),
        usable_cpus=len(_usable_cpus()),
        physical_cores=physical_cores(),
    )


def environment() -> Environment:
    """The machine as it is now."""
    entries = _cpuinfo()
    memory = _key_values(_read("/proc/meminfo"))
    return Environment(
        **vars(processor()),
        logical_cpus=os.cpu_count() or 1,
        hypervisor="hypervisor" in _flags(entries),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        mhz=_mhz(entries),
        temperature_c=_hottest(),
        load_1m=os.getloadavg()[0],
        memory_mib=_kib(memory, "MemTotal") // 1024,
        memory_free_mib=_kib(memory, "MemAvailable") // 1024,
        container_cpus=_container_cpus(),
        container_memory_mib=_container_memory_mib(),
        system=_system(),
        kernel=platform.release(),
        python=platform.python_version(),
        packages=_versions(),
        thread_variables={name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        clock_ns=_clock_ns(),
    )


def lacking_flags() -> tuple[str, ...]:
    """Which of the usual instruction sets this CPU lacks; empty where the machine does not tell."""
    line, usual = USUAL_FLAGS.get(platform.machine(), ("", ()))
    flags = _first(_cpuinfo(), line).split()
    return tuple(flag for flag in usual if flag not in flags) if flags else ()


def physical_cores() -> int:
    """Cores that this process may use, hyper-threads counted once and a container's quota respected; at least 1."""
    usable = _usable_cpus()
    cores = {_core(entry) for entry in _cpuinfo() if int(entry["processor"]) in usable}
    quota = _container_cpus()
    count = len(cores) or len(usable)
    return max(1, min(count, int(quota) if quota else count))


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Of those that are installed; of a source tree, edgeproof itself is not."""
    found = {}
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def peak_memory_mib() -> float | None:
    """Largest resident memory of this process since it began, MiB; None where /proc does not tell.

    VmHWM and not getrusage: the latter's maximum survives from the process that forked this one.
    """
    status = _key_values(_read("/proc/self/status"))
    return _kib(status, "VmHWM") / 1024 if "VmHWM" in status else None


def _core(entry: dict[str, str]) -> tuple[str, str]:
    """Identity of the core behind a logical CPU; a CPU that does not say is a core of its own (ARM)."""
    return entry.get("physical id", "0"), entry.get("core id", f"cpu{entry['processor']}")


def _flags(entries: list[dict[str, str]]) -> set[str]:
    return set(_first(entries, "flags", "Features").split())


def _usable_cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cpuinfo() -> list[dict[str, str]]:
    """One table per logical CPU, in the kernel's order."""
    blocks = re.split(r"\n\s*\n", _read("/proc/cpuinfo"))
    return [entry for entry in map(_key_values, blocks) if "processor" in entry]


def _cpu_name(entries: list[dict[str, str]]) -> str:
    board = _read("/sys/firmware/devicetree/base/model").strip("\0\n ")  # a Raspberry Pi's cpuinfo names no model
    name = _first(entries, "model name") or board or platform.processor() or platform.machine()
    return " ".join(name.split())


def _mhz(entries: list[dict[str, str]]) -> tuple[float, ...]:
    found = tuple(float(entry["cpu MHz"]) for entry in entries if "cpu MHz" in entry)
    if found:
        return found
    kilohertz = sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
    return tuple(int(text) / 1000 for text in map(_read, map(str, kilohertz)) if text)


def _hottest() -> float | None:
    zones = [_read(str(zone)) for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    degrees = [int(text) / 1000 for text in zones if text.strip().lstrip("-").isdigit()]
    return max(degrees, default=None)


def _container_cpus() -> float | None:
    """CPU time that the control group allows per second (version 2, then version 1)."""
    quota, period, *_ = [*_read("/sys/fs/cgroup/cpu.max").split(), "", ""]
    if not quota:
        quota = _read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _container_memory_mib() -> int | None:
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    limit = limit or _read("/sys/fs/cgroup/memory/memory.limit_in_bytes").strip()
    # Version 1 writes "no limit" as a number near 2**63.
    return int(limit) // 2**20 if limit.isdigit() and int(limit) < 2**60 else None


def _system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{platform.system()} {platform.release()}"


def _versions() -> dict[str, str]:
    """Of edgeproof and of what it and its extras ask for, as far as that is installed."""
    try:
        asked = metadata.requires("edgeproof") or []
    except metadata.PackageNotFoundError:  # run from the source tree without being installed
        asked = ["numpy"]
    return versions_of(["edgeproof", *(re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in asked)])


def _clock_ns() -> int:
    readings = [time.perf_counter_ns() for _ in range(1000)]
    return min(later - earlier for earlier, later in pairwise(readings) if later > earlier)


def _first(entries: list[dict[str, str]], *keys: str) -> str:
    return next((entry[key] for entry in entries for key in keys if key in entry), "")


def _key_values(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _kib(table: dict[str, str], key: str) -> int:
    return int(table.get(key, "0 kB").split()[0])


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
