"""Numbers that runs, figures and claims share."""

from __future__ import annotations

ROUNDING = 1e-12  # a loss has risen if by more than this share, and more than this square
FLOOR = 1e-24
CRITICAL_STEP = 0.5  # eta_C of L = (1 - w_1 w_2)^2, `theory.white_critical_step` (1, 2)
