"""The paper's checkable claims, evaluated on every data draw at hand.

``T1`` to ``T17`` follow the paper from its first theorem to its last figure, ``F7`` is the GELU
network, ``M`` are the instruments. Numbers are dimensionless (S / 2La, eta / eta*, S eta / 2,
distances relative to the zero map), so that a claim means the same for every draw of the data.
Where a claim compares with published runs it is measured on the published data only, and only where
grid, steps and readout are theirs. A claim without data is not measured, and says why.
"""

from __future__ import annotations

from spectral_atlas.checks import evaluator, in_order
from spectral_atlas.papers.marion2024.claims import (
    constants,
    edge,
    formulas,
    gelu,
    instruments,
    published_runs,
    rank_one,
    small_scale,
    tables,
    theorem_one,
    threshold,
    trajectories,
    underdetermined,
)
from spectral_atlas.papers.marion2024.claims.study import Study

CHECKS = in_order(
    theorem_one, formulas, rank_one, small_scale, threshold, edge, trajectories, underdetermined,
    tables, published_runs, constants, gelu, instruments,
    letters="TFM",
)  # fmt: skip
evaluate = evaluator(Study, CHECKS)
