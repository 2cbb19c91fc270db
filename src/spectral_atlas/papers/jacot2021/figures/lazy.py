"""Networks of gamma = 1 - 1/L against the linear model that they tend to with the width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.jacot2021.figures.common import Inputs, levels
from spectral_atlas.papers.jacot2021.figures.lazy_panels import (
    against_width,
    decay,
    kernel,
    legend,
    spectrum,
)
from spectral_atlas.papers.jacot2021.figures.lazy_table import (
    decay_table,
    facts,
    kernel_table,
    member_table,
    spectrum_table,
)
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def lazy(inputs: Inputs, style: Style) -> Drawing:
    """Distance to the linear model, test cost, spectra, rate of the train cost, tangent kernel."""
    members, kernels = member_table(inputs), kernel_table(inputs["spectra/kernels"])
    spectra, decays = spectrum_table(inputs, members), decay_table(inputs, members)
    depths = sorted({*levels(members, "depth"), *levels(kernels, "depth")})
    tones = dict(zip(depths, colors(style, len(depths)), strict=True))
    figure = plt.figure(figsize=size(style, 1.16))
    axes = figure.subplot_mosaic([list("ab"), list("cd"), list("ef")])
    against_width(axes["a"], members, "error", tones, log=True)
    axes["a"].set_ylabel(r"$\|A-A_\mathrm{lin}\|_F\,/\,\|(A^\ast-A_0)_\mathrm{obs}\|_F$")
    against_width(axes["b"], members, "test", tones, level=1)
    axes["b"].set_ylabel(r"$C_\mathrm{test}(A)\,/\,C_\mathrm{test}(A_\mathrm{lin})$")
    spectrum(axes["c"], spectra, tones)
    decay(axes["d"], decays, tones)
    against_width(axes["e"], members, "rate_ratio", tones, level=1)
    axes["e"].set_ylabel("rate over law")
    kernel(axes["f"], kernels, tones)
    width = f"w = {spectra['width'].max():g}" if len(spectra) else ""
    titles = {
        "a": "end, against linear model",
        "b": "test cost at the end",
        "c": f"spectra at the end, {width}",
        "d": f"train cost, {width}",
        "e": "decay of the train cost",
        "f": "tangent kernel at the start",
    }
    for text, title in titles.items():
        letter(axes[text], text, title)
    legend(figure, tones, members)
    tables = {"a, b, e": members, "c": spectra, "d": decays, "f": kernels}
    table = pd.concat([t.assign(panel=text) for text, t in tables.items()], ignore_index=True)
    return Drawing(figure, table, facts(members, spectra, kernels))
