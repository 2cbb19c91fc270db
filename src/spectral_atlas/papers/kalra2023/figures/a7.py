"""The uv model's first step against its formulas, and phase diagrams of deep linear networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.diagram import (
    c_limits,
    diagram_handles,
    phase_panel,
    width_limits,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    Inputs,
    censored_text,
    runs_frame,
    seeds_text,
    values_text,
)
from spectral_atlas.papers.kalra2023.uv_theory import mean_a, mean_loss_ratio, mean_trace_ratio
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

SHOWN = ("c_loss", "c_sharp", "c_max")
ERRORS = 2  # standard errors in a bar
POINT: dict[str, Any] = {"linestyle": "none", "markersize": 3.5, "capsize": 2, "zorder": 3}


def a7(inputs: Inputs, style: Style) -> Drawing:
    """Means of a, of the first step's trace and loss; linear networks for each exponent s."""
    uv = inputs["runs/uv"]
    frame = runs_frame(inputs, ["variants"])
    frame = frame[frame["activation"] == "linear"].reset_index(drop=True)
    exponents = sorted(frame["output_exponent"].unique())
    figure = plt.figure(figsize=size(style, 0.95))
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.25), squeeze=False)[:, 0]
    axes = upper.subplots(1, 3)
    panels = lower.subplots(1, max(len(exponents), 1), sharey=True, squeeze=False)[0]
    tables = [_mean_a(axes[0], uv), *_first_step(axes[1:], uv)]
    limits: dict[str, Any] = {}
    if len(frame):
        limits = {"xlim": c_limits(frame, SHOWN), "ylim": width_limits(frame)}
    for ax, exponent, text in zip(panels, exponents or [np.nan], "defgh", strict=False):
        own = frame[frame["output_exponent"] == exponent]
        table = phase_panel(ax, own, constants=SHOWN, **limits)
        tables.append(table.assign(panel=text, exponent=exponent))
        letter(ax, text, f"linear, s = {exponent:g}, {seeds_text(own)}" if len(own) else "linear")
        ax.set(xlabel=r"$c=\eta\lambda_0$")
    panels[0].set_ylabel(r"$1/w$")
    for ax, text in zip(axes, "abc", strict=True):
        letter(ax, text, "uv model" if text == "a" else "")
    lower.legend(
        handles=diagram_handles(SHOWN, hatched=bool((frame["c_sharp"] < frame["c_loss"]).any())),
        loc="outside lower center", ncols=4,
    )  # fmt: skip
    facts = _facts(uv, frame, tables)
    note(figure, f"linear networks: {counted(len(frame), 'run')}; {facts['censored']}")
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _mean_a(ax: Axes, uv: xr.Dataset) -> pd.DataFrame:
    """<a> (w + 1) against its value 1/4, in standard errors' bars."""
    w = uv["avg_width"].values.astype(float)
    mean, error = uv["avg_a"].values, uv["avg_a_error"].values
    ax.axhline(0.25, color="black", linestyle="--", linewidth=1, label="1/4")
    ax.errorbar(w, mean * (w + 1), ERRORS * error * (w + 1), fmt="o", color="0.35", **POINT)
    ax.set_xscale("log", base=2)
    ax.set_xticks(w, [f"{int(v)}" for v in w])
    ax.minorticks_off()
    reach = np.abs(mean * (w + 1) - 0.25) + ERRORS * error * (w + 1)
    off = 1.6 * np.max(reach, initial=1e-3, where=np.isfinite(reach))
    ax.set_ylim(0.25 - off, 0.25 + off)
    ax.set(xlabel="w", ylabel=r"$\langle a\rangle\,(w+1)$")
    ax.legend(loc="upper right")
    return pd.DataFrame(
        {"panel": "a", "width": w, "mean": mean, "error": error, "predicted": mean_a(w)}
    )


def _first_step(axes: np.ndarray, uv: xr.Dataset) -> list[pd.DataFrame]:
    """Means over starts after one step, relative to the start, against k; a curve for each w."""
    k, widths = uv["avg_multiple"].values, uv["avg_width"].values
    grid = np.linspace(0, 1.05 * max(k.max(), 4), 200)
    tones = ordered_colors(len(widths))
    tables = []
    panels: list[tuple[Axes, str, str, Callable[..., Any]]] = [
        (axes[0], "b", "avg_trace_ratio", mean_trace_ratio),
        (axes[1], "c", "avg_loss_ratio", mean_loss_ratio),
    ]
    for ax, panel, name, formula in panels:
        start = 1.0 if panel == "b" else 0.0
        for i, (width, tone) in enumerate(zip(widths, tones, strict=True)):
            w = float(width)
            scale = w + 1 if panel == "b" else 1.0
            mean = uv[name].sel(avg_width=width).values
            error = uv[f"{name}_error"].sel(avg_width=width).values
            ax.plot(grid, scale * (formula(grid, w) - start), color=tone, linewidth=0.9)
            ax.errorbar(k, scale * (mean - start), ERRORS * scale * error, color=tone,
                        fmt=MARKERS[i % len(MARKERS)], **POINT)  # fmt: skip
            tables.append(
                pd.DataFrame({"panel": panel, "quantity": name, "width": w, "k": k, "mean": mean,
                              "error": error, "predicted": formula(k, w)})
            )  # fmt: skip
        ax.axhline(0 if panel == "b" else 1, color="0.3", linestyle=":", linewidth=1)
        nothing_to_show(ax, uv[name].values.ravel())
        ax.set_xlabel(r"$k=\eta\kappa_0$")
    axes[0].set_ylabel(r"$\langle\kappa_1/\kappa_0-1\rangle\,(w+1)$")
    axes[1].set_ylabel(r"$\langle L_1/L_0\rangle$")
    handles = [
        Line2D([], [], color=tone, marker=MARKERS[i % len(MARKERS)], label=f"w = {width}")
        for i, (width, tone) in enumerate(zip(widths, tones, strict=True))
    ]
    axes[0].legend(handles=handles, loc="upper left", handlelength=1.2)
    return [
        pd.concat([t for t in tables if (t["panel"] == p).all()], ignore_index=True) for p in "bc"
    ]


def _facts(uv: xr.Dataset, frame: pd.DataFrame, tables: list[pd.DataFrame]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "errors": ERRORS,
        "multiples": ", ".join(f"{k:g}" for k in uv["avg_multiple"].values),
        "widths": ", ".join(str(w) for w in uv["avg_width"].values),
        "runs": len(frame),
        "seeds": seeds_text(frame, ["output_exponent", "width"]),
    }
    for name, table in zip(("a", "trace", "loss"), tables[:3], strict=True):
        scores = ((table["mean"] - table["predicted"]) / table["error"]).abs()
        scores = scores[np.isfinite(scores)]
        facts[f"{name}_score"] = quoted(scores.max() if len(scores) else None, 2)
        effect = table["predicted"] - (1.0 if name == "trace" else 0.0)
        away = ((table["mean"] - table["predicted"]) / effect).abs()
        away = away[np.isfinite(away)]
        facts[f"{name}_percent"] = quoted(100 * away.max() if len(away) else None, 2)
    drawn = pd.concat(tables[3:], ignore_index=True)
    facts["censored"] = (
        censored_text(drawn) if len(drawn) else ""
    ) or "no value at an end of the grid"
    for constant in SHOWN:
        facts[constant] = " | ".join(
            f"s = {exponent:g}, {values_text(own, constant)}"
            for exponent, own in drawn.groupby("exponent")
        )
    return facts
