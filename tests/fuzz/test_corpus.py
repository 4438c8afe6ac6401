"""Every seed of the fuzzer, which once reached something new or failed, is read or refused."""

from __future__ import annotations

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
    """Of every format that a seed is of: cut, with other bytes, with bytes twice. This process lives, and stays as large."""
    random, seeds = Random(1), [seed.read_bytes() for seed in SEEDS if seed.parent.name == "decode"]
    before, slowest = peak_memory_mib(), 0.0
    for index in range(5000):
        data, began = damaged(seeds[index % len(seeds)], random), time.process_time()
        TARGETS["decode"](data)
        slowest = max(slowest, time.process_time() - began)
    grown = (peak_memory_mib() or 0) - (before or 0)
    print(f"5,000 damaged pictures: the slowest took {slowest:.2f} s of this process, memory grew by {grown:.0f} MB")
    assert slowest <= 2.0
    assert grown <= 300


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
