"""The gradient norm that descent ends with, below and above the critical step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.craciun2024.figures.asymptotic_facts import asymptotic_facts
from spectral_atlas.papers.craciun2024.figures.asymptotic_panels import (
    above_panel,
    below_panel,
    multiplier_panel,
    period_panel,
    theory_handles,
)
from spectral_atlas.papers.craciun2024.figures.asymptotic_table import (
    MOST,
    gradient_table,
    member_table,
    multiplier_table,
)
from spectral_atlas.papers.craciun2024.figures.common import (
    Inputs,
    below_critical,
    net_handles,
    net_looks,
)
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def asymptotic_gradient(inputs: Inputs, style: Style) -> Drawing:
    """Mean |gradient| below and above eta_C; multipliers; which runs are at period two."""
    runs, two, orbits = inputs["runs/nets"], inputs["runs/two_parameter"], inputs["spectra/orbits"]
    gap = float(orbits.attrs["gap"])
    table = gradient_table(runs, two, gap)
    members, multipliers = member_table(runs, two), multiplier_table(runs, orbits)
    looks, depths = net_looks(runs, style), [2, *runs["depth"].values.tolist()]
    figure = plt.figure(figsize=size(style, 1.3))
    heights = (1.1, 1, 0.4 + 0.045 * len(looks))
    axes: dict[str, Any] = figure.subplot_mosaic(
        [list("aa"), list("bc"), list("dd")],
        gridspec_kw={"height_ratios": heights},
    )
    above_panel(axes["a"], members, looks, depths)
    below_panel(axes["b"], members, looks)
    multiplier_panel(axes["c"], multipliers, looks, depths)
    period_panel(axes["d"], table, looks)
    letter(axes["a"], "a", f"networks: n = {runs.sizes['start']} for each η; at most {MOST} drawn")
    letter(axes["b"], "b", r"below $η_C$")
    letter(axes["c"], "c", "multipliers at period two")
    letter(axes["d"], "d", "at period two, of those bounded")
    handles = net_handles(looks) + theory_handles(depths)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)
    slow = table[below_critical(table["share_of_critical"]) & table["net"].isin(looks)]
    if moving := int(slow["bounded"].sum()):
        note(figure, f"b: open: still moving, {moving} of {int(slow['starts'].sum())}")
    full = pd.concat(
        [members.assign(panel="a, b"), table.assign(panel="d"), multipliers.assign(panel="c")],
        ignore_index=True,
    )
    return Drawing(figure, full, asymptotic_facts(runs, two, table, multipliers, gap))
