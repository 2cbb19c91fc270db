"""Second-layer eigenvalues of networks that learn one, two, three, four means (Figure 4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.benarous2024.basins import basin_count
from spectral_atlas.papers.benarous2024.figures.shared import (
    Inputs,
    StudyFiles,
    block_label,
    headed_rows,
    letters,
)
from spectral_atlas.papers.benarous2024.outcomes import (
    learned_count,
    outlier_count,
    settled,
)
from spectral_atlas.papers.benarous2024.theory import xor_readout_eigenvalues
from spectral_atlas.plotting.facts import counted, listed, quoted
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

COUNTS = (1, 2, 3, 4)
DASHES: Any = ("-", (0, (3, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)))
STUDIES = {"recalled": "xor_four_recalled", "theorem": "xor_four_theorem"}


def fig4_3(inputs: Inputs, style: Style) -> Drawing:
    """Rows: by basins at the start, as recalled; by means learned at the end. All of H_vv."""
    studies = {regime: StudyFiles.of(inputs, name) for regime, name in STUDIES.items()}
    figure, _, axes = headed_rows(studies, len(COUNTS), size(style, 0.88))
    tables, titles, drawn = [], [], []
    facts: dict[str, Any] = {}
    for row, (regime, study) in zip(axes, studies.items(), strict=True):
        runs = outcomes(study)
        fixed = xor_readout_eigenvalues(float(study.runs.attrs["ridge"]))[0]
        shown = [_chosen(runs, regime, count) for count in COUNTS]
        drawn += shown
        for ax, count, chosen in zip(row, COUNTS, shown, strict=True):
            titles.append(_title(regime, count, chosen))
            tables.append(_panel(ax, study, chosen, fixed).assign(study=study.name, panel=count))
        _limits(row, fixed)
        row[0].set_ylabel(f"eigenvalue of {block_label('hessian', 'vv')}")
        facts |= study.facts(f"{regime}_") | {f"{regime}_fixed": quoted(fixed)}
        facts |= _facts(runs, pd.concat(shown), regime)
    letters(axes.ravel(), titles)
    most = min(max(len(chosen) for chosen in drawn), len(DASHES))
    figure.legend(handles=_handles(most), loc="outside lower center", ncols=4, columnspacing=1.2)
    columns = [table for table in tables if len(table)] or tables[:1]
    return Drawing(figure, pd.concat(columns, ignore_index=True), facts)


def outcomes(study: StudyFiles) -> pd.DataFrame:
    """What became of every run: basins at the start; learned, settled, eigenvalues at the end.

    Counts of runs that overflowed are -1, but for their basins.
    """
    ridge, end = float(study.runs.attrs["ridge"]), study.runs["f_means"].values[:, -1]
    eigenvalues = study.spectra["readout_eigenvalues"].values[:, :, -1]
    frame = {
        "run": study.runs["run"].values,
        "basins": basin_count(study.runs["basin"].values),
        "learned": learned_count(end, ridge),
        "settled": settled(end, ridge),
        "lost": study.runs["diverged_at"].values >= 0,
        "hessian": outlier_count(eigenvalues[0]),
        "gradient": outlier_count(eigenvalues[1]),
    }
    return pd.DataFrame(frame)


def _chosen(runs: pd.DataFrame, regime: str, count: int) -> pd.DataFrame:
    """The runs of a panel: all that start in so many basins, or the first that learned so many."""
    if regime == "recalled":
        return runs[runs["basins"] == count]
    return runs[(runs["learned"] == count) & runs["settled"]].iloc[:1]


def _title(regime: str, count: int, chosen: pd.DataFrame) -> str:
    """Two lines: basins at the start, learned at the end."""
    ends = [str(n) if n >= 0 else "lost" for n in chosen["learned"]]
    if regime == "recalled":
        return f"{counted(count, 'basin')}\nend: {', '.join(ends) or 'no run'} learned"
    start = f"start: {counted(int(chosen['basins'].iloc[0]), 'basin')}" if len(chosen) else ""
    return f"{count} learned\n{start or 'no settled run'}"


def _panel(ax: Axes, study: StudyFiles, chosen: pd.DataFrame, fixed: float) -> pd.DataFrame:
    """Draw the eigenvalues of the chosen runs; returns them, one row each."""
    times = study.spectra["time"].values
    values = study.spectra["readout_eigenvalues"].values[0]
    ranks = values.shape[-1]
    frames = []
    for (position, run), dash in zip(chosen.iterrows(), DASHES * len(chosen), strict=False):
        for rank, tone in enumerate(ordered_colors(ranks)):
            own = values[int(str(position)), :, rank]
            ax.plot(
                times, own, color=tone, linestyle=dash, linewidth=1.0, markersize=2.6,
                marker=MARKERS[rank % len(MARKERS)], zorder=3, clip_on=False,
            )  # fmt: skip
            columns = {
                "run": run["run"], "basins": run["basins"], "learned": run["learned"],
                "rank": rank + 1, "time": times, "eigenvalue": own,
            }  # fmt: skip
            frames.append(pd.DataFrame(columns))
    if chosen.empty:
        ax.text(0.5, 0.5, "no such run", transform=ax.transAxes, ha="center", va="center")
    ax.set_xlim(times[0], times[-1])
    ax.set_xticks(np.unique([times[0], times[-1] / 2, times[-1]]))
    ax.axhline(fixed, color="black", linestyle="--", linewidth=1.0, zorder=2)
    ax.set_xlabel("time $t$")
    return pd.concat(frames) if frames else pd.DataFrame()


def _limits(row: np.ndarray, fixed: float) -> None:
    """One scale for all panels of a row, from zero; numbers at the first only."""
    heights = [fixed, *(np.nanmax(v) for v in map(_drawn, row) if np.isfinite(v).any())]
    for ax in row:
        ax.set_ylim(0, 1.06 * max(heights))
        ax.tick_params(labelleft=ax is row[0])


def _drawn(ax: Axes) -> np.ndarray:
    return np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines])


def _handles(most: int) -> list[Line2D]:
    """Ranks, the fixed point, and the first runs of a panel."""
    names = ["largest", "2nd", "3rd", "4th"]
    handles = [
        Line2D([], [], color=tone, marker=marker, markersize=2.6, linewidth=1.0, label=name)
        for tone, marker, name in zip(ordered_colors(4), MARKERS, names, strict=False)
    ]
    fixed = Line2D([], [], color="black", linestyle="--", linewidth=1.0, label="fixed point")
    order = ("first run", "second run", "third run", "fourth run")
    looks = zip(DASHES[:most], order[:most], strict=True)
    runs = [Line2D([], [], color="0.4", linestyle=dash, label=name) for dash, name in looks]
    return [*handles, fixed, *runs]


def _facts(runs: pd.DataFrame, shown: pd.DataFrame, regime: str) -> dict[str, Any]:
    """Which runs are shown, and how the numbers of outliers agree with what they learned."""
    whole = shown[~shown["lost"]]
    ends = [
        f"{listed([str(n) for n in part['learned']])} ({'runs' if len(part) > 1 else 'run'} "
        f"{', '.join(map(str, part['run']))}, "
        f"{counted(int(basins), 'basin')})"
        for basins, part in whole.groupby("basins")
    ]
    absent = [str(n) for n in COUNTS if not (whole["learned"] == n).any()]
    return {
        f"{regime}_shown": len(shown),
        f"{regime}_learned": listed(ends),
        f"{regime}_absent": listed(absent),
        f"{regime}_settled": int((runs["settled"] & ~runs["lost"]).sum()),
        f"{regime}_unsettled": int((~runs["settled"] & ~runs["lost"]).sum()),
        f"{regime}_as_basins": int((whole["learned"] == whole["basins"]).sum()),
        f"{regime}_as_hessian": int((whole["learned"] == whole["hessian"]).sum()),
        f"{regime}_as_gradient": int((whole["learned"] == whole["gradient"]).sum()),
    }
