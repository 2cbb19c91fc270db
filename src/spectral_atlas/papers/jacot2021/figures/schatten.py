"""L2 on the weights as a Schatten quasi-norm of the map, and what it does to a singular value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import Inputs, levels
from spectral_atlas.papers.jacot2021.figures.ridge_scalar import (
    Looks,
    basin_frame,
    basin_panel,
    edges,
    minimizer_panel,
    minimizers,
    penalty_panel,
)
from spectral_atlas.papers.jacot2021.figures.ridge_shared import depth_looks, numbers, say
from spectral_atlas.plotting.facts import counted, quoted, span
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def schatten(inputs: Inputs, style: Style) -> Drawing:
    """The identity along training; the penalty; minimizers for two ridges; the basin of zero."""
    identity, thresholds = inputs["runs/identity"], inputs["runs/thresholds"]
    paths, ends = identity_frames(identity)
    points, marks = minimizers(thresholds), edges(thresholds)
    basin = basin_frame(inputs["runs/basin"])
    ridges = [r for i, r in enumerate(levels(points, "ridge")) if i in (0, _last(points))]
    looks = depth_looks(style, [*ends["depth"], *points["depth"], *basin["depth"]])
    figure = plt.figure(figsize=size(style, 1.12))
    rows = ["ab", "cd" if len(ridges) > 1 else "cc", "ee"]
    axes = figure.subplot_mosaic([list(row) for row in rows])
    _identity(axes["a"], paths, ends, looks, float(identity.attrs["ridge"]))
    curves = penalty_panel(axes["b"], looks)
    for text, ridge in zip("cd", ridges, strict=False):
        minimizer_panel(axes[text], points, marks, ridge, looks)
    tones = tuple(colors(style, 7)[i] for i in (0, 3))
    basin_panel(axes["e"], basin, (tones[0], tones[1]))
    titles = {"a": f"descent, $\\lambda={identity.attrs['ridge']:g}$", "b": "penalty"}
    titles |= {t: rf"minimizer, $\lambda={r:g}$" for t, r in zip("cd", ridges, strict=False)}
    titles["e"] = f"from the boundary of zero's basin, {counted(_n(basin), 'target')}"
    for place, (name, ax) in enumerate(axes.items()):
        letter(ax, "abcde"[place], titles[name])
    _legend(figure, looks, basin, tones)
    table = pd.concat([paths, ends, curves, points, marks, basin], ignore_index=True)
    return Drawing(figure, table, _facts(identity, ends, points, marks, basin))


def _last(points: pd.DataFrame) -> int:
    return points["ridge"].nunique() - 1


def _n(frame: pd.DataFrame) -> int:
    return int(frame["target"].nunique())


def identity_frames(runs: xr.Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Along the paths and at their ends: |theta|^2 over the penalty, minus 1.

    The second has ``excess`` at the last record and ``at_minimum``, in absolute value, after the
    minimum was polished.
    """
    paths, ends = [], []
    for i in range(runs.sizes["member"]):
        one = runs.isel(member=i)
        names = {"depth": int(one["depth"]), "target": int(one["target"])}
        kept = one["step"].values >= 0
        excess = (one["squared_norm"].values / one["penalty"].values - 1)[kept]
        path = pd.DataFrame({"step": one["step"].values[kept], "excess": excess})
        paths.append(path.assign(panel="identity", diverged=int(one["diverged_at"]) >= 0, **names))
        ratio = float(one["norm_at_minimum"] / one["penalty_at_minimum"])
        more = {n: float(one[n]) for n in ("imbalance", "value", "convex_value")}
        more["gradient_norm"] = float(one["gradient_at_minimum"])
        last = float(excess[-1]) if excess.size else np.nan
        ends.append(names | more | {"excess": last, "at_minimum": abs(ratio - 1)})
    return pd.concat(paths, ignore_index=True), pd.DataFrame(ends).assign(panel="minimum")


