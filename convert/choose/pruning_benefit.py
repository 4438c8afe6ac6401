"""Whether a pruned artifact is worth having: smaller than the whole one, and faster beyond doubt, or it is not shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from convert.choose.latency import measure
from edgeproof.backends import OWN
from edgeproof.bench import timing
from edgeproof.bundle import Bundle
from edgeproof.manifest import Artifact, Proof

SECONDS = 1.0  # of measuring per artifact


def refuse_without_benefit(
    draft: Bundle, proofs: Sequence[Proof], pairs: Mapping[str, str], glyphs: NDArray[np.uint8]
) -> tuple[Artifact, ...]:
    """The rows of `draft`, those that bring no benefit turned to ❎ with the reason.

    `pairs`: name of an artifact → name of the one that it must beat in bytes and in time, on the runtime of its format.
    """
    rows = {row.name: row for row in draft.manifest.artifacts}
    usable = {row.name for row in draft.manifest.usable}
    asked = {name: other for name, other in pairs.items() if name in usable}
    names = {*asked, *asked.values()} & usable
    timed = measure(
        draft,
        [proof for proof in proofs if proof.artifact in names and _on_reference(proof, rows)],
        glyphs,
        seconds=SECONDS,
        probe=False,  # what was just made, and executed for the proof
    )
    rounds = {artifact.row.name: artifact.rounds for artifact in timed}
    for name, other in asked.items():
        row = rows[name]
        if other not in rounds:
            reason = (
                f"nothing to compare with: {other} is not usable here, so that nobody can say whether this is faster"
            )
        elif row.bytes >= rows[other].bytes:
            reason = f"{row.bytes:,} bytes, not less than the {rows[other].bytes:,} of {other}"
        else:
            ratio = timing.compare(rounds[name], rounds[other])  # type: ignore[arg-type]
            found = f"{ratio.value:.2f} × the time of {other} ({ratio.low:.2f}–{ratio.high:.2f})"
            if ratio.high < 1:
                rows[name] = replace(
                    row, reason=f"{row.reason}; {found}, {row.bytes / rows[other].bytes:.2f} × its bytes"
                )
                continue
            reason = f"not faster: {found}"
        rows[name] = replace(row, status="❎", reason=reason, file=None)
    return tuple(rows.values())


def _on_reference(proof: Proof, rows: Mapping[str, Artifact]) -> bool:
    return proof.backend == OWN[rows[proof.artifact].format]
