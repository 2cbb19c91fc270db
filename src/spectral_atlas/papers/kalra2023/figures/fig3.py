"""Phase diagrams of early training for fully connected, convolutional and residual networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from spectral_atlas.papers.kalra2023.figures.diagram import (
    FITTED,
    c_limits,
    diagram_handles,
    order_reversed,
    phase_panel,
    width_limits,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    CONSTANTS,
    MIN_RUNS,
    NETWORKS,
    Inputs,
    censored_text,
    network_label,
    runs_frame,
    seeds_text,
)
from spectral_atlas.papers.kalra2023.figures.width_fit import MIN_FIT_WIDTH, fit_in_width
from spectral_atlas.plotting.facts import MISSING, counted, listed, quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("fcn", "fcn_deep", "fcn_deeper", "myrtle", "resnet")
COLUMNS = 3
Family = tuple[str, int]  # network, depth


def fig3(inputs: Inputs, style: Style) -> Drawing:
    """One diagram for each network and depth: c_loss, c_sharp, c_barrier, c_max against 1/w."""
    frame = runs_frame(inputs, STUDIES)
    parts = families(frame)
    rows = -(-len(parts) // COLUMNS)
    figure, grid = plt.subplots(
        rows, min(len(parts), COLUMNS), figsize=size(style, 0.12 + 0.36 * rows), squeeze=False
    )
    axes = list(grid.ravel())
    for ax in axes[len(parts) :]:
        ax.set_visible(False)
    tables = []
    for i, (ax, ((network, depth), own)) in enumerate(zip(axes, parts.items(), strict=False)):
        same = frame[frame["network"] == network]
        found = phase_panel(ax, own, xlim=c_limits(frame), ylim=width_limits(same))
        tables.append(found.assign(panel="abcdefghijkl"[i]))
        _fit_status(ax, own)
        letter(ax, "abcdefghijkl"[i], network_label(network, depth))
        if i % COLUMNS == 0:
            ax.set_ylabel(r"$1/w$")
        if i + COLUMNS >= len(parts):
            ax.set_xlabel(r"$c=\eta\lambda_0$")
    table = pd.concat(tables, ignore_index=True)
    sought = [c for c in CONSTANTS if frame[c].notna().any()]
    handles = diagram_handles(sought, hatched=order_reversed(table))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, columnspacing=1.2)
    if text := censored_text(table):
        note(figure, text)
    return Drawing(figure, table, _facts(frame, parts, table))


def families(frame: pd.DataFrame) -> dict[Family, pd.DataFrame]:
    """Runs by network and depth: fully connected ones first, then in the order of `NETWORKS`."""
    places = list(NETWORKS)
    keys = {(str(n), int(d)) for n, d in zip(frame["network"], frame["depth"], strict=True)}
    ordered = sorted(keys, key=lambda k: (places.index(k[0]) if k[0] in places else 99, k))
    return {
        (n, d): frame[(frame["network"] == n) & (frame["depth"] == d)].reset_index(drop=True)
        for n, d in ordered
    }


def _fit_widths(own: pd.DataFrame) -> int:
    return int((own["width"].drop_duplicates() >= MIN_FIT_WIDTH).sum())


def _fit_status(ax: Axes, own: pd.DataFrame) -> None:
    if fit_in_width(own, "c_loss") is None:
        text = f"no fit: {counted(_fit_widths(own), 'width')} ≥ {MIN_FIT_WIDTH}"
        ax.text(
            0.98, 0.02, text, transform=ax.transAxes, fontsize="x-small", va="bottom", ha="right"
        )


def _facts(
    frame: pd.DataFrame, parts: dict[Family, pd.DataFrame], table: pd.DataFrame
) -> dict[str, float | int | str]:
    facts: dict[str, float | int | str] = {
        "runs": len(frame),
        "seeds": seeds_text(frame).removeprefix("n = "),
        "undecided": int(frame["undecided"].sum()),
        "bounded": int(table["below"].sum() + table["above"].sum()),
        "no_barrier": _no_barrier(frame),
        "fewest": MIN_RUNS,
    }
    fitted, without = [], []
    for (network, depth), own in parts.items():
        label = network_label(network, depth)
        lines = _fits(own)
        if lines:
            fitted.append(f"{label}: {lines}")
        else:
            without.append(f"{label} ({counted(_fit_widths(own), 'width')})")
    facts["fits"] = "; ".join(fitted) or MISSING
    facts["without_fit"] = listed(without)
    return facts


def _fits(own: pd.DataFrame) -> str:
    """``"c_loss = 2.01 + 147/w (limit 1.75–2.27; medians: 1.93 + 158/w)"`` and so on."""
    found = []
    for constant in FITTED:
        fit, other = fit_in_width(own, constant), fit_in_width(own, constant, "median")
        if fit is None or other is None:
            continue
        about = ["exact through two widths"] if fit.exact else []
        if np.isfinite(fit.low):
            about.append(f"limit {_signed(fit.low)} to {_signed(fit.high)}")
        about.append(f"medians: {other.text()}")
        found.append(f"{constant} = {fit.text()} ({'; '.join(about)})")
    return ", ".join(found)


def _signed(value: float) -> str:
    return str(quoted(value)).replace("-", "−")


def _no_barrier(frame: pd.DataFrame) -> str:
    """``"12 of 22"`` runs of those searched have c_barrier = c_max."""
    sought = frame[frame["c_barrier"].notna()]
    same = int((sought["k_barrier"] == sought["k_max"]).sum())
    return f"{same} of {len(sought)}"
