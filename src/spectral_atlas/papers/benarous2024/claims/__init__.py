"""Claims."""

from __future__ import annotations

from spectral_atlas.claims import Claim


def evaluate(inputs) -> list[Claim]:
    return []
