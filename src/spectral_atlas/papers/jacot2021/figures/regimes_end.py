"""Where descent ends against gamma: test cost, and the first singular value beyond the rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import (
    FATES,
    Inputs,
    at_end,
    choose,
    fates_text,
    levels,
    members_frame,
    networks_text,
)
from spectral_atlas.papers.jacot2021.figures.regimes_shared import at_depth, wide_ntk
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.panels import jitter, letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

SPREAD = 0.04  # of the points of one gamma, along the axis
ASIDE = 0.055  # the NTK networks, to the left: they share their gamma with others


def regimes_e(inputs: Inputs, style: Style) -> Drawing:
    """Points of all targets and lines through medians, a colour for each depth."""
    rank = int(inputs["data/completion"].attrs["rank"])
    table = end_table(inputs, rank)
    depths = levels(table, "depth")
    tones = dict(zip(depths, colors(style, len(depths)), strict=True))
    quantities = {
        "test": r"$C_\mathrm{test}(A_\theta)\,/\,C_\mathrm{test}(0)$ at the end",
        "gap": rf"$s_{{{rank + 1}}}(A_\theta)\,/\,s_1(A_\theta)$ at the end",
    }
    figure, axes = plt.subplots(1, 2, figsize=size(style, 0.52), sharex=True)
    for text, ax, name in zip("ab", axes, quantities, strict=True):
        ax.set(xlabel=r"$\gamma$", ylabel=quantities[name])
        letter(ax, text)
        if nothing_to_show(ax, table[name]):
            continue
        ax.set_yscale("log")
        ax.set_ylim(*log_limits(table[name].to_numpy(float)))
        for L in depths:
            _draw(ax, choose(table, depth=L), name, tones[L], MARKERS[depths.index(L) % 5])
        ax.axvline(1, color="0.4", linewidth=0.9, zorder=0.5)
        if name == "test":
            ax.axhline(1, color="black", linestyle=":", linewidth=0.9, zorder=0)
    _legend(figure, table, tones)
    note(figure, fates_text(table["fate"]))
    return Drawing(figure, table, _facts(table, depths, rank))


def end_table(inputs: Inputs, rank: int) -> pd.DataFrame:
    """One row for each member of `regimes`, its widest networks, and of the wide NTK networks.

    Returns
    -------
    DataFrame with the columns of `members_frame`, ``source`` (regimes, lazy), ``test``, the last
    test cost over that of A = 0, and ``gap``, s_{rank+1} / s_1 (NaN where A has no such value).
    """
    parts = []
    regimes = members_frame(inputs["runs/regimes"])
    for L in levels(regimes, "depth"):
        own = at_depth(inputs, "regimes", int(L))
        parts.append(own[own["width"] == own["width"].max()].assign(source="regimes"))
        parts.append(wide_ntk(inputs, int(L)).assign(source="lazy"))
    measured = []
    for part in parts:
        if not len(part):
            continue
        name = part["source"].iloc[0]
        runs, spectra = inputs[f"runs/{name}"], inputs[f"spectra/{name}"]
        at = part["member"].to_numpy()
        test = at_end(spectra, runs, "test_cost")[at] / spectra["test_at_zero"].values[at]
        s = at_end(spectra, runs, "singular_values")[at]
        gap = s[:, rank] / s[:, 0] if s.shape[1] > rank else np.full(len(part), np.nan)
        measured.append(part.assign(test=test, gap=gap))
    return pd.concat(measured, ignore_index=True)


def _draw(ax: Axes, own: pd.DataFrame, name: str, color: Any, marker: str) -> None:
    """Small points for runs that stopped, crosses and triangles for others; medians joined."""
    whole = own[own["fate"] == "stopped"]
    middle = whole[whole["source"] == "regimes"].groupby("gamma")[name].median()
    ax.plot(middle.index, middle, color=color, marker=marker, markersize=4.5, zorder=4)
    wide = whole[whole["source"] == "lazy"]
    if len(wide):
        ax.plot(
            wide["gamma"].iloc[0] - ASIDE, wide[name].median(), color=color, marker=marker,
            markersize=6, markerfacecolor="white", linestyle="", zorder=5,
        )  # fmt: skip
    for (source, _, fate), group in own.groupby(["source", "gamma", "fate"]):
        aside, face = (ASIDE, "white") if source == "lazy" else (0.0, color)
        ax.plot(
            group["gamma"] - aside + jitter(len(group), SPREAD), group[name], linestyle="",
            color=color, marker=FATES[str(fate)], markersize=2.2 if fate == "stopped" else 4,
            alpha=0.55, markeredgewidth=0.6, markerfacecolor=face, zorder=2,
        )  # fmt: skip


def _legend(figure: Figure, table: pd.DataFrame, tones: dict) -> None:
    handles = []
    for k, (L, tone) in enumerate(tones.items()):
        own = choose(table, depth=L)
        own = own[own["source"] == "regimes"]
        label = f"L = {L:g}, w = {own['width'].iloc[0]:g}"
        handles.append(Line2D([], [], color=tone, marker=MARKERS[k % 5], label=label))
    wide = table[table["source"] == "lazy"]
    look: dict[str, Any] = {"color": "0.3", "linestyle": ""}
    if len(wide):
        label = f"γ = 1 − 1/L, w = {span(wide['width'])}"
        handles.append(Line2D([], [], marker="o", markerfacecolor="white", label=label, **look))
    if (table["fate"] == "unfinished").any():
        handles.append(Line2D([], [], marker="x", label="cut off", **look))
    if (table["fate"] == "diverged").any():
        handles.append(Line2D([], [], marker="^", label="diverged", **look))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _facts(table: pd.DataFrame, depths: list, rank: int) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "next": rank + 1,
        "rank": rank,
        "members": networks_text(table),
        "fates": fates_text(table["fate"]),
    }
    for name in ("test", "gap"):
        facts[name] = ". ".join(
            f"L = {L:g}: {_by_gamma(choose(table, depth=L), name)}" for L in depths
        )
    return facts


def _by_gamma(own: pd.DataFrame, name: str) -> str:
    """Medians over the stopped runs of each gamma."""
    texts = []
    for (gamma, source), group in own.groupby(["gamma", "source"]):
        middle = group[name][group["fate"] == "stopped"].median()
        wide = f", w = {group['width'].iloc[0]:g}" if source == "lazy" else ""
        texts.append(f"{quoted(float(middle), 2)} (γ = {gamma:.3g}{wide})")
    return "; ".join(texts)
