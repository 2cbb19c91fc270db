"""Loss and sharpness step by step at several c: all runs faint, their median bold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.plotting.curves import plain_log_ticks
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.panels import nothing_to_show

# Perceptually even, light green to dark blue: seaborn's "crest", which takes seconds to import.
ANCHORS = ("#7dba91", "#59a590", "#40908e", "#287a8c", "#1c6488", "#254b7f")


def rate_map(multiples: Sequence[float]) -> ScalarMappable:
    """Colours of learning rates c, even in log c."""
    values = np.asarray(multiples, dtype=float)
    low, high = (values.min(), values.max()) if values.size else (1.0, 2.0)
    if low == high:
        low, high = low / 2, high * 2
    return ScalarMappable(LogNorm(low, high), LinearSegmentedColormap.from_list("crest", ANCHORS))


def rate_color(rates: ScalarMappable, c: float) -> tuple[float, float, float, float]:
    """The colour of one c."""
    red, green, blue, alpha = rates.to_rgba(np.array([c]))[0]
    return float(red), float(green), float(blue), float(alpha)


def rate_bar(figure: Figure, rates: ScalarMappable, axes: Any, multiples: Sequence[float]) -> None:
    """A colour bar for c, with ticks at the recorded ones (every other where there are many)."""
    bar = figure.colorbar(rates, ax=axes, label=r"$c=\eta\lambda_0$", aspect=30, pad=0.02)
    ticks = list(multiples)[:: 1 if len(multiples) <= 8 else 2]
    bar.ax.yaxis.set_major_locator(FixedLocator(ticks))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda c, _: str(quoted(float(c)))))


def recorded(runs: xr.Dataset, mask: np.ndarray, dim: str = "step") -> pd.DataFrame:
    """Recorded loss and sharpness of chosen runs, one row for each run, c and step.

    Parameters
    ----------
    runs : with loss, sharpness (run, multiple, ``dim``) and lambda0 (run)
    mask : (run,) bool; runs that were not recorded (NaN at the start) are left out
    dim : "step" of early training, "time" of whole trainings

    Returns
    -------
    DataFrame ``row, seed, multiple, step, loss, sharpness, ratio`` (over lambda0), ``scaled``
    (eta times the sharpness), ``diverged``: after divergence the loss is infinite and so are
    sharpness, ratio and scaled, as limits that medians can count.
    """
    columns = [
        "row",
        "seed",
        "multiple",
        "step",
        "loss",
        "sharpness",
        "ratio",
        "scaled",
        "diverged",
    ]
    frames = []
    for row in np.flatnonzero(mask):
        start = float(runs["lambda0"].values[row])
        for i, c in enumerate(runs["multiple"].values):
            loss = runs["loss"].values[row, i].astype(float)
            sharp = runs["sharpness"].values[row, i].astype(float)
            if not np.isfinite(loss[0]):
                continue
            gone = np.maximum.accumulate(np.isposinf(loss))
            sharp = np.where(gone, np.inf, sharp)
            frames.append(
                pd.DataFrame(
                    {
                        "row": row, "seed": int(runs["seed"].values[row]), "multiple": float(c),
                        "step": runs[dim].values, "loss": np.where(gone, np.inf, loss),
                        "sharpness": sharp, "ratio": sharp / start,
                        "scaled": float(c) * sharp / start, "diverged": gone,
                    }
                )
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def trajectory_panel(
    ax: Axes,
    table: pd.DataFrame,
    quantity: str,
    rates: ScalarMappable,
    *,
    log: bool = False,
) -> pd.DataFrame:
    """Draw a quantity against the step for each c.

    Thin and faint: single runs, with a cross at the last step before divergence. Bold: medians over
    runs, diverged ones counting as infinite; an infinite median is not drawn.

    Parameters
    ----------
    table : of `recorded`; one group of runs
    quantity : "loss", "sharpness", "ratio" or "scaled"
    rates : of `rate_map`
    log : log axis of the quantity

    Returns
    -------
    DataFrame ``multiple, step, median, n, diverged``.
    """
    if log:
        ax.set_yscale("log")
    values = table[quantity].to_numpy(float)
    if nothing_to_show(ax, values):
        return pd.DataFrame(columns=["multiple", "step", "median", "n", "diverged"])
    for (_, c), own in table.groupby(["row", "multiple"]):
        _member(ax, own, quantity, rate_color(rates, c))
    medians = table.groupby(["multiple", "step"])[quantity].median().rename("median").reset_index()
    counts = table.groupby(["multiple", "step"])["diverged"].agg(["size", "sum"]).to_numpy()
    medians["n"], medians["diverged"] = counts[:, 0], counts[:, 1].astype(int)
    for c, own in medians.groupby("multiple"):
        y = own["median"].where(np.isfinite(own["median"]))
        ax.plot(own["step"], y, color=rate_color(rates, c), linewidth=1.6, zorder=3)
    ax.set_xlabel("step")
    ax.margins(x=0.02)
    low, high = ax.get_ylim()
    if log and high > 3 * low:  # else 1, 2, 5, ... would be too few
        plain_log_ticks(ax)
    return medians


def _member(ax: Axes, own: pd.DataFrame, quantity: str, color: Any) -> None:
    y = own[quantity].where(np.isfinite(own[quantity]))
    ax.plot(own["step"], y, color=color, linewidth=0.6, alpha=0.45, zorder=2)
    last = y.last_valid_index()
    if own["diverged"].any() and last is not None:
        ax.plot(own["step"][last], y[last], marker="x", color=color, markersize=4, zorder=4)


def diverged_count(table: pd.DataFrame) -> tuple[int, int]:
    """Trajectories that diverged, and how many there are."""
    ended = table.groupby(["row", "multiple"])["diverged"].any()
    return int(ended.sum()), len(ended)


def log_steps(ax: Axes) -> None:
    """A log axis of steps that starts at 0 (even between 0 and 1)."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t:g}"))
    ax.set_xlim(left=0)
