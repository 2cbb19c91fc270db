"""What the nodes of this paper will cost, before anything runs."""

from __future__ import annotations

from typing import Any

from spectral_atlas.cost import Estimate
from spectral_atlas.papers.kalra2023.work import items

EFFICIENCY = 0.6  # of the rate of large matrix products that a job reaches from start to end


def estimate(ref: str, section: Any) -> Estimate | None:
    """The cost of a node; None for those that take no time."""
    if not hasattr(section, "models"):
        return None
    found = items(section)
    total, memory = sum(item.cost for item in found), max(item.memory for item in found)
    return Estimate(flops=total, memory=memory, efficiency=EFFICIENCY)
