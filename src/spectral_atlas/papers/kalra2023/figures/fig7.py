"""The uv model: runs, its phase diagram, and what is left of the trace after equal times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.shared import Inputs
from spectral_atlas.papers.kalra2023.figures.uv_diagram import (
    FORMULAS,
    uv_diagram,
    uv_diagram_handles,
)
from spectral_atlas.papers.kalra2023.uv_theory import (
    K_MAX,
    saturated_trace,
)
from spectral_atlas.plotting.curves import log_limits, reference
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

FLOOR = 1e-4  # of the loss axis, relative to the start
CEILING = 1.6  # of the axis of the trace: above 1 it never comes back
LEGEND: dict[str, Any] = {"handlelength": 1.3, "borderaxespad": 0.2, "labelspacing": 0.3}


def fig7(inputs: Inputs, style: Style) -> Drawing:
    """Loss and trace of a few runs, critical learning rates against 1/w, saturation curves."""
    uv = inputs["runs/uv"]
    widths = uv["traj_width"].values[[0, -1]] if uv.sizes["traj_width"] > 1 else uv["traj_width"]
    figure = plt.figure(figsize=size(style, 1.05))
    axes = figure.subplot_mosaic(
        [list("aabb"), list("ccdd"), list("eeff")], gridspec_kw={"height_ratios": (1, 1, 1.7)}
    )
    tables = [_runs(uv, list(map(int, widths)), axes), uv_diagram(axes["e"], uv)]
    tables.append(_saturation(axes["f"], uv))
    letter(axes["e"], "e", f"n = {uv.sizes['run']} for each w")
    letter(axes["f"], "f", rf"trace at $k\tau={uv.attrs['saturation_time']:g}$")
    figure.legend(handles=uv_diagram_handles(), loc="outside lower center", ncols=3)
    note(figure, _note(uv))
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(uv, tables[1]))


def _runs(uv: xr.Dataset, widths: list[int], axes: dict[str, Axes]) -> pd.DataFrame:
    """Loss above, trace below, a column for each width; every run until it diverges."""
    multiples = uv["traj_multiple"].values
    tones = ordered_colors(len(multiples), "plasma")
    steps = uv["traj_step"].values
    frames = []
    for row, (name, label) in enumerate(
        (("traj_loss", r"$L_t\,/\,L_0$"), ("traj_trace", r"$\kappa_t\,/\,\kappa_0$"))
    ):
        shown = uv[name].sel(traj_width=widths)
        shown = (shown / shown.isel(traj_step=0)).transpose(
            "traj_width", "traj_multiple", "traj_run", "traj_step"
        )
        limits = log_limits(shown.values, floor=FLOOR)
        for column, key in enumerate("ab" if row == 0 else "cd"):
            ax = axes[key]
            if row == 0:
                ax.set_yscale("log")
            values = shown.values[min(column, len(widths) - 1)]
            letter(ax, key, f"w = {widths[min(column, len(widths) - 1)]}" if row == 0 else "")
            if column >= len(widths) or nothing_to_show(ax, values):
                ax.set_axis_off()
                continue
            for one, tone in zip(values, tones, strict=True):
                for run in one:
                    _run(ax, steps, run, tone, np.inf if row == 0 else CEILING)
            reference(ax, 1.0, color="0.3")
            ax.set_xlabel("step" if row else "")
            ax.set_ylabel("" if column else label)
            ax.set_ylim(*(limits if row == 0 else (0, CEILING)))
        frames.append(
            shown.to_series().rename("value").reset_index().assign(panel="ab" if row == 0 else "cd",
                                                                  quantity=name)
        )  # fmt: skip
    handles = [
        Line2D([], [], color=tone, label=rf"$k={k:g}$")
        for k, tone in zip(multiples, tones, strict=True)
    ]
    handles.append(Line2D([], [], color="0.3", marker="x", linestyle="none", label="diverged"))
    axes["a"].legend(handles=handles, ncols=2, loc="best", **LEGEND)
    names = {"traj_width": "width", "traj_multiple": "k", "traj_run": "run", "traj_step": "step"}
    return pd.concat(frames, ignore_index=True).rename(columns=names)


def _run(ax: Axes, steps: np.ndarray, run: np.ndarray, tone: Any, ceiling: float) -> None:
    """One run; if it diverged, a cross where it was seen last, or on the axes' upper edge."""
    ax.plot(steps, run, color=tone, linewidth=0.8, alpha=0.85)
    last = np.flatnonzero(np.isfinite(run))
    if last.size and last[-1] < len(steps) - 1:
        ax.plot(
            steps[last[-1]], min(run[last[-1]], ceiling), marker="x", markersize=5, color=tone,
            zorder=4, clip_on=False,
        )  # fmt: skip


