"""The kinds of claims, with details of four digits."""

from __future__ import annotations

from functools import partial

from spectral_atlas import claim_kinds
from spectral_atlas.claim_kinds import Style

STYLE = Style(digits=4, single=True, tally=False)
claim = partial(claim_kinds.claim, style=STYLE)
