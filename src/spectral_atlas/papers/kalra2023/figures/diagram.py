"""The phase diagram: critical constants of one family of networks against 1/width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.papers.kalra2023.figures.diagram_parts import (
    LOOKS,
    PHASES,
    SHIFT,
    annotate_sizes,
    draw_runs,
    draw_statistics,
    fill_phases,
    octaves,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    CONSTANTS,
    SYMBOLS,
    summarize_constants,
)
from spectral_atlas.papers.kalra2023.figures.width_fit import fit_in_width
from spectral_atlas.plotting.panels import nothing_to_show

PHASE_LABELS = {
    "calm": r"$c<2$",
    "reduction": r"$2<c<c_\mathrm{loss}$",
    "loss": r"$c_\mathrm{loss}<c<c_\mathrm{sharp}$",
    "both": r"$c_\mathrm{sharp}<c<c_\mathrm{max}$",
    "divergence": r"$c>c_\mathrm{max}$",
}
FITTED = ("c_loss", "c_sharp", "c_max")  # c_barrier is c_max where none shows
FIT_COLUMNS = ("fit", "limit", "limit_low", "limit_high")
MARGIN = 0.4  # around the widths, in octaves


def phase_panel(
    ax: Axes,
    frame: pd.DataFrame,
    *,
    constants: Sequence[str] = CONSTANTS,
    fits: bool = True,
    sizes: bool = True,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Draw one phase diagram: x = c, y = 1/w, both in octaves.

    Markers: means over runs; bars: quartiles; ticks on them: medians; faint dots: single runs, as
    arrow heads where only a bound is known (beyond the grid they are counted as the next grid
    point); at the right end the number of runs. Phases are bounded by straight lines (on these
    axes) through the medians, hatched where the sharpness exceeds its start before the loss does.
    Curves: fits of the means in 1/w (`fit_in_width`, not of c_barrier),
    dotted where two points determine them.

    Parameters
    ----------
    frame : rows of `runs_frame` of one family: only widths and seeds differ
    constants : those to draw; one that was not sought in any run is left out by itself
    sizes : write the number of runs beside each width
    xlim, ylim : in c and in 1/w; by default what holds all runs (give common ones to panels that
        are to be compared; `c_limits` and `width_limits` find them)

    Returns
    -------
    `summarize_constants` of the frame by width, with what tells the family apart in front, and
    the columns ``fit`` (value of the curve at that width) and ``limit, limit_low, limit_high`` (its
    constant term with a 95 % interval); NaN where no fit is made, the interval also where a
    width has fewer than `MIN_RUNS` runs.
    """
    constants = [c for c in constants if c in frame and frame[c].notna().any()]
    table = summarize_constants(frame, ["network", "depth", "width"], constants)
    drawn = frame[constants].to_numpy(float) if constants else np.zeros(0)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    if nothing_to_show(ax, drawn):
        return table.assign(**dict.fromkeys(FIT_COLUMNS, np.nan))
    xlim, ylim = xlim or c_limits(frame), ylim or width_limits(frame)
    fill_phases(ax, table, xlim, width_limits(frame))
    ax.axvline(2, color="0.25", linestyle="--", linewidth=1, zorder=1.2)
    fitted = []
    for slot, constant in enumerate(constants):
        shift = 2.0 ** (SHIFT * ((len(constants) - 1) / 2 - slot))
        own = table[table["constant"] == constant]
        draw_runs(ax, frame, constant, shift)
        draw_statistics(ax, own, constant, shift)
        fit = fit_in_width(frame, constant) if fits and constant in FITTED else None
        values: dict[str, Any] = dict.fromkeys(FIT_COLUMNS, np.nan)
        if fit is not None:
            y = 2.0 ** np.linspace(-np.log2(max(fit.widths)) - 0.1, -np.log2(min(fit.widths)) + 0.1)
            ax.plot(
                fit.at(y), y, color=LOOKS[constant]["color"], linewidth=1.0, zorder=2.5,
                linestyle=":" if fit.exact else "-",
            )  # fmt: skip
            at = np.where(own["width"].isin(fit.widths), fit.at(1 / own["width"]), np.nan)
            found = (at, fit.coefficients[0], fit.low, fit.high)
            values = dict(zip(FIT_COLUMNS, found, strict=True))
        fitted.append(own.assign(**values))
    ax.set(xlim=xlim, ylim=ylim)
    octaves(ax, frame)
    if sizes:
        annotate_sizes(ax, frame)
    return pd.concat(fitted, ignore_index=True)


def c_limits(frame: pd.DataFrame, constants: Sequence[str] = CONSTANTS) -> tuple[float, float]:
    """Limits of the axis of c that hold all runs and c = 2."""
    values = frame[[c for c in constants if c in frame]].to_numpy(float)
    values = np.append(values[np.isfinite(values)], 2.0)
    return float(min(values.min(), 1.5) * 2**-0.3), float(max(values.max(), 4.0) * 2**0.5)


def width_limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits of the axis of 1/w."""
    return 2.0**-MARGIN / float(frame["width"].max()), 2.0**MARGIN / float(frame["width"].min())


def diagram_handles(constants: Sequence[str] = CONSTANTS, *, hatched: bool = False) -> list[Any]:
    """Legend entries: the constants' markers, c = 2, and the phases."""
    handles: list[Any] = [
        Line2D([], [], linestyle="-", linewidth=0.9, label=SYMBOLS[c], **LOOKS[c])
        for c in constants
    ]
    handles.append(Line2D([], [], color="0.25", linestyle="--", linewidth=1, label=r"$c=2$"))
    handles += [
        Patch(facecolor=color, edgecolor="0.7", linewidth=0.4, label=PHASE_LABELS[name])
        for name, color in PHASES.items()
    ]
    if hatched:
        handles.append(
            Patch(
                facecolor="none", edgecolor="0.45", hatch="////", linewidth=0,
                label=r"$c_\mathrm{sharp}<c<c_\mathrm{loss}$",
            )
        )  # fmt: skip
    return handles


def order_reversed(table: pd.DataFrame) -> bool:
    """Whether a median of c_sharp is below that of c_loss: some area is hatched then."""
    medians = table.pivot_table(
        "median", ["network", "depth", "width"], "constant", aggfunc="first", dropna=False
    )
    if not {"c_loss", "c_sharp"} <= set(medians):
        return False
    return bool((medians["c_sharp"] < medians["c_loss"]).any())
