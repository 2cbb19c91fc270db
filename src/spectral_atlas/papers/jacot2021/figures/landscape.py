"""Critical points of the regularized loss: the best of every rank, saddle or minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from spectral_atlas.papers.jacot2021.figures.common import Inputs, levels, panel_letter
from spectral_atlas.papers.jacot2021.figures.ridge_points import critical_points
from spectral_atlas.papers.jacot2021.figures.ridge_shared import numbers, say
from spectral_atlas.plotting.facts import counted, quoted, span
from spectral_atlas.plotting.panels import jitter, letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, ink, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

SHAPES = {"minimum": "o", "saddle": "v", "undecided": "s"}
FEW = 0.25  # width over which the targets of one rank are spread
LINEAR = 1e-4  # excesses below are drawn on a linear scale


def landscape(inputs: Inputs, style: Style) -> Drawing:
    """Value against rank, a row for each ridge; below, the smallest eigenvalue of the Hessian."""
    runs = inputs["runs/landscape"]
    points = critical_points(runs, inputs["spectra/landscape"])
    depths, ridges = levels(points, "depth"), levels(points, "ridge")
    tones = dict(zip(ridges, colors(style, len(ridges)), strict=True))
    shown = points[points["own"]]
    rows = len(ridges) + 1
    figure, axes = plt.subplots(
        rows, len(depths), figsize=size(style, 0.34 * rows + 0.12), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for i, ax in enumerate(axes.flat):
        row, L = i // len(depths), depths[i % len(depths)]
        mine = shown[shown["depth"] == L]
        title = f"$L={L}$"
        if row < len(ridges):
            title += rf", $\lambda={ridges[row]:g}$"
            _values(ax, mine[mine["ridge"] == ridges[row]], runs, tones[ridges[row]])
        else:
            _eigenvalues(ax, mine, tones)
        letter(ax, panel_letter(i), title)
    _scales(axes, shown)
    _legend(figure, shown, tones)
    return Drawing(figure, points, _facts(inputs, points))


def _values(ax: Axes, points: pd.DataFrame, runs: xr.Dataset, color: Any) -> None:
    """All targets thin, the first bold with the numbers of its negative directions."""
    if points.empty:
        say(ax, "no critical point")
    first = int(runs["target"].values[0])
    for target, mine in points.groupby("target"):
        bold = target == first
        ax.plot(
            mine["rank"], mine["excess"], color=color, linewidth=1.4 if bold else 0.5,
            alpha=1.0 if bold else 0.5, zorder=3 if bold else 2,
        )  # fmt: skip
        for kind, marker in SHAPES.items():
            own = mine[mine["kind"] == kind]
            face = "white" if kind == "saddle" else color
            ax.plot(
                own["rank"], own["excess"], linestyle="", marker=marker, color=color,
                markersize=4.5 if bold else 2.2, markerfacecolor=face, zorder=5 if bold else 2.5,
                markeredgewidth=0.9 if bold else 0.4, alpha=1.0 if bold else 0.6,
            )  # fmt: skip
        best = mine[mine["lowest"]]
        if bold:
            ax.plot(
                best["rank"], best["excess"], linestyle="", marker="o", color="black", zorder=6,
                markersize=8, markerfacecolor="none", markeredgewidth=0.9,
            )  # fmt: skip
            for row in mine[mine["kind"] == "saddle"].itertuples():
                ax.annotate(
                    f"{row.negative:.0f}", (row.rank, row.excess), (3, 4), zorder=7,
                    textcoords="offset points", fontsize="x-small", color=ink(color),
                )  # fmt: skip
    n = runs.sizes["target"]
    for rank, count in points.groupby("rank")["target"].nunique().items():
        if count < n:
            ax.annotate(
                f"{count}", (rank, 0), (0, 2), xycoords=ax.get_xaxis_transform(), ha="center",
                textcoords="offset points", fontsize="x-small", color="0.35",
            )  # fmt: skip


def _eigenvalues(ax: Axes, points: pd.DataFrame, tones: dict[float, Any]) -> None:
    """One mark for each target, bounds as bars, and the range in which they count as zero."""
    if points.empty:
        say(ax, "no critical point")
    limit = points["limit"].max()
    ax.axhspan(-limit, limit, color="0.85", linewidth=0, zorder=0)
    for place, (ridge, color) in enumerate(tones.items()):
        mine = points[points["ridge"] == ridge]
        shift = 0.36 * (place - (len(tones) - 1) / 2)
        x = mine["rank"] + shift
        spread = jitter(mine["target"].nunique(), FEW)
        x = x + spread[np.unique(mine["target"], return_inverse=True)[1]]
        for kind, marker in SHAPES.items():
            own = mine["kind"] == kind
            ax.errorbar(
                x[own], mine["eigenvalue"][own], mine["bound"][own], fmt=marker, color=color,
                markersize=2.4, markerfacecolor="white" if kind == "saddle" else color,
                markeredgewidth=0.5, elinewidth=0.6, zorder=3,
            )  # fmt: skip


def _scales(axes: Any, points: pd.DataFrame) -> None:
    for ax in axes[:-1].flat:
        ax.set_yscale("symlog", linthresh=LINEAR, linscale=0.7)
        ax.yaxis.set_minor_locator(NullLocator())
        highest = points["excess"].max() if points["excess"].notna().any() else 0.0
        ax.set_ylim(-LINEAR, max(2 * highest, 10 * LINEAR))
    for ax in axes[:-1, 0]:
        ax.set_ylabel(r"$C+\lambda|\theta|^2$" + "\n/ lowest $-$ 1")
    limit = max(float(points["limit"].max()) if len(points) else 0.0, 1e-12)
    for ax in axes[-1]:
        ax.set_yscale("symlog", linthresh=10 ** np.ceil(np.log10(limit)), linscale=0.6)
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("rank $r$")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    lowest, highest = axes[-1, 0].get_ylim()
    axes[-1, 0].set_ylim(1.5 * lowest if lowest < 0 else lowest, highest)
    axes[-1, 0].set_ylabel("smallest eigenvalue")


def _legend(figure: Figure, points: pd.DataFrame, tones: dict[float, Any]) -> None:
    handles: list[Any] = [
        Line2D([], [], color=c, label=rf"$\lambda={r:g}$") for r, c in tones.items()
    ]
    for kind, marker in SHAPES.items():
        if kind != "undecided" or (points["kind"] == kind).any():
            face = "white" if kind == "saddle" else "0.3"
            look: Any = {"marker": marker, "markerfacecolor": face, "linestyle": ""}
            handles.append(Line2D([], [], color="0.3", label=kind, **look))
    ring: Any = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "linestyle": ""}
    handles.append(Line2D([], [], color="black", label="lowest", **ring))
    handles.append(Patch(facecolor="0.85", label="counts as zero"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles),
                  columnspacing=1.2, handlelength=1.4)  # fmt: skip


def _facts(inputs: Inputs, points: pd.DataFrame) -> dict[str, Any]:
    runs, spectra = inputs["runs/landscape"], inputs["spectra/landscape"]
    own = points[points["own"]]
    agree = (own["kind"] == "minimum") == own["stable"]
    facts: dict[str, Any] = {
        "targets": counted(runs.sizes["target"], "target"),
        "example": int(runs["target"].values[0]),
        "noise": quoted(float(runs.attrs["noise"])),
        "observed": int(runs.attrs["observed"]),
        "ridges": numbers(levels(points, "ridge")),
        "ranks": span(points["rank"]),
        "width": int(spectra.attrs["width"]),
        "points": len(own),
        "left_out": len(points) - len(own),
        "unconverged": int((~own["converged"]).sum()),
        "undecided": int((own["kind"] == "undecided").sum()),
        "agree": int(agree.sum()),
        "largest_bound": quoted(float(own["bound"].max()), 2),
        "largest_limit": quoted(float(own["limit"].max()), 2),
        "extra_zeros": int((own["zero"] != own["rotations"]).sum()),
    }
    kinds, ranks = [], []
    for L, mine in own.groupby("depth"):
        found = {kind: int((mine["kind"] == kind).sum()) for kind in ("minimum", "saddle")}
        kinds.append(f"{found['minimum']} and {found['saddle']} for L = {L}")
        for ridge, one in mine[mine["lowest"]].groupby("ridge"):
            ranks.append(f"{span(one['rank'])} for L = {L}, λ = {ridge:g}")
    return facts | {"kinds": "; ".join(kinds), "lowest_ranks": "; ".join(ranks)}
