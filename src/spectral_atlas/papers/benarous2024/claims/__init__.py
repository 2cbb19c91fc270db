"""The checkable claims on class mixtures and XOR networks, evaluated on every seed at hand.

``A`` to ``D`` and ``K`` are logistic regression: alignment, outliers, the fixed point, variants of
the mixture. ``F``, ``G``, ``H`` and ``L`` are two-layer networks: their layers, and how many of the
means they learn. ``E`` compares spectra with the effective theory, ``I`` blocks with automatic
differentiation, ``J`` training with test samples. A claim names its regime and is measured on files
of exactly these parameters; elsewhere it is not measured, and says why. Where it speaks of every
seed the worst one decides, and a run that overflowed counts against it.
"""

from __future__ import annotations

from spectral_atlas.checks import evaluator, in_order
from spectral_atlas.papers.benarous2024.claims import (
    alignment,
    eigenvalues,
    four,
    instruments,
    layers,
    prediction,
    recalled_layers,
    variants,
    widths,
)
from spectral_atlas.papers.benarous2024.claims.study import Study

CHECKS = in_order(
    alignment, eigenvalues, prediction, recalled_layers, layers, four, instruments, variants,
    widths,
)  # fmt: skip
evaluate = evaluator(Study, CHECKS)
