"""How far stable minimizers reach: bounded for two layers, and where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.constants import CRITICAL_STEP
from spectral_atlas.papers.craciun2024.figures.common import Inputs
from spectral_atlas.papers.craciun2024.figures.stable_families import (
    family_facts,
    narrow_family,
    stretched_family,
    widest,
)
from spectral_atlas.papers.craciun2024.figures.stable_limits import (
    from_the_box,
    limit_facts,
    limits_of_descents,
    sampled,
)
from spectral_atlas.plotting.curves import few_ticks, label_right, log_limits, plain_log_ticks
from spectral_atlas.plotting.facts import counted
from spectral_atlas.plotting.panels import jitter, letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, ink, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

BOUND: dict[str, Any] = {"color": "black", "linewidth": 1.1, "zorder": 2}
WIDEST = 0.022  # over which the norms of one rate are spread
CURVES = {
    "c": {"sharpness": r"$\lambda_{\max}$", "norm": r"$|\theta|$"},
    "d": {"most": r"$\lambda_{\max}$", "least": r"$\lambda_{\min}$"},
}
LEAST_NORM = 2**0.5  # of a minimizer of two weights


def stable_set(inputs: Inputs, style: Style) -> Drawing:
    """Norms of limits below the bound; two layers; a family without end; small eigenvalues."""
    spectra, runs = inputs["spectra/stable_set"].load(), inputs["runs/two_parameter"]
    limits, shown, tones = limits_of_descents(runs), sampled(runs), colors(style, 4)
    wide, stretched, narrow = widest(spectra), stretched_family(spectra), narrow_family(spectra)
    figure = plt.figure(figsize=size(style, 0.78))
    axes = figure.subplot_mosaic([["a"] * 3, ["b", "c", "d"]], height_ratios=(1.25, 1))
    _norms(axes["a"], limits, shown, float(runs.attrs["box"]), tones)
    _largest(axes["b"], wide, tones[2])
    for name, frame, x in (("c", stretched, "stretch"), ("d", narrow, "e")):
        _curves(axes[name], frame, x, CURVES[name], (tones[1], tones[0]))
    axes["c"].set(xlabel="$t$", ylabel=r"$\lambda_{\max}$, $|\theta|$")
    axes["d"].set(xlabel="$e$", ylabel="nonzero eigenvalues")
    titles = (
        "1-1-1: norms where descents end", f"{spectra.attrs['net']}: widest", "1-2-2-1", "2-2-1",
    )  # fmt: skip
    for (name, ax), title in zip(axes.items(), titles, strict=True):
        letter(ax, name, title)
    _legend(figure, tones)
    table = pd.concat([limits, shown, wide, stretched, narrow], ignore_index=True)
    facts = family_facts(str(spectra.attrs["net"]), wide, stretched, narrow)
    return Drawing(figure, table, limit_facts(runs, limits, shown) | facts)


def _norms(
    ax: Axes, limits: pd.DataFrame, shown: pd.DataFrame, box: float, tones: list[Any]
) -> None:
    """|w| at rest, a sample of it and the largest; the bound, and where the box ends."""
    etas, cap = limits["learning_rate"].to_numpy(), from_the_box(box)
    grid = np.geomspace(0.6 * min(etas.min(), 0.05), CRITICAL_STEP, 400)
    ax.plot(grid, theory.stable_radius(grid), **BOUND)
    ax.axvline(CRITICAL_STEP, color="black", linestyle=":", linewidth=1.0, zorder=1.5)
    ax.axhline(cap, color="0.35", linestyle="--", linewidth=0.9, zorder=1.5)
    gaps = np.diff(etas, prepend=etas[0] - 1, append=etas[-1] + 1)
    widths = dict(zip(etas, 0.7 * np.minimum(gaps[1:], gaps[:-1]), strict=True))
    nothing_to_show(ax, limits["largest"])
    for eta, own in shown.groupby("learning_rate"):
        x = eta + jitter(len(own), min(widths[eta], WIDEST))
        ax.plot(
            x, own["norm"], ".", color=tones[0], markersize=2.4, markeredgewidth=0, alpha=0.45,
            rasterized=True, zorder=1.8,
        )  # fmt: skip
    ax.plot(
        etas, limits["largest"], linestyle="", marker="_", color=tones[3], markersize=7,
        markeredgewidth=1.5, zorder=4,
    )  # fmt: skip
    ax.set(xlabel=r"learning rate $\eta$", ylabel=r"$|(w_1,w_2)|$ at the minimum")
    found = limits.loc[limits["minima"] > 0, "learning_rate"]
    ax.set_xlim(0, max(1.2 * CRITICAL_STEP, 1.03 * found.max() if len(found) else 0))
    ax.set_ylim(LEAST_NORM - 0.12, 1.2 * max(cap, limits["largest"].max(), LEAST_NORM))
    beyond = limits[limits["learning_rate"] >= CRITICAL_STEP]
    if len(beyond):
        text = (
            f"{beyond['minima'].sum()} minima,\n{counted(len(beyond), 'rate')}\n"
            + r"$\eta\geq\eta_C$"
        )
        ax.annotate(
            text, (CRITICAL_STEP, 0.45), (6, 0), xycoords=ax.get_xaxis_transform(), va="center",
            textcoords="offset points", fontsize="small",
        )  # fmt: skip


def _largest(ax: Axes, wide: pd.DataFrame, color: Any) -> None:
    ax.set(xscale="log", yscale="log", xlabel=r"$\eta$", ylabel=r"largest $|\theta|^2$")
    ax.plot(wide["learning_rate"], wide["bound"], **BOUND)
    nothing_to_show(ax, wide["squared_norm"])
    ax.plot(wide["learning_rate"], wide["squared_norm"], "o", color=color, zorder=3)
    ax.set_xlim(log_limits(wide["learning_rate"].to_numpy()))
    ax.set_ylim(log_limits(wide[["squared_norm", "bound"]].to_numpy()))
    few_ticks(ax, wide["learning_rate"].to_numpy(), "x")
    plain_log_ticks(ax)


def _curves(
    ax: Axes, frame: pd.DataFrame, x: str, names: dict[str, str], tones: Sequence[Any]
) -> None:
    """Measured numbers as marks on the lines of their formulas, named at the right end."""
    ax.set(xscale="log", yscale="log")
    for name, tone, marker in zip(names, tones, "os", strict=True):
        ax.plot(frame[x], frame[f"predicted_{name}"], **BOUND)
        ax.plot(frame[x], frame[name], marker, color=tone, zorder=3)
    ax.set_xlim(log_limits(frame[x].to_numpy()))
    ax.set_ylim(log_limits(frame[list(names)].to_numpy()))
    few_ticks(ax, frame[x].to_numpy(), "x")
    plain_log_ticks(ax)
    last, pairs = frame.iloc[-1], zip(names.items(), tones, strict=True)
    label_right(ax, [(last[name], text, ink(tone)) for (name, text), tone in pairs], gap=0.12)


def _legend(figure: Figure, tones: list[Any]) -> None:
    look: dict[str, Any] = {"linestyle": ""}
    figure.legend(
        handles=[
            Line2D([], [], color="black", linewidth=1.1, label="closed form"),
            Line2D([], [], color=tones[0], marker=".", label="limits, a sample (a)", **look),
            Line2D([], [], color=tones[3], marker="_", markersize=7, markeredgewidth=1.5,
                   label="largest of all limits (a)", **look),
            Line2D([], [], color="0.35", linestyle="--", linewidth=0.9,
                   label="largest of gradient flow from the box (a)"),
            Line2D([], [], color="black", linestyle=":", label=r"$\eta_C$"),
            Line2D([], [], color=tones[2], marker="o", label="found by optimization (b)", **look),
        ],
        loc="outside lower center", ncols=3, columnspacing=1.6,
    )  # fmt: skip
