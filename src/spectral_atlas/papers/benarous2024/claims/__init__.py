"""The checkable claims on class mixtures and XOR networks, evaluated on every seed at hand.

``A`` to ``D`` and ``K`` are logistic regression: alignment, outliers, the fixed point, variants of
the mixture. ``F``, ``G``, ``H`` and ``L`` are two-layer networks: their layers, and how many of the
means they learn. ``E`` compares spectra with the effective theory, ``I`` blocks with automatic
differentiation, ``J`` training with test samples. A claim names its regime and is measured on files
of exactly these parameters; elsewhere it is not measured, and says why. Where it speaks of every
seed the worst one decides, and a run that overflowed counts against it.
"""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claims import Claim
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

_MODULES = (
    alignment, eigenvalues, prediction, recalled_layers, layers, four, instruments, variants,
    widths,
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
