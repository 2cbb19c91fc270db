"""The four panels of `sharpness_vs_depth`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spectral_atlas.plotting.panels import jitter, means, members
from spectral_atlas.plotting.style import MARKERS, ordered_colors

RATIO = r"$S/(2La)$"
LINES = {  # name: look, label; panel c shows them less the lower bound
    "least_rank_one": ("--", "least rank-one"),
    "rank_one_limit": ("-", r"balanced rank-one, $S_{\mathrm{GF0}}$"),
    "upper_end": ("-.", "Theorem 1, upper end"),
}


def absolute(
    ax: Axes,
    random: pd.DataFrame,
    trained: pd.DataFrame,
    lines: pd.DataFrame,
    tones: list,
    hues: dict[str, str],
) -> None:
    """Panel a: sharpness against depth for the first problem."""
    first = random["problem"].min()
    for place, (spread, part) in enumerate(random.groupby("spread")):
        tone = tones[place]
        own = part[part["problem"] == first]
        x = own["depth"].to_numpy() * (0.97 + 0.06 * place + jitter(len(own), 0.04))
        y = own["lambda_max"].to_numpy()
        members(ax, x, y, np.ones(len(own), dtype=bool), tone)
        ax.plot(
            [], [], color=tone, marker=MARKERS[place], linestyle="none",
            label=f"random minimizers, spread {spread:g}",
        )  # fmt: skip
    for (source, hue), marker in zip(hues.items(), "^v", strict=True):
        own = trained[(trained["source"] == source) & (trained["problem"] == first)]
        whole = (own["outcome"] == "converged").to_numpy()
        x = own["depth"].to_numpy() * 0.91
        members(ax, x, own["lambda_max"].to_numpy(), whole, hue, marker, alpha=0.6)
    own = lines[lines["problem"] == first]
    ax.plot(own["depth"], own["upper_end"], "k-.", linewidth=0.9)
    ax.plot(own["depth"], own["bound"], "k:", label=r"lower bound $2La$")
    ax.set(yscale="log", ylabel=r"sharpness $S=\lambda_{\max}$")


def random_minimizers(ax: Axes, random: pd.DataFrame, table: pd.DataFrame, tones: list) -> None:
    """Panel b: random minimizers over the bound; ``table`` holds their means."""
    for place, (spread, part) in enumerate(random.groupby("spread")):
        tone = tones[place]
        shift = 1 + 0.14 * (place - (len(tones) - 1) / 2)
        x = part["depth"].to_numpy() * (shift + jitter(len(part), 0.08))
        members(ax, x, part["ratio"].to_numpy(), np.ones(len(part), dtype=bool), tone, alpha=0.15)
        own = table[table["spread"] == spread]
        means(ax, own["depth"] * shift, own, "black", fmt=MARKERS[place], markerfacecolor=tone)
    ax.axhline(1, color="black", linestyle=":")
    ax.set(yscale="log", ylabel=RATIO)


def trained_runs(
    ax: Axes, trained: pd.DataFrame, table: pd.DataFrame, lines: pd.DataFrame, hues: dict[str, str]
) -> None:
    """Panel c: trained runs and the theory, each as its excess over the bound."""
    for (source, hue), marker in zip(hues.items(), "^v", strict=True):
        part = trained[trained["source"] == source]
        whole = (part["outcome"] == "converged").to_numpy()
        x = part["depth"].to_numpy() * (1 + jitter(len(part), 0.1))
        members(ax, x, part["excess"].to_numpy(), whole, hue, marker, alpha=0.4)
        own = table[table["source"] == source]
        means(ax, own["depth"] * 1.12, own, "black", fmt=marker, markerfacecolor=hue)
        ax.plot([], [], color=hue, marker=marker, linestyle="none", label=f"trained, {source}")
    for problem, own in lines.groupby("problem"):
        first = problem == lines["problem"].min()
        for name, (look, label) in LINES.items():
            ax.plot(
                own["depth"], own[name] / own["bound"] - 1, look, linewidth=0.9 if first else 0.6,
                color="black" if first else "0.55", label=label if first else None, zorder=1.6,
            )  # fmt: skip
    ax.set(yscale="log", ylabel=RATIO[:-1] + "-1$")


def rescaled(ax: Axes, family: pd.DataFrame) -> None:
    """Panel d: the sharpness along W_1 -> t W_1, W_2 -> W_2 / t."""
    depths = sorted(family["depth"].unique())
    for color, (depth, part) in zip(
        ordered_colors(len(depths)), family.groupby("depth"), strict=True
    ):
        ax.plot(part["t"], part["ratio"], color=color, label=f"$L={depth}$")
    ax.axhline(1, color="black", linestyle=":")
    ax.set(
        xscale="log", yscale="log", ylabel=RATIO,
        xlabel=r"$t$ in $W_1\mapsto tW_1$, $W_2\mapsto W_2/t$",
    )  # fmt: skip
    ax.legend(loc="upper center", ncols=2, handlelength=1.2)
