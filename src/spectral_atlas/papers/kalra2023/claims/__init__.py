"""The paper's checkable claims, evaluated on every run at hand.

``U`` and ``D`` are the uv model, its critical learning rates and its runs. ``L`` and ``M`` are
c_loss, c_sharp and c_max of fully connected networks, ``O`` and ``B`` their order, ``R`` the
reduction of the sharpness below c = 2 and ``Z`` its absence where the output starts at zero. ``S``
is the sharpness after equal times, ``E`` whole trainings. ``C`` are convolutional networks, ``V``
variants, ``X`` the cross-entropy. ``P`` and ``W`` are instruments and work. A claim names its
networks and is measured on runs of exactly these, on its own training set; elsewhere it is not
measured, and says why.
"""

from __future__ import annotations

from spectral_atlas.checks import evaluator, in_order
from spectral_atlas.papers.kalra2023.claims import (
    constants,
    instruments,
    long_runs,
    losses,
    ordering,
    reduction,
    saturation,
    uv_constants,
    uv_first_step,
    uv_runs,
    variants,
)
from spectral_atlas.papers.kalra2023.claims.study import Study

CHECKS = in_order(
    constants, instruments, long_runs, losses, ordering, reduction, saturation, uv_constants,
    uv_first_step, uv_runs, variants,
)  # fmt: skip
evaluate = evaluator(Study, CHECKS)
