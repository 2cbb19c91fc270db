"""A wide path and the greedy paths on a plane of parameter space, and distances to the saddles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    gamma_label,
    panel_letter,
    panel_letters,
)
from spectral_atlas.papers.jacot2021.figures.paths_shared import greedy_member, stages_table
from spectral_atlas.plotting.facts import MISSING, listed, quoted
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

Array = np.ndarray


def fig1a(inputs: Inputs, style: Style) -> Drawing:
    """For each gamma, the plane on the left and the distances to saddles on the right."""
    plane = inputs["runs/plane"]
    rows, stages = plane.sizes["gamma"], plane.sizes["stage"]
    tones = colors(style, max(stages + 1, 4))
    figure, axes = plt.subplots(
        rows, 2, squeeze=False, figsize=size(style, 0.44 * rows + 0.08),
        gridspec_kw={"width_ratios": (1, 1.05)},
    )  # fmt: skip
    facts = _problem_facts(plane, inputs["runs/greedy"])
    arrived, tables = bool(facts["minimum"]), []
    for i, (left, right) in enumerate(axes):
        one = plane.isel(gamma=i)
        tables += [_plane_panel(left, one, tones, arrived), _distance_panel(right, one, tones)]
        title = gamma_label(float(one["gamma"]))
        letter(left, panel_letter(2 * i), title)
        letter(right, panel_letter(2 * i + 1), title)
    _legend(figure, stages, tones, arrived)
    facts |= {
        "planes": panel_letters(range(0, 2 * rows, 2)),
        "steps": panel_letters(range(1, 2 * rows, 2)),
        "never": listed([text for i in range(rows) if (text := _never_text(plane.isel(gamma=i)))]),
    }
    facts["distances"] = "; ".join(_distances_text(plane.isel(gamma=i)) for i in range(rows))
    return Drawing(figure, pd.concat(tables, ignore_index=True), facts)


def _on_path(one: xr.Dataset) -> Array:
    return np.flatnonzero(one["step"].values >= 0)


def _met(one: xr.Dataset) -> Array:
    """Whether the wide path ever has the rank of a saddle, for each."""
    return np.asarray(one["passed_at"].values >= 0)


def _plane_panel(ax: Axes, one: xr.Dataset, tones: list[Any], arrived: bool) -> pd.DataFrame:
    """Both coordinates along the wide path and the greedy ones; saddles, last end and origin."""
    gamma, kept = float(one["gamma"]), _on_path(one)
    wide = one["coordinates"].values[kept]
    ax.plot(*wide.T, color=tones[0], linewidth=3.2, alpha=0.75, zorder=3)  # under the others
    frames = [_points("wide path", wide, gamma, step=one["step"].values[kept])]
    for stage, path in zip(one["stage"].values, one["greedy"].values, strict=True):
        path = path[np.isfinite(path).all(1)]
        ax.plot(*path.T, color=tones[stage], linewidth=1.2, zorder=4)
        frames.append(_points("greedy path", path, gamma, stage=stage))
    ends = one["saddles"].values
    ax.plot(*ends[:-1].T, "o", color="black", markersize=4.5, zorder=6)
    ax.plot(*ends[-1], marker="*" if arrived else "x", color="black", markersize=7, linestyle="",
            zorder=6)  # fmt: skip
    ax.plot(0, 0, marker="+", color="black", markersize=8, linestyle="", zorder=6)
    passed = wide[np.isin(one["step"].values[kept], one["passed_at"].values)]
    ax.plot(
        *passed.T, "s", color=tones[0], markerfacecolor="white", markersize=3.5, zorder=5
    )  # fmt: skip
    ax.set(xlabel="along the first saddle", ylabel=f"along the rest of the {_last_name(arrived)}")
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    frames.append(_points("saddle", ends, gamma, stage=one["stage"].values))
    return pd.concat(frames, ignore_index=True)


def _last_name(arrived: bool) -> str:
    return "minimum" if arrived else "last end"


def _points(kind: str, xy: Array, gamma: float, **more: Any) -> pd.DataFrame:
    values = {"panel": "plane", "kind": kind, "gamma": gamma, "x": xy[:, 0], "y": xy[:, 1]}
    return pd.DataFrame(values | more)


def _distance_panel(ax: Axes, one: xr.Dataset, tones: list[Any]) -> pd.DataFrame:
    """Distance of the wide path to each end of a greedy stage, against |theta_0|.

    None to a saddle whose rank the path never has: what that was rotated to is no plateau.
    """
    kept = _on_path(one)
    step, far = one["step"].values[kept], np.where(_met(one), one["distances"].values[kept], np.nan)
    for stage, passed, column in zip(
        one["stage"].values, one["passed_at"].values, far.T, strict=True
    ):
        if passed >= 0:
            ax.plot(step, column, color=tones[stage])
            ax.axvline(passed, color=tones[stage], linewidth=0.7, linestyle="--", zorder=1)
    start = float(np.sqrt(one["squared_norm"].values[0]))
    ax.axhline(start, color="black", linewidth=0.9, linestyle=":")
    ax.set_ylim(0, 1.05 * np.nanmax(np.append(far, start)))
    ax.set_xlim(0, max(float(step[-1]), 1.0))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set(xlabel="step", ylabel=r"distance to $\theta^k$")
    frame = pd.DataFrame(far, columns=one["stage"].values).assign(step=step)
    table = frame.melt("step", var_name="stage", value_name="distance")
    return table.assign(panel="distance", gamma=float(one["gamma"]), start_norm=start)


def _legend(figure: Figure, stages: int, tones: list[Any], arrived: bool) -> None:
    handles = [Line2D([], [], color=tones[0], linewidth=3.2, alpha=0.75, label="wide path")]
    handles += [
        Line2D([], [], color=tones[k], label=rf"greedy, width {k}") for k in range(1, stages + 1)
    ]
    marks = (("+", "origin"), ("o", "saddle"), ("*" if arrived else "x", _last_name(arrived)))
    handles += [
        Line2D([], [], color="black", linestyle="", marker=marker, label=label)
        for marker, label in marks
    ]
    handles.append(Line2D([], [], color="black", linestyle=":", label=r"$|\theta_0|$"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4, handlelength=1.6
    )


def _distances_text(one: xr.Dataset) -> str:
    start = float(np.sqrt(one["squared_norm"].values[0]))
    closest = np.nanmin(one["distances"].values, axis=0)
    pairs = zip(closest, _met(one), strict=True)
    numbers = ", ".join(f"{d / start:.3f}" if met else MISSING for d, met in pairs)
    return f"{gamma_label(float(one['gamma']))}: {numbers} of |θ₀| = {start:.3f}"


def _never_text(one: xr.Dataset) -> str:
    """``"θ¹, θ² (γ = 1.5)"``: saddles whose rank the path never has."""
    ranks = one["stage"].values[~_met(one)]
    names = ", ".join(f"θ^{k}" for k in ranks)
    return f"{names} ({gamma_label(float(one['gamma']))})" if names else ""


def _problem_facts(plane: xr.Dataset, greedy: xr.Dataset) -> dict[str, Any]:
    """What is shown, whether each greedy stage ended at a critical point, the last at a minimum."""
    depth, target = int(plane.attrs["depth"]), int(plane.attrs["target"])
    one = greedy_member(greedy, depth, target, epsilon=plane.attrs.get("epsilon"))
    facts: dict[str, Any] = {"depth": depth, "target": target, "width": int(plane.attrs["width"])}
    facts["stages"] = stages = plane.sizes["stage"]
    norms = plane["saddle_norms"].values[0]
    facts["norms"] = ", ".join(str(quoted(float(norm))) for norm in norms)
    if one is None:
        return facts | {"minimum": 0, "settled": MISSING, "epsilon": MISSING}
    table = stages_table(one)
    return facts | {
        "minimum": int(one["converged"]),
        "settled": int(table["settled"][1 : stages + 1].sum()),
        "epsilon": quoted(float(one["epsilon"])),
    }
