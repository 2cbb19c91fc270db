"""Errors of estimates of the sharpness against the gap below the top eigenvalue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spectral_atlas.plotting.panels import jitter, nothing_to_show
from spectral_atlas.plotting.style import COLORBLIND, MARKERS

Array = np.ndarray
POWER_STEPS = 20
FLOOR = 1e-7  # of the errors' axis; certified values are no better


def estimator_errors(estimates: xr.Dataset) -> pd.DataFrame:
    """Relative errors of 20 power iterations and of short Lanczos runs, and the spectral gap.

    Returns
    -------
    DataFrame ``run, depth, width, seed, gap`` (1 - lambda_2 / lambda_1), ``estimator, error``
    (positive where too small).
    """
    best = estimates["certified"].values
    frame = pd.DataFrame(
        {name: estimates[name].values for name in ("depth", "width", "seed")}
        | {"run": np.arange(best.size), "gap": 1 - estimates["second"].values / best}
    )
    parts = [frame.assign(estimator="power", error=1 - estimates["power"].values / best)]
    for i, steps in enumerate(estimates["lanczos_steps"].values):
        error = 1 - estimates["lanczos"].values[:, i] / best
        parts.append(frame.assign(estimator=f"Lanczos {steps}", error=error))
    return pd.concat(parts, ignore_index=True)


def two_level_error(gap: Float[Array, " n"], steps: int = POWER_STEPS) -> Float[Array, " n"]:
    """Relative error of power iteration from equal parts of two eigenvectors.

    With r = 1 - gap the weights after n steps are as 1 to r^(2n), so that the Rayleigh quotient is
    too small by gap r^(2n) / (1 + r^(2n)).
    """
    weight = np.maximum(1 - gap, 0.0) ** (2 * steps)
    return gap * weight / (1 + weight)


def draw_errors(ax: Axes, errors: pd.DataFrame) -> pd.DataFrame:
    """Errors against the gap on log axes; what is below the floor is drawn on it."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    kinds = list(dict.fromkeys(errors["estimator"]))
    for i, kind in enumerate(kinds):
        own = errors[errors["estimator"] == kind]
        y = own["error"].to_numpy(float)
        shown = np.where(y > FLOOR, y, FLOOR)
        shown = shown * np.where(y > FLOOR, 1.0, 1.6 ** (2 * jitter(len(own), 1.0)))
        ax.plot(
            own["gap"], shown, linestyle="none", marker=MARKERS[i % len(MARKERS)], markersize=3,
            markeredgewidth=0, alpha=0.7, color=COLORBLIND[i % len(COLORBLIND)],
            label="20 power it." if kind == "power" else kind,
        )  # fmt: skip
    if not nothing_to_show(ax, errors["error"]):
        gaps = errors["gap"].to_numpy(float)
        gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
        if gaps.size:
            x = np.geomspace(gaps.min() / 1.2, min(gaps.max() * 1.2, 0.95), 100)
            ax.plot(x, two_level_error(x), color="black", linewidth=1, zorder=1.6)
        ax.set_ylim(FLOOR / 3, max(3 * float(np.nanmax(errors["error"])), 1e-3))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2, handletextpad=0.2,
                  columnspacing=1.0)  # fmt: skip
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(r"gap $1-\lambda_2/\lambda_1$")
    ax.set_ylabel("relative error")
    return errors
