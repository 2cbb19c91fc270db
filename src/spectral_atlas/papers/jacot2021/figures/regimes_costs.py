"""Train and test cost of one depth against the step, a colour for each gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    along_path,
    at_end,
    end_mark,
    networks_text,
)
from spectral_atlas.papers.jacot2021.figures.regimes_shared import (
    Sample,
    each,
    lost_text,
    samples,
    step_axis,
    value_axis,
)
from spectral_atlas.plotting.facts import span
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

COSTS = {
    "train": (r"$C(A_\theta)\,/\,C(0)$", "-"),
    "test": (r"$C_\mathrm{test}(A_\theta)\,/\,C_\mathrm{test}(0)$", "--"),
}


def costs(inputs: Inputs, style: Style, depth: int) -> Drawing:
    """The costs of all targets, the first one bold; crosses where a run was cut off."""
    found = samples(inputs, depth, style)
    table = _table(found)
    figure, axes = plt.subplots(1, 2, figsize=size(style, 0.5), sharex=True)
    for text, ax, cost in zip("ab", axes, COSTS, strict=True):
        own = table[table["cost"] == cost]
        if nothing_to_show(ax, own["value"]):
            continue
        step_axis(ax, own["step"].max())
        value_axis(ax, [own["value"].to_numpy()])
        for sample in found:
            _draw(ax, own, sample, COSTS[cost][1])
        ax.axhline(1, color="black", linestyle=":", linewidth=0.8, zorder=0)
        ax.set_ylabel(COSTS[cost][0])
        letter(ax, text, f"{cost}, L = {depth}")
    _legend(figure, found)
    return Drawing(figure, table, _facts(found, depth))


def relative(sample: Sample, member: int, cost: str) -> np.ndarray:
    """A cost along one path, over that of A = 0."""
    source, name, zero = (
        (sample.runs, "train_cost", sample.runs["cost_at_zero"])
        if cost == "train"
        else (sample.spectra, "test_cost", sample.spectra["test_at_zero"])
    )
    return along_path(source, sample.runs, member, name) / float(zero.values[member])


def _table(found: list[Sample]) -> pd.DataFrame:
    names = ("gamma", "depth", "width", "target", "initialization", "fate", "member")
    frames = [pd.DataFrame(columns=["cost", *names, "bold", "step", "value"], dtype=float)]
    for sample in found:
        for row in sample.rows.to_dict("records"):
            step = along_path(sample.runs, sample.runs, row["member"], "step")
            same = {name: row[name] for name in names}
            frames += [
                pd.DataFrame(
                    {"cost": cost, **same, "bold": row["member"] == sample.bold, "step": step}
                    | {"value": relative(sample, row["member"], cost)}
                )
                for cost in COSTS
            ]
    return pd.concat(frames[1:] or frames, ignore_index=True)


def _draw(ax: Axes, table: pd.DataFrame, sample: Sample, style: str) -> None:
    own = table[np.isclose(table["gamma"].to_numpy(float), sample.gamma)]
    for _, path in own.groupby("member"):
        bold = bool(path["bold"].iloc[0])
        ax.plot(
            path["step"], path["value"], style, color=sample.color,
            linewidth=1.8 if bold else 0.6, alpha=1 if bold else 0.5, zorder=4 if bold else 2,
        )  # fmt: skip
        end = path.iloc[-1]
        end_mark(ax, end["step"], end["value"], end["fate"], sample.color)


def _legend(figure: Any, found: list[Sample]) -> None:
    handles = [Line2D([], [], color=s.color, linewidth=1.8, label=s.label) for s in found]
    look: dict[str, Any] = {"color": "0.3", "linestyle": ""}
    fates = {str(fate) for sample in found for fate in sample.rows["fate"]}
    if "unfinished" in fates:
        handles.append(Line2D([], [], marker="x", label="cut off", **look))
    if "diverged" in fates:
        handles.append(Line2D([], [], marker="^", label="diverged", **look))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.5)


def _facts(found: list[Sample], depth: int) -> dict[str, Any]:
    tests, steps, rates = [], [], []
    for sample in found:
        at, stopped = sample.rows["member"], sample.rows["fate"] == "stopped"
        test = at_end(sample.spectra, sample.runs, "test_cost")
        test = test / sample.spectra["test_at_zero"].values
        tests.append(span(test[at], 2))
        rates.append(span(sample.runs["learning_rate"].values[at]))
        steps.append(span(sample.runs["last_step"].values[at[stopped]], 3))
    shares = [
        (at_end(s.runs, s.runs, "train_cost") / s.runs["cost_at_zero"].values)[
            s.rows["member"][s.rows["fate"] == "stopped"]
        ]
        for s in found
    ]
    reached = np.concatenate([*shares, np.zeros(0)])
    return {
        "depth": depth,
        "bold_target": int(found[0].runs["target"].values[found[0].bold]) if found else "n/a",
        "members": each(found, [networks_text(s.rows) for s in found]),
        "widths": each(found, [str(s.width) for s in found]),
        "rates": each(found, rates),
        "share": span(np.array([reached.max() if reached.size else np.nan]), 1),
        "steps": each(found, steps),
        "tests": each(found, tests),
        "lost": lost_text(found),
    }