def _identity(
    ax: Axes, paths: pd.DataFrame, ends: pd.DataFrame, looks: Looks, ridge: float
) -> None:
    """The excess along each path; triangles on the lower end for what the minimum leaves."""
    shown = paths[(paths["excess"] > 0) & np.isfinite(paths["excess"])]
    ax.set_yscale("log")
    ax.set(xlabel="step", ylabel=r"$|\theta|^2\,/\,L\sum s^{2/L}\ -\ 1$")
    if shown.empty:
        say(ax, "no run to show")
        return
    for (L, _), mine in shown.groupby(["depth", "target"]):
        ax.plot(mine["step"], mine["excess"], color=looks[L][0], linewidth=0.7)
    low = float(shown["excess"].min())
    ax.set_ylim(low / 8, 2 * float(shown["excess"].max()))
    right = float(shown["step"].max())
    for place, (L, mine) in enumerate(ends.groupby("depth")):
        below = mine["at_minimum"] < low / 8
        ax.plot(
            np.full(len(mine), right * (0.97 - 0.05 * place)),
            mine["at_minimum"].clip(lower=low / 8), linestyle="", color=looks[L][0],
            marker="v" if below.all() else "o", markersize=4.5, clip_on=False, zorder=4,
        )  # fmt: skip
    worst = quoted(float(ends["at_minimum"].max()), 2)
    ax.text(0.03, 0.04, rf"at the minimum $\leq$ {worst}", transform=ax.transAxes,
            fontsize="small")  # fmt: skip


def _legend(figure: Figure, looks: Looks, basin: pd.DataFrame, tones: tuple[Any, ...]) -> None:
    handles: list[Any] = [
        Line2D([], [], color=color, marker=marker, markersize=3, label=f"$L={L}$")
        for L, (color, marker) in looks.items()
    ]
    handles.append(Line2D([], [], color="0.3", linestyle=":", label=r"$a_{\rm crit}$"))
    ring: Any = {"marker": "o", "markersize": 6, "markerfacecolor": "none", "linestyle": ""}
    handles.append(Line2D([], [], color="0.3", label=r"$a_{\rm glob}$", **ring))
    for side, color in enumerate(tones):
        factors = [f for f in levels(basin, "factor") if (f > 1) == bool(side)]
        if factors:
            text = rf"$|\theta_0|$ = {numbers(factors)} $r_b$"
            look: Any = {"marker": "v^"[side], "linestyle": ""}
            handles.append(Line2D([], [], color=color, label=text, **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4)


def _facts(
    identity: xr.Dataset,
    ends: pd.DataFrame,
    points: pd.DataFrame,
    marks: pd.DataFrame,
    basin: pd.DataFrame,
) -> dict[str, Any]:
    shallow, deep = ends[ends["depth"] == 2], marks[marks["depth"] > 2]
    inside, outside = basin[basin["factor"] < 1], basin[basin["factor"] > 1]
    convex = (shallow["value"] / shallow["convex_value"] - 1).abs().max()
    flat = marks[marks["depth"] == 2]
    facts: dict[str, Any] = {
        "targets": counted(_n(ends), "target"),
        "identity_depths": numbers(levels(ends, "depth")),
        "ridge": quoted(float(identity.attrs["ridge"])),
        "width": int(identity.attrs["width"]),
        "steps": int(identity["last_step"].max()),
        "diverged": int((identity["diverged_at"] >= 0).sum()),
        "at_minimum": quoted(float(ends["at_minimum"].max()), 2),
        "imbalance": quoted(float(ends["imbalance"].max()), 2),
        "gradient": quoted(float(ends["gradient_norm"].max()), 2),
        "convex": quoted(float(convex), 2),
        "ridges": numbers(levels(points, "ridge")),
        "points": int(points["a"].nunique()),
        "minimizer_error": quoted(float((points["minimizer"] - points["theory"]).abs().max()), 2),
        "appears_error": quoted(float((deep["appears_at"] - deep["a_crit"]).abs().max()), 2),
        "wins_error": quoted(float((deep["wins_at"] - deep["a_glob"]).abs().max()), 2),
        "shallow_error": quoted(float((flat["appears_at"] / flat["a_crit"] - 1).abs().max()), 2),
        "basin_targets": counted(_n(basin), "target"),
        "basin_unsettled": int((~basin["settled"]).sum()),
        "inside": len(inside),
        "outside": len(outside),
        "inside_share": quoted(float(inside["share"].max()), 2),
        "outside_share": span(outside["share"], 2),
        "below": numbers(levels(inside, "factor")),
        "above": numbers(levels(outside, "factor")),
        "radii": span(basin["boundary"]),
    }
    facts["excess_by_depth"] = ", ".join(
        f"{span(mine['excess'], 2)} (L = {L})" for L, mine in ends.groupby("depth")
    )
    return facts
