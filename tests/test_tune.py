"""`edgeproof tune` on this machine, and on the same without its newest instruction sets: each chooses for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeproof.bench.tune import GAIN
from edgeproof.support import machine

ROOT = Path(__file__).parents[1]
BEYOND = ("avx512", "avx_vnni", "amx_")  # AVX2, as flags of /proc/cpuinfo begin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timed,
    pytest.mark.skipif(
        not any(flag.startswith(BEYOND) for flag in machine.environment().isa),
        reason="this CPU has nothing beyond AVX2",
    ),
]


def run(python: str, *words: str, cache: Path, tries: int = 1) -> dict[str, Any]:
    """The JSON object that edgeproof prints in this interpreter. A machine that was not steady (7) is asked again."""
    for _ in range(tries):
        try:
            result = subprocess.run(
                [python, "-m", "edgeproof", *words, "--json", "-"], cwd=ROOT, env=os.environ | {"XDG_CACHE_HOME": str(cache)},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            pytest.skip(f"edgeproof {words[0]} took more than 120 s: this machine is busy")
        if result.returncode != 7:
            break
    else:
        pytest.skip(f"this machine was never steady: {result.stderr}")
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_each_instruction_set_its_own_choice(limited: str, tmp_path: Path) -> None:
    """Which choice it is hangs on the CPU and is printed (pytest -s). That it is faster than the bundle's own where anything is,
    and that reading follows it, holds anywhere."""
    interpreters = {"as it is": sys.executable, "no more than AVX2": limited}
    cache = tmp_path / "cache"
    found = {
        name: run(python, "tune", "--duration", "0.5", cache=cache, tries=5) for name, python in interpreters.items()
    }
    assert len({entry["written"] for entry in found.values()}) == len([*cache.rglob("*.json")]) == 2
    for name, python in interpreters.items():
        told = found[name]
        best = told["rows"][0]
        print(f"{name}: {told['choice']}: {told['reason']}")
        for row in told["rows"]:
            print(
                f"  {row['artifact']:<20} {row['backend']:<12} {row['threads']} {1000 * row['timing']['p50_ms']:9.1f} µs"
            )
        faster = [row for row in told["rows"] if row["to_default"]["high"] < GAIN]
        assert best in faster if faster else told["choice"] == told["default"]
        record = run(python, "read", "samples/numbers.jpg", cache=cache)
        assert (record["artifact"], record["backend"]) == (best["artifact"], best["backend"])
        assert record["chosen_by"] == "tuned"