def _saturation(ax: Axes, uv: xr.Dataset) -> pd.DataFrame:
    """Mean and quartiles of kappa_tau / kappa_0 at each k, a curve for each width."""
    k = uv["sat_multiple"].values
    widths = uv["sat_width"].values
    frames = []
    for width, tone in zip(widths, ordered_colors(len(widths)), strict=True):
        own = uv.sel(sat_width=width)
        mean = own["sat_trace"].values
        low, high = (own["sat_trace_quartiles"].sel(sat_quartile=q).values for q in (0.25, 0.75))
        ax.fill_between(k, low, high, color=tone, alpha=0.2, linewidth=0)
        ax.plot(k, mean, color=tone, label=f"w = {width}")
        frames.append(
            pd.DataFrame({"panel": "f", "width": int(width), "k": k, "mean": mean, "q25": low,
                          "q75": high, "diverged": own["sat_diverged"].values})
        )  # fmt: skip
    above = np.linspace(2, K_MAX, 50)
    ax.plot(above, saturated_trace(above), color="black", linestyle="--", label=r"$(4-k)/k$")
    ax.axvline(2, color="0.25", linestyle="--", linewidth=1, zorder=1.2)
    ax.set(xlabel=r"$k=\eta\kappa_0$", ylabel=r"$\kappa_\tau\,/\,\kappa_0$", xlim=(0, K_MAX))
    ax.set_ylim(0, 1.04)
    ax.legend(loc="lower left", **LEGEND)
    return pd.concat(frames, ignore_index=True)


def _note(uv: xr.Dataset) -> str:
    last = uv["traj_loss"].isel(traj_step=-1).isnull()
    diverged, lost = int(last.sum()), int(uv["sat_diverged"].sum())
    missing = int(uv["c_missing"].sum())
    return (
        f"a–d: {diverged} of {counted(last.size, 'run')} diverged; e: {missing} "
        f"constants not on the grid (left out); f: {counted(lost, 'run')} diverged"
    )


def _facts(uv: xr.Dataset, constants: pd.DataFrame) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "runs": uv.sizes["run"],
        "steps": int(uv.attrs["steps"]),
        "grid_step": quoted(float(uv.attrs["grid_step"])),
        "time": quoted(float(uv.attrs["saturation_time"])),
        "shown_runs": uv.sizes["traj_run"],
        "multiples": ", ".join(f"{k:g}" for k in uv["traj_multiple"].values),
        "missing": int(uv["c_missing"].sum()),
        "saturation_diverged": int(uv["sat_diverged"].sum()),
        "narrow": int(uv["width"].min()),
        "wide": int(uv["width"].max()),
    }
    for name, own in constants.groupby("constant"):
        by_width = own.set_index("width")
        if name == "c_top":
            facts["c_top_wide"] = quoted(by_width["mean"][facts["wide"]])
        if name in FORMULAS:
            for end in ("narrow", "wide"):
                facts[f"{name}_{end}"] = quoted(by_width["mean"][facts[end]])
            away = (own["mean"] / own["predicted"] - 1).abs()
            facts[f"{name}_away"] = quoted(100 * away.max(), 2)
    near = uv["sat_trace"].sel(sat_multiple=2.2, method="nearest")
    k = float(near["sat_multiple"])
    facts |= {
        "near_k": quoted(k),
        "near": quoted(float(near.isel(sat_width=-1))),
        "near_predicted": quoted(saturated_trace(k)),
        "near_width": int(uv["sat_width"].values[-1]),
    }
    return facts
