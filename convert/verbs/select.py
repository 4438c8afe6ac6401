"""Another default for an existing bundle: measured here, under the limits of the device that it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from convert.choose.choice import Verdict, Wishes, choose_default
from convert.choose.latency import measure, stated_proofs
from convert.report.deploy import CHOICE, choice_html
from convert.report.model_card import CARD, DEFAULT, default_text
from convert.report.pareto import pareto_png
from convert.report.tables import CHOICE_HEADERS, choice_rows
from convert.report.text_table import text_table
from convert.verbs.attach import UNSIGNED
from edgeproof.bench.measure import distinct_inputs
from edgeproof.bundle import Bundle, load_bundle, publish_bundle
from edgeproof.errors import UsageError
from edgeproof.support import files
from edgeproof.trust.keys import PrivateKey


def select_bundle(
    path: Path,
    wishes: Wishes,
    *,
    seconds: float = 1.0,
    plot: Path | None = None,
    sign: PrivateKey | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Verdict, ...]:
    """Measure every usable artifact of the bundle at `path` on every runtime that is here, and write the best as its default.

    The bundle's ranking becomes what fits `wishes`, best first; its report and card say so too. `plot`: where to write the
    Pareto picture (PNG). `sign`: the key that signs the bundle anew; without, it has no signature any more, which `say` is told
    where it had one. Raises GateError when nothing fits: then the bundle stays as it is; UsageError for a plain copy of a bundle,
    which could not be replaced in one step.
    """
    bundle = load_bundle(path)
    if not path.is_symlink():  # before seconds of measuring, not after
        raise UsageError(
            f"{path}: expected a bundle where convert wrote it, found a copy: select the original, then copy it"
        )
    verdicts = choose_default(
        measure(bundle, stated_proofs(bundle), distinct_inputs(bundle.golden.images), seconds=seconds), wishes
    )
    say(text_table(CHOICE_HEADERS, choice_rows(verdicts)))
    _write(path, bundle, verdicts, sign)
    if bundle.signature and not sign:
        say(UNSIGNED.format(path=path))
    if plot is not None:
        files.write_atomic(plot, pareto_png(verdicts))
        say(f"{plot}: the Pareto front")
    return verdicts


def _write(path: Path, bundle: Bundle, verdicts: tuple[Verdict, ...], sign: PrivateKey | None) -> None:
    manifest = replace(bundle.manifest, ranking=tuple(verdict.choice for verdict in verdicts if verdict.fits))
    report = None
    if manifest.report_sha256 is not None:
        page = (bundle.path / "report.html").read_text()
        report = _replaced(page, CHOICE, choice_html(verdicts), "report.html").encode()
    beside = {name: (bundle.path / name).read_bytes() for name in manifest.attachments}
    if CARD in beside:
        beside[CARD] = _replaced(beside[CARD].decode(), DEFAULT, default_text(manifest), CARD).encode()
    publish_bundle(
        path, manifest, bundle.models, bundle.golden, report, attachments=beside, scorer=bundle.scorer, sign=sign,
        overwrite=True,
    )  # fmt: skip


def _replaced(document: str, between: tuple[str, str], text: str, where: str) -> str:
    """`document` with a new text between the marks; as it is where an older program set none."""
    try:
        return files.replace_between(document, *between, text, where)
    except UsageError:
        return document
