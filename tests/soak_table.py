"""The targets of reliability, and one table of what shows each: `make soak` ends with it.

A test says which target it shows by its marker, `@pytest.mark.target("T19")`. As a plugin (`pytest -p tests.soak_table`) this
module keeps, in out/targets.json, what such tests came to; as a program (`python -m tests.soak_table`) it prints the table, and
with `--write` it goes into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "out" / "targets.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- targets -->\n", "<!-- /targets -->\n"

TARGETS = {
    "T1": "10,000 damaged ONNX files: no process dies, none takes over 5 s, each ends in exit code 6 and opens no other file",
    "T2": "5,000 damaged TFLite files, crashers among them: the process that reads lives on, a probe takes at most 10 s and 1 GB",
    "T3": "10,000 flipped bits and 1,000 edited bundles: all are refused before a runtime opens a file",
    "T4": "5,000 damaged pictures and 20 bombs: nothing dies, each takes at most 2 s and 300 MB",
    "T5": '1,000 damaged videos and 14 ways for a camera to hang: "stalled" within 3 s, nothing left behind',
    "T6": "15 hostile Keras files: nothing in them is run",
    "T7": "500 kills while files are written: never half a file, at most one that is left over",
    "T8": "a full disk: reading goes on, it is told within 5 s, writing goes on within 10 s of room",
    "T9": "a million frames: memory grows by at most 10 MB, threads and descriptors by none, every frame is counted",
    "T10": "100 losses of a camera: a new frame within 2 s of its return, within 1 s of 95, nothing grows",
    "T11": 'a camera that gives nothing is "stalled" within 3 s, one that repeats itself "frozen" within 10 s; no false alarm',
    "T12": "ten times more frames than can be read: no queue, an answer no older than its inference and a frame, drops counted",
    "T13": "20 jumps of the wall clock by a day: no restart, no time that is negative or absurd",
    "T14": "200 signals to end at any moment: gone within 2 s, no process left",
    "T15": "50 deaths of a child process: back within 5 s, and ever more slowly when it dies again and again",
    "T16": "a device that is not there: an error where it was asked for, told where it was not; one that fails is opened again",
    "T17": "100 viewers and 50 that never end a request: at most 3 % of the frames and 20 MB lost to them",
    "T18": "300 hostile requests and 100 hostile labels: refused or escaped; no open address without a token, no password told",
    "T19": "200 hostile names of sources: none is opened",
    "T20": "12 ways in which model, labels and preparation do not fit: each is refused when loaded, and the field named",
    "T21": "200 updates, 50 of them bad, with kills: each bad one is rolled back within 10 s, a good one always loads",
    "T22": "locks that hash all; two builds the same bytes; a bill of materials in the wheel; installed and read without network",
    "T23": "measuring: the answers while the clock runs are the right ones, none is remembered, a throttled machine is found out",
}

Results = dict[str, dict[str, Any]]


# --- the plugin ---------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # before any is left out by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep which tests there are. Raises UsageError for a target that is none."""
    found: Results = {}
    for item in items:
        marked = [name for marker in item.iter_markers("target") for name in marker.args]
        if unknown := set(marked) - TARGETS.keys():
            raise pytest.UsageError(f"{item.nodeid}: expected a target of tests/soak_table.py, found {sorted(unknown)}")
        if marked:
            long = any(item.get_closest_marker(name) for name in ("soak", "slow"))
            found[item.nodeid] = {"targets": sorted(set(marked)), "long": long}
    _keep(found)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what became of a test that was not left out: its outcome, and its figure, which it recorded as such or, minutes long,
    said last.
    """
    if not report.skipped and (report.when == "call" or report.outcome != "passed"):
        said = report.capstdout.strip().splitlines() if "soak" in report.keywords else []
        figure = dict(report.user_properties).get("figure") or (said[-1] if said else "")
        _keep({report.nodeid: {"outcome": report.outcome, "figure": str(figure)}}, known=True)


def _keep(new: Results, *, known: bool = False) -> None:
    """known: only of tests that are kept already."""
    kept = results()
    for node, facts in new.items():
        if not known or node in kept:
            kept[node] = kept.get(node, {}) | facts
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True))


def results() -> Results:
    """What is kept, by the id of each test."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


# --- the table ----------------------------------------------------------------------------------------------------------


def table(kept: Results) -> str:
    """Markdown, a row per target: what shows it in `make test`, what in `make soak` alone, and what came of them."""
    lines = [
        "| | target | in `make test` | in `make soak` | outcome | figures |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, promise in TARGETS.items():
        mine = {node: facts for node, facts in kept.items() if name in facts["targets"]}
        figures = dict.fromkeys(facts["figure"] for facts in mine.values() if facts.get("figure"))
        cells = [
            name, promise, _names(mine, long=False), _names(mine, long=True), _outcome(mine.values()), "<br>".join(figures),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _names(mine: Results, *, long: bool) -> str:
    """A test with parameters once; without the folder that all are in."""
    nodes = [node.partition("[")[0].removeprefix("tests/") for node, facts in mine.items() if facts["long"] == long]
    return "<br>".join(f"`{node}`" for node in dict.fromkeys(nodes))


def _outcome(mine: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(facts.get("outcome", "not run") for facts in mine)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "**missing**"


def write(text: str, page: Path = PAGE) -> None:
    """The table, in place of the one between the marks in `page`."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md too")
    write_too = parser.parse_args().write
    kept = results()
    if not kept:  # a page of what came of the last run is worth more than one of nothing
        raise SystemExit(f"{KEPT}: expected the results of tests, found none: make soak")
    text = table(kept)
    print(text, end="")
    if write_too:
        write(text)


if __name__ == "__main__":
    main()
