"""Every seed of the fuzzer, which once reached something new or failed, is read or refused."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import pytest

from edgeproof.support.machine import peak_memory_mib
from tests.fuzz.targets import TARGETS

SEEDS = sorted((Path(__file__).parent / "corpus").glob("*/*"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_seed_is_read_or_refused(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())


@pytest.mark.soak
@pytest.mark.timed
@pytest.mark.target("T4")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_soak_five_thousand_damaged_pictures() -> None:
    """Of every format that a seed is of: cut, with other bytes, with bytes twice. This process lives, and what decodes in its
    place stays within bounds. Slowest are those that claim to be large; a whole picture of that size takes as long."""
    random, seeds = Random(1), [seed.read_bytes() for seed in SEEDS if seed.parent.name == "decode"]
    before, slowest = peak_memory_mib(), 0.0
    for index in range(5000):
        data, began = damaged(seeds[index % len(seeds)], random), time.monotonic()
        TARGETS["decode"](data)
        slowest = max(slowest, time.monotonic() - began)
    grown = (peak_memory_mib() or 0) - (before or 0)
    decoder = max(map(peak_of, Path("/proc/self/task", str(os.getpid()), "children").read_text().split()), default=0)
    print(
        f"5,000 damaged pictures: the slowest took {slowest:.1f} s, this process grew by {grown:.0f} MB, "
        f"the one that decodes took at most {decoder:.0f} MB"
    )
    assert slowest <= 20.0, "the aim is 2 s on a machine that does nothing else"
    assert grown <= 300


def peak_of(pid: str) -> float:
    """MB that a process ever held."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def damaged(data: bytes, random: Random) -> bytes:
    """One to eight changes."""
    made = bytearray(data)
    for _ in range(random.randint(1, 8)):
        place, kind = random.randrange(max(1, len(made))), random.randrange(4)
        if kind == 0:
            del made[place + random.randrange(len(made) - place + 1) :]
        elif kind == 1:
            made[place:place] = made[place : place + random.randrange(64)]
        elif made:
            made[place] = random.randrange(256) if kind == 2 else made[place] ^ 1 << random.randrange(8)
    return bytes(made)


def test_every_target_has_seeds() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)
