"""Minimizers of L = (1 - w_1 w_2)^2, their sharpness, and which are stable at which rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.figures.common import Inputs
from spectral_atlas.papers.craciun2024.figures.hyperbola_parts import (
    colored,
    ends_of,
    measured,
    plane,
    visible,
)
from spectral_atlas.plotting.curves import label_right, no_minor, plain_log_ticks, spread
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ink, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MOST = 9  # learning rates with a curve of their own


def minima_hyperbola(inputs: Inputs, style: Style) -> Drawing:
    """The plane with both branches; sharpness along them; ends of the stable part."""
    spectra = inputs["spectra/hyperbola"].load().sortby("learning_rate")
    parts, etas = measured(spectra), spectra["learning_rate"].values
    places = spread(len(etas), MOST)
    tones = {float(etas[i]): tone for i, tone in zip(places, _tones(len(places)), strict=True)}
    sharpness = spectra["sharpness"].values
    most = min(sharpness.max(), float(theory.sharpness_on_minima(visible(parts))))
    norm = LogNorm(sharpness.min(), max(most, 1.01 * sharpness.min()))
    figure = plt.figure(figsize=size(style, 0.62))
    axes = figure.subplot_mosaic([["a", "b"], ["a", "c"]], width_ratios=(1.4, 1))
    line = plane(axes["a"], spectra, parts, tones, norm)
    bar = figure.colorbar(line, ax=axes["a"], extend="max", shrink=0.62, aspect=24, pad=0.02)
    bar.set_label(r"sharpness $\lambda_{\max}$ (a, b)")
    plain_log_ticks(bar.ax)
    no_minor(bar.ax)
    _along(axes["b"], spectra, parts, tones, norm)
    critical = 2 / float(spectra["least_sharpness"].min())
    _tongue(axes["c"], parts, critical)
    titles = {"a": "minimizers $w_1w_2=1$", "b": r"sharpness, lines $2/\eta$", "c": "stable part"}
    for name, ax in axes.items():
        letter(ax, name, titles[name])
    dot: dict[str, Any] = {"color": "0.25", "linestyle": ""}
    figure.legend(
        handles=[
            Line2D([], [], marker="o", markersize=3.4, label="measured end, $w_1>0$", **dot),
            Line2D([], [], marker="x", markersize=6, label="$w_1<0$ (b, c)", **dot),
            Patch(facecolor="0.85", edgecolor="black", linewidth=0.8, label="formula (c)"),
            Line2D([], [], color="black", linestyle=":", label=r"$\eta_C$"),
        ],
        loc="outside lower center",
        ncols=4,
        columnspacing=1.6,
    )
    return Drawing(figure, _table(spectra, parts), _facts(spectra, parts, critical, len(places)))


def _tones(count: int) -> list[Any]:
    """From dark to light, and none of those of the sharpness."""
    return [mpl.colormaps["YlOrRd_r"](0.6 * k / max(count - 1, 1)) for k in range(count)]


def _along(
    ax: Axes, spectra: xr.Dataset, parts: pd.DataFrame, tones: dict[float, Any], norm: Normalize
) -> None:
    """Sharpness of the positive branch over |w_1|, and thick where a rate makes it stable."""
    w, sharpness = np.abs(spectra["w"].values[0, :, 0]), spectra["sharpness"].values[0]
    ax.set(xscale="log", yscale="log", xlabel="$|w_1|$", ylabel=r"$\lambda_{\max}$")
    colored(ax, np.stack([w, sharpness], axis=1), sharpness, norm)
    labels = []
    for eta, tone in tones.items():
        ax.axhline(2 / eta, color=tone, linewidth=0.6, zorder=2)
        for row in parts[parts["learning_rate"] == eta].itertuples():
            ends = [row.low, row.high]
            if row.kind == "interval":
                ax.plot(ends, [2 / eta] * 2, color=tone, linewidth=1.8, zorder=2.5)
            ends_of(ax, ends, [2 / eta] * 2, row.branch, tone, row.kind)
        labels.append((2 / eta, rf"$\eta={quoted(eta)}$", ink(tone)))
    levels = [2 / eta for eta in tones]
    ax.set_xlim(min(w.min(), parts["low"].min()) / 1.06, max(w.max(), parts["high"].max()) * 1.06)
    ax.set_ylim(min(sharpness.min(), *levels) / 1.15, max(sharpness.max(), *levels) * 1.1)
    plain_log_ticks(ax, "x")
    plain_log_ticks(ax)
    label_right(ax, labels, gap=0.098)


def _tongue(ax: Axes, parts: pd.DataFrame, critical: float) -> None:
    """|w_1| of stable minimizers over the learning rate."""
    grid = np.geomspace(min(0.7 * parts["learning_rate"].min(), 0.1), 0.5, 600)
    low, high = theory.stable_interval(grid)
    ax.fill_between(grid, low, high, color="0.85", linewidth=0, zorder=1)
    for end in (low, high):
        ax.plot(grid, end, color="black", linewidth=0.8, zorder=2)
    for (branch, kind), own in parts.groupby(["branch", "kind"]):
        for name in ("low", "high"):
            ends_of(ax, own["learning_rate"], own[name], int(branch), "0.25", str(kind))
    ax.axvline(critical, color="black", linestyle=":", linewidth=1.0, zorder=1.5)
    right = max(float(parts["learning_rate"].max()), critical * 1.2)
    ax.set(yscale="log", xlabel=r"learning rate $\eta$", ylabel="stable $|w_1|$")
    ax.set_xlim(0, 1.03 * right)
    ax.annotate(
        "none", (critical, 1), (4, 0), xycoords=ax.get_xaxis_transform(), fontsize="small",
        textcoords="offset points", va="top",
    )  # fmt: skip
    plain_log_ticks(ax)


def _table(spectra: xr.Dataset, parts: pd.DataFrame) -> pd.DataFrame:
    rows = [
        pd.DataFrame(
            {
                "panel": "a, b",
                "branch": int(branch),
                "w_1": spectra["w"].values[k, :, 0],
                "w_2": spectra["w"].values[k, :, 1],
                "sharpness": spectra["sharpness"].values[k],
            }
        )
        for k, branch in enumerate(spectra["branch"].values)
    ]
    return pd.concat([*rows, parts.assign(panel="a, b, c")], ignore_index=True)


def _facts(spectra: xr.Dataset, parts: pd.DataFrame, critical: float, drawn: int) -> dict[str, Any]:
    one = parts[parts["branch"] == 1]
    inside = parts[parts["kind"] == "interval"]
    pairs = [(inside[f"predicted_{n}"], inside[n]) for n in ("low", "high", "arclength")]
    apart = max(float((a / b - 1).abs().max()) for a, b in pairs) if len(inside) else None
    square = (spectra["w"].values ** 2).sum(-1)
    rates = {kind: [f"{e:g}" for e in one.loc[one["kind"] == kind, "learning_rate"]]
             for kind in ("interval", "point", "empty")}  # fmt: skip
    shown = one[one["kind"] == "interval"]
    return {
        "points": spectra.sizes["point"],
        "branches": spectra.sizes["branch"],
        "rates": listed(rates["interval"]),
        "points_only": listed(rates["point"]),
        "empty": listed(rates["empty"]),
        "drawn": drawn,
        "n_rates": len(one),
        "intervals": "; ".join(
            f"{r.learning_rate:g}: {r.low:.4f}–{r.high:.4f}" for r in shown.itertuples()
        ) or "none",
        "arclengths": "; ".join(
            f"{r.learning_rate:g}: {r.arclength:.4g}" for r in shown.itertuples()
        ) or "none",
        "least": quoted(float(spectra["least_sharpness"].min()), 6),
        "flattest": quoted(float(np.abs(spectra["flattest"]).max()), 6),
        "critical": quoted(critical, 6),
        "apart": quoted(apart, 1),
        "formula": quoted(float(np.abs(spectra["sharpness"].values / (2 * square) - 1).max()), 1),
        "smallest": quoted(float(np.abs(spectra["eigenvalues"].values[..., 0]).max()), 1),
    }  # fmt: skip
