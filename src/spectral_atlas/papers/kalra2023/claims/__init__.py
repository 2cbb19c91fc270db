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

from collections.abc import Mapping

import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claims import Claim
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

_MODULES = (
    constants, instruments, long_runs, losses, ordering, reduction, saturation, uv_constants,
    uv_first_step, uv_runs, variants,
)  # fmt: skip


def _order(check: Check) -> tuple[str, int]:
    return check.id[0], int(check.id[1:])


CHECKS: tuple[Check, ...] = tuple(
    sorted((check for module in _MODULES for check in module.CHECKS), key=_order)
)


def evaluate(inputs: Mapping[str, xr.Dataset]) -> list[Claim]:
    """Every claim, in order; those that the inputs cannot decide are not measured.

    Parameters
    ----------
    inputs : datasets by ``stage/name``
    """
    study = Study(inputs)
    return [check(study) for check in CHECKS]
