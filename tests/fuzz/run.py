"""`make fuzz`: look for bytes that make a target fail, guided by which lines of edgeproof they reach.

    python tests/fuzz/run.py bundle --seconds 600

Begins with the seeds in corpus/TARGET; what reaches something new is kept in out/fuzz/TARGET, and what fails is written to
out/fuzz as crash-…; a failure that was mended becomes a seed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "runtime"), str(ROOT)]
with atheris.instrument_imports(include=["edgeproof", "h11"]):
    from edgeproof.support.native_output import keep_quiet
    from tests.fuzz.targets import TARGETS

OUT = Path("out/fuzz")
RSS_MB = 2048  # of one input: far above what any of them may cost
ONE_S = 20  # the same in time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    args = parser.parse_args()
    kept = OUT / args.target
    kept.mkdir(parents=True, exist_ok=True)
    words = [
        sys.argv[0], str(kept), str(Path(__file__).parent / "corpus" / args.target),
        f"-max_total_time={args.seconds}", f"-rss_limit_mb={RSS_MB}", f"-timeout={ONE_S}", f"-artifact_prefix={OUT}/",
        "-print_final_stats=1", "-verbosity=0",
    ]  # fmt: skip
    keep_quiet()  # libpng has a word for every picture
    atheris.Setup(words, TARGETS[args.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
