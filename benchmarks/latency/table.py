"""`python -m benchmarks table`: the results table of the documents, from the bundle's manifest and the newest figures of it."""

from __future__ import annotations

import argparse

from benchmarks import published
from benchmarks.latency import results
from edgeproof.bench.report import Report
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.manifest import Artifact
from edgeproof.manifest_file import MANIFEST
from edgeproof.support import files


def run(args: argparse.Namespace) -> int:
    """The verb: print the table, or put it between the markers of a file."""
    bundle = load_bundle(args.bundle)
    report = results.latest(args.results, files.sha256(bundle.path / MANIFEST))
    text = markdown(bundle, report)
    if args.write is None:
        print(text)
    else:
        published.replace(args.write, args.section, text)
    return 0


def markdown(bundle: Bundle, report: Report | None) -> str:
    """The table, one row per artifact in the manifest's order, and a line that says where the figures come from."""
    default = bundle.manifest.ranking[0].artifact if bundle.manifest.ranking else ""
    head = ["artifact", "bytes", "right of the test images", "accuracy (95 % interval)", "same answer as Keras"]
    names = {artifact.name for artifact in bundle.manifest.artifacts}  # and not the rows of Keras
    backends = dict.fromkeys(row.backend for row in report.rows if row.artifact in names) if report else {}
    head += [f"{backend}, p50 ms" for backend in backends]
    lines = [published.table_row(head), published.table_row(["---"] + ["---:"] * (len(head) - 1))]
    for artifact in bundle.manifest.artifacts:
        times = [_p50(report, artifact.name, backend) for backend in backends]
        lines.append(published.table_row([*_facts(artifact, artifact.name == default), *times]))
    lines += ["", _origin(bundle, report)]
    return "\n".join(lines)


def _facts(artifact: Artifact, default: bool) -> list[str]:
    name = f"**`{artifact.name}`** (default)" if default else f"`{artifact.name}`"
    if artifact.status == "❌":
        return [f"{name} ❌ {artifact.reason}", "–", "–", "–", "–"]
    if artifact.status == "❎":
        name += f" ❎ {artifact.reason}"
    interval = f"{100 * artifact.accuracy_low:.2f}–{100 * artifact.accuracy_high:.2f}"
    return [
        name,
        f"{artifact.bytes:,}",
        f"{artifact.correct:,} of {artifact.images:,}",
        f"{100 * artifact.accuracy:.2f} % ({interval})",
        f"{100 * artifact.agreement:.2f} %",
    ]


def _p50(report: Report | None, artifact: str, backend: str) -> str:
    """p50 at batch 1 with one thread; ≈ marks the rows that cannot be told from the fastest one."""
    for row in report.rows if report else ():
        if (row.artifact, row.backend, row.batch, row.threads) == (artifact, backend, 1, 1):
            return f"{row.timing.p50_ms:.3f}{' ≈' if row.among_fastest and row.to_fastest else ''}"
    return ""


def _origin(bundle: Bundle, report: Report | None) -> str:
    right = f"Accuracy as proven by convert on the bundle's runtimes ({bundle.manifest.name}, input {bundle.manifest.input})."
    if report is None:
        return f"{right} No latency was measured for this bundle yet: `python -m benchmarks run`."
    return (
        f"{right} Latency: one image in, logits out, one thread, on {report.environment.line}, {report.time[:10]}; "
        "≈ cannot be told from the fastest."
    )
