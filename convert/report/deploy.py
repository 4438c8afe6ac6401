"""What to deploy, and why: the first section of report.html, which `python -m convert select` writes anew."""

from __future__ import annotations

from collections.abc import Sequence

from convert.choose.choice import Verdict, ratio_text
from convert.report.pareto import pareto_png
from convert.report.tables import CHOICE_HEADERS, choice_rows
from edgeproof.support import html_page

#: The lines in the page between which it stands.
CHOICE = ("<!-- choice -->", "<!-- end of choice -->")


def choice_html(verdicts: Sequence[Verdict]) -> str:
    """The sentence that says what to deploy, the table of why, and the picture."""
    best = verdicts[0]
    slower = [v for v in verdicts if v.artifact.row.integer and v.to_float and v.to_float.low > 1]
    notes = [
        f"{v.artifact.name} is slower than float32 there: {ratio_text(v.to_float)} the time. It saves bytes, not time."
        for v in slower
        if v.to_float
    ]
    return "\n".join(
        (
            html_page.call(f"Deploy {best.artifact.row.name} with {best.artifact.proof.backend}."),
            html_page.paragraph(f"{best.reason[0].upper()}{best.reason[1:]}."),
            html_page.table(CHOICE_HEADERS, choice_rows(verdicts)),
            html_page.paragraph(
                "Times: one image, one thread, on the machine that converted, all by turns; 97.9 % intervals. ≈: not "
                "distinguishable. Front: nothing else is shown to be better in one respect and worse in none."
            ),
            *map(html_page.paragraph, notes),
            html_page.picture(
                pareto_png(verdicts), "Accuracy against time and size, with intervals; filled: Pareto front."
            ),
        )
    )
