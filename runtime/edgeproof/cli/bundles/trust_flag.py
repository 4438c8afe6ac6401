"""The flag `--trust` of every verb that loads a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeproof.trust.trusted import Trust


def add_trust(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--trust", type=Path, action="append", metavar="KEYFILE",
        help="take the bundle only if this public key signed it, or another that is named so; may be given several times "
        "(default: the keys installed in /etc/edgeproof/trusted and ~/.config/edgeproof/trusted; without any, every bundle)",
    )  # fmt: skip


def trust_from(args: argparse.Namespace) -> Trust | None:
    """What `add_trust` parsed; none where this machine's keys decide. Raises what `trusted.trust_of` does."""
    from edgeproof.trust.trusted import trust_of

    return trust_of(args.trust) if args.trust else None
