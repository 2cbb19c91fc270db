"""The regimes that the claims are about."""

from __future__ import annotations

from spectral_atlas.papers.benarous2024.claims.study import Regime

RECALLED = Regime("mixture_recalled", d=1000, precision=10, ridge=0.01)
MODERATE = Regime("mixture_moderate", d=1000, precision=100, ridge=0.01)
THEOREM = Regime("mixture_theorem", d=1000, precision=1000, ridge=0.01)
LIMIT = Regime("mixture_limit", d=500, precision=1000, ridge=0.01)
UNEQUAL = Regime(
    "mixture_unequal", d=400, precision=100, ridge=0.01, weights=(10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
)
CORRELATED = Regime("mixture_correlated", d=400, precision=100, ridge=0.01, means="correlated")
GAUSSIAN = Regime("mixture_gaussian", d=400, precision=100, ridge=0.01, means="gaussian")

XOR_RECALLED = Regime("xor_recalled", d=1000, precision=10, ridge=0.01, neurons=20)
XOR_THEOREM = Regime("xor_theorem", d=500, precision=100, ridge=0.05, neurons=20)
FOUR = Regime("xor_four", d=250, precision=100, ridge=0.05, neurons=4)
FOUR_RECALLED = Regime("xor_four_recalled", d=1000, precision=10, ridge=0.01, neurons=4)
WIDTHS = Regime("xor_widths", d=150, precision=1000, ridge=0.05, neurons=0)
WIDTHS_MODERATE = Regime("xor_widths_moderate", d=250, precision=100, ridge=0.05, neurons=0)
