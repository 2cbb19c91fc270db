"""The strip under a figure that says what became of the runs behind each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from spectral_atlas.plotting.curves import cell_edges
from spectral_atlas.plotting.facts import counted, quoted

OUTCOMES = ("converged", "unconverged", "collapsed", "diverged")
OUTCOME_COLORS = {
    "converged": "#dcdcdc", "unconverged": "#f0b35a", "collapsed": "#cc78bc", "diverged": "#1a1a1a",
}  # fmt: skip


def count_outcomes(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Runs of each outcome for each group: columns ``by``, then `OUTCOMES`.

    Parameters
    ----------
    frame : DataFrame with the columns ``by`` and ``outcome`` (one of `OUTCOMES`)
    """
    flags = {outcome: frame["outcome"].eq(outcome).astype(int) for outcome in OUTCOMES}
    return frame[by].assign(**flags).groupby(by, as_index=False).sum()


def outcome_strip(
    ax: Axes,
    counts: pd.DataFrame,
    x: str,
    row: str,
    *,
    names: Sequence[str],
    colors: Sequence[Any],
) -> None:
    """Draw one bar for each point, split in proportion to the outcomes.

    Parameters
    ----------
    ax : shares its x axis with the panel above
    counts : of `count_outcomes`
    x, row : columns: grid value along the axis, curve along the rows (first row on top)
    names, colors : of the rows, in sorted order
    """
    rows = sorted(counts[row].unique())
    grid = sorted(counts[x].unique())
    edges = cell_edges(grid)
    left = dict(zip(grid, edges[:-1], strict=True))
    width = dict(zip(grid, np.diff(edges), strict=True))
    for k, value in enumerate(rows):
        part = counts[counts[row] == value]
        total = part[list(OUTCOMES)].sum(axis=1).to_numpy()
        start = np.array([left[v] + 0.06 * width[v] for v in part[x]])
        full = np.array([0.88 * width[v] for v in part[x]])
        for outcome in OUTCOMES:
            share = part[outcome].to_numpy() / total * full
            drawn = share > 0
            bars = list(zip(start[drawn], share[drawn], strict=True))
            ax.broken_barh(bars, (k - 0.38, 0.76), facecolor=OUTCOME_COLORS[outcome], linewidth=0)
            start = start + share
        n = sorted({int(v) for v in total})
        text = f"n = {n[0]}" if len(n) == 1 else f"n = {n[0]}–{n[-1]}"
        ax.annotate(
            text, (1, k), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize="small", annotation_clip=False,
        )  # fmt: skip
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), names, fontsize="small")
    for tick, color in zip(ax.get_yticklabels(), colors, strict=True):
        tick.set_color(color)
    ax.tick_params(axis="y", length=0)
    ax.grid(False)
    ax.spines["left"].set_visible(False)


def outcome_note(outcomes: pd.Series, mark: str, *, noun: str = "run") -> str:
    """Say in one line what share of the runs diverged or did not converge.

    Parameters
    ----------
    outcomes : one of `OUTCOMES` for each run
    mark : how the figure draws a run that did not converge
    noun : what to call a run, in the singular

    Examples
    --------
    >>> outcome_note(pd.Series(["converged", "converged", "collapsed"]), "open")
    '3 runs: 0 diverged, 1 not converged (33 %, open)'
    """
    total = counted(len(outcomes), noun)
    diverged = int((outcomes == "diverged").sum())
    unfinished = len(outcomes) - diverged - int((outcomes == "converged").sum())
    if not diverged + unfinished:
        return f"{total}: {'all ' if len(outcomes) != 1 else ''}converged"
    parts = [f"{diverged} diverged", f"{unfinished} not converged"]
    percent = [f"{quoted(100 * k / len(outcomes), 2)} %" for k in (diverged, unfinished)]
    marks = [percent[0] if diverged else "", f"{percent[1]}, {mark}" if unfinished else ""]
    pairs = zip(parts, marks, strict=True)
    return f"{total}: {', '.join(f'{a} ({b})' if b else a for a, b in pairs)}"


def outcome_handles() -> list[Patch]:
    """Legend entries of the strip."""
    return [Patch(facecolor=OUTCOME_COLORS[o], label=o) for o in OUTCOMES]
