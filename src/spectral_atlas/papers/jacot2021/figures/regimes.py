"""Costs and singular values along paths of shallow and of deep networks, for several gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectral_atlas.papers.jacot2021.figures.common import Inputs
from spectral_atlas.papers.jacot2021.figures.regimes_costs import costs
from spectral_atlas.papers.jacot2021.figures.regimes_shared import SHALLOW, deepest
from spectral_atlas.papers.jacot2021.figures.regimes_values import values

if TYPE_CHECKING:
    from spectral_atlas.config import Style
    from spectral_atlas.plotting.publish import Drawing


def regimes_a(inputs: Inputs, style: Style) -> Drawing:
    """Train and test costs of shallow networks against the step."""
    return costs(inputs, style, SHALLOW)


def regimes_b(inputs: Inputs, style: Style) -> Drawing:
    """Train and test costs of the deepest networks against the step."""
    return costs(inputs, style, deepest(inputs))


def regimes_c(inputs: Inputs, style: Style) -> Drawing:
    """Singular values of shallow networks against the step."""
    return values(inputs, style, SHALLOW)


def regimes_d(inputs: Inputs, style: Style) -> Drawing:
    """Singular values of the deepest networks against the step."""
    return values(inputs, style, deepest(inputs))
