"""Panels about how paths leave the origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.paths_escape import LOW, shallow_law
from spectral_atlas.papers.jacot2021.figures.paths_shared import depth_markers, no_positive
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.panels import nothing_to_show

LAW: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 0.9, "zorder": 1}
ALONG = 0.98  # cosine of an escape along -u_1 v_1^T
BEFORE = -10.0  # s_1 (t - T) from which distances are drawn; the axis is linear up to 10
FLOOR = 1e-7  # of the axes of small quantities


def deep_times(ax: Axes, times: pd.DataFrame, tones: dict[int, Any]) -> pd.DataFrame:
    """s_1 T against the law's scale for L > 2, with the line of slope one through each depth.

    Returns
    -------
    DataFrame ``depth, n, missing, constant``: the geometric mean of s_1 T over the scale.
    """
    ax.set(xlabel=r"$w^{(\gamma-1)(L-2)/2}$", ylabel=r"$s_1T$")
    own = times[(times["depth"] > 2) & (times["gamma"] > 1)]
    shown = own[np.isfinite(own["scaled"]) & (own["scaled"] > 0)]
    rows = []
    if not nothing_to_show(ax, shown["scaled"].to_numpy(float)):
        ax.set_xscale("log")
        ax.set_yscale("log")
    for depth, part in shown.groupby("depth"):
        constant = float(np.exp(np.log(part["scaled"] / part["scale"]).mean()))
        ends = np.array([part["scale"].min(), part["scale"].max()]) * [0.8, 1.25]
        ax.plot(ends, constant * ends, **LAW)
        _members(ax, part, "scale", int(depth), tones)
        missing = int((own["depth"] == depth).sum()) - len(part)
        rows.append({"depth": depth, "n": len(part), "missing": missing, "constant": constant})
    return pd.DataFrame(rows, columns=["depth", "n", "missing", "constant"])


def shallow_times(ax: Axes, times: pd.DataFrame, tones: dict[int, Any]) -> None:
    """s_1 T for L = 2 against its logarithmic law, with the line of slope one."""
    ax.set(xlabel=r"$\frac{\gamma-1}{2}\,\ln w$", ylabel=r"$s_1T$")
    own = times[(times["depth"] == 2) & (times["gamma"] > 1)]
    shown = own[np.isfinite(own["scaled"])]
    if nothing_to_show(ax, shown["scaled"].to_numpy(float)):
        return
    shown = shown.assign(law=shallow_law(shown))
    ends = np.array([shown["law"].min() - 0.2, shown["law"].max() + 0.2])
    ax.plot(ends, ends + float((shown["scaled"] - shown["law"]).mean()), **LAW)
    _members(ax, shown, "law", 2, tones)


def _members(ax: Axes, part: pd.DataFrame, x: str, depth: int, tones: dict[int, Any]) -> None:
    for file, own in part.groupby("file"):
        ax.plot(
            own[x], own["scaled"], linestyle="", marker=depth_markers(tones)[depth],
            color=tones[depth], markersize=3, markeredgewidth=0.6,
            markerfacecolor="none" if file == "escape" else tones[depth],
        )  # fmt: skip


def radii(ax: Axes, curves: pd.DataFrame, tones: dict[int, Any]) -> None:
    """Radii along all paths of width 1 in the law's units, and the law."""
    ax.set(xlabel="time, in units of the law", ylabel="what is left of the law's time")
    if nothing_to_show(ax, curves["left"].to_numpy(float)):
        return
    for (depth, _), own in curves.groupby(["depth", "target"]):
        ax.plot(own["time"], own["left"], color=tones[int(depth)], linewidth=0.7, alpha=0.8)
    ax.plot([0, 1], [1, 0], **LAW | {"zorder": 4})
    ax.set(xlim=(0, 1.3), ylim=(-0.03, 1.03))


def against_height(ax: Axes, curves: pd.DataFrame, quantity: str, tones: dict[float, Any]) -> None:
    """1 - cosine or s_2 / s_1 against the height s_1(A) / s_1(A_1), one line a member."""
    label = {"off": r"$1-\cos(A,-u_1v_1^T)$", "second": r"$s_2/s_1$"}[quantity]
    ax.set(xlabel=r"height $s_1(A)/s_1(A_1)$", ylabel=label)
    if no_positive(ax, curves[quantity]):
        return
    ax.set_xscale("log")
    ax.set_yscale("log")
    _lines(ax, curves, "height", quantity, tones)
    ax.set_ylim(*log_limits(curves[quantity].to_numpy(float), floor=FLOOR))
    ax.set_xlim(max(FLOOR, float(curves["height"].min())), 1)
    if quantity == "off":
        for line, at in ((ax.axhline, 1 - ALONG), (ax.axvline, LOW)):
            line(at, color="black", linewidth=0.7, linestyle=":")


def distances(ax: Axes, curves: pd.DataFrame, tones: dict[float, Any]) -> None:
    """Distance to the path of width 1 against time after half of the height, one line a member."""
    ax.set(xlabel=r"$s_1(t-T)$", ylabel=r"$|A-A_1|/|A_1(\infty)|$")
    shown = curves[(curves["time"] > BEFORE)] if len(curves) else curves
    if no_positive(ax, shown["distance"]):
        return
    ax.set_yscale("log")
    _lines(ax, shown, "time", "distance", tones)
    ax.set_xscale("symlog", linthresh=-BEFORE)
    ax.set_ylim(*log_limits(shown["distance"].to_numpy(float), floor=FLOOR))
    ax.axvline(0, color="black", linewidth=0.7, linestyle=":")


def _lines(ax: Axes, curves: pd.DataFrame, x: str, y: str, tones: dict[float, Any]) -> None:
    for (gamma, _), own in curves.groupby(["gamma", "member"]):
        ax.plot(own[x], own[y], color=tones[float(gamma)], linewidth=0.7, alpha=0.9)
