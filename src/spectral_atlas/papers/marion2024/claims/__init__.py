"""The paper's checkable claims, evaluated on every data draw at hand.

``T1`` to ``T17`` follow the paper from its first theorem to its last figure, ``F7`` is the GELU
network, ``M`` are the instruments. Numbers are dimensionless (S / 2La, eta / eta*, S eta / 2,
distances relative to the zero map), so that a claim means the same for every draw of the data.
Where a claim compares with published runs it is measured on the published data only, and only where
grid, steps and readout are theirs. A claim without data is not measured, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claims import Claim
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

_MODULES = (
    theorem_one, formulas, rank_one, small_scale, threshold, edge, trajectories, underdetermined,
    tables, published_runs, constants, gelu, instruments,
)  # fmt: skip


def _order(check: Check) -> tuple[int, int, str]:
    letter, number, part = re.findall(r"[A-Z]|\d+|[a-z]*$", check.id)[:3]
    return "TFM".index(letter), int(number), part


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
