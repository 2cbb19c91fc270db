"""Singular values of A_theta against the step, a panel for each gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.jacot2021.figures.common import (
    FATES,
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
)
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.panels import letter, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

REST = "0.6"  # singular values that A* does not have


def values(inputs: Inputs, style: Style, depth: int) -> Drawing:
    """All singular values of the first target, bold; of the others those up to rank + 1, thin."""
    found = samples(inputs, depth, style)
    data = inputs["data/completion"]
    rank = int(data.attrs["rank"])
    tones = colors(style, rank)
    table = _table(found, rank)
    figure, axes = plt.subplots(
        2, 2, figsize=size(style, 0.82), sharex=True, sharey=True, squeeze=False
    )
    if nothing_to_show(axes[0, 0], table["value"]):
        found = []
    else:
        step_axis(axes[0, 0], table["step"].max())
        kept = table["value"][table["fate"] != "diverged"]
        tops = [0.0, *kept, *(star(data, sample)[0] for sample in found)]
        axes[0, 0].set_ylim(0, 1.05 * np.nanmax(tops))
    flat = list(axes.ravel())
    for k, (ax, sample) in enumerate(zip(flat, found, strict=False)):
        _draw(ax, table, sample, tones)
        _goals(ax, star(data, sample), tones)
        letter(ax, "abcd"[k], sample.label)
        lowest = k + 2 >= len(found)
        ax.set(xlabel="step" * lowest, ylabel=r"$s_i(A_\theta)$" * (k % 2 == 0))
        ax.tick_params(labelbottom=lowest)
    for ax in flat[max(len(found), 1) :]:
        ax.set_visible(False)
    _legend(figure, tones, found)
    return Drawing(figure, table, _facts(found, depth, rank, data))


def star(data: Any, sample: Sample) -> np.ndarray:
    """Nonzero singular values of A* of the bold target."""
    target = int(sample.runs["target"].values[sample.bold])
    matrix = float(sample.runs.attrs["scale"]) * data["matrix"].sel(target=target).values
    return np.linalg.svd(matrix, compute_uv=False)[: int(data.attrs["rank"])]


def _table(found: list[Sample], rank: int) -> pd.DataFrame:
    names = ("gamma", "depth", "width", "target", "initialization", "fate", "member")
    frames = [pd.DataFrame(columns=[*names, "bold", "index", "step", "value"], dtype=float)]
    for sample in found:
        for row in sample.rows.to_dict("records"):
            bold = row["member"] == sample.bold
            step = along_path(sample.runs, sample.runs, row["member"], "step")
            s = along_path(sample.spectra, sample.runs, row["member"], "singular_values")
            same = {name: row[name] for name in names} | {"bold": bold, "step": step}
            for i in range(s.shape[1] if bold else min(rank + 1, s.shape[1])):
                frames.append(pd.DataFrame(same | {"index": i + 1, "value": s[:, i]}))
    return pd.concat(frames[1:] or frames, ignore_index=True)


def _draw(ax: Axes, table: pd.DataFrame, sample: Sample, tones: list) -> None:
    own = table[np.isclose(table["gamma"].to_numpy(float), sample.gamma)]
    for (_, index), path in own.groupby(["member", "index"]):
        bold = bool(path["bold"].iloc[0])
        color = tones[index - 1] if index <= len(tones) else REST
        ax.plot(
            path["step"], path["value"], color=color, linewidth=1.6 if bold else 0.5,
            alpha=1 if bold else 0.45, zorder=(4 if bold else 2) - (color == REST),
        )  # fmt: skip
        end = path.iloc[-1]
        end_mark(ax, end["step"], end["value"], end["fate"], color)


def _goals(ax: Axes, goals: np.ndarray, tones: list) -> None:
    """Singular values of A*: triangles on the right end of the axes."""
    for goal, tone in zip(goals, tones, strict=True):
        ax.plot(
            1.0, goal, marker="<", color=tone, markersize=5, markeredgecolor="black",
            markeredgewidth=0.5, clip_on=False, zorder=7, transform=ax.get_yaxis_transform(),
        )  # fmt: skip


def _legend(figure: Any, tones: list, found: list[Sample]) -> None:
    handles = [
        Line2D([], [], color=tone, linewidth=1.6, label=rf"$s_{i + 1}$")
        for i, tone in enumerate(tones)
    ]
    handles.append(Line2D([], [], color=REST, linewidth=1.6, label=rf"$s_{len(tones) + 1},\ldots$"))
    handles.append(
        Line2D(
            [], [], marker="<", color="0.6", linestyle="", markeredgecolor="black",
            markeredgewidth=0.5, label=r"$s_i(A^\ast)$ of the bold target",
        )
    )  # fmt: skip
    for fate, label in (("unfinished", "cut off"), ("diverged", "diverged")):
        if any((s.rows["fate"] == fate).any() for s in found):
            handles.append(
                Line2D([], [], color="0.3", marker=FATES[fate], linestyle="", label=label)
            )
    figure.legend(handles=handles, loc="outside lower center", ncols=6, handlelength=1.5)


def _facts(found: list[Sample], depth: int, rank: int, data: Any) -> dict[str, Any]:
    ends, gaps = [], []
    for sample in found:
        s = at_end(sample.spectra, sample.runs, "singular_values")
        ends.append(listed([str(quoted(float(v))) for v in s[sample.bold, : rank + 1]]))
        at = sample.rows["member"].to_numpy()
        inside = s.shape[1] > rank
        gaps.append(span(s[at, rank] / s[at, 0] if inside else np.array([np.nan]), 2))
    goals = [str(quoted(float(v))) for v in star(data, found[0])] if found else []
    return {
        "depth": depth,
        "rank": rank,
        "next": rank + 1,
        "bold_target": int(found[0].runs["target"].values[found[0].bold]) if found else "n/a",
        "members": each(found, [networks_text(s.rows) for s in found]),
        "star": listed(goals),
        "ends": each(found, ends),
        "gaps": each(found, gaps),
        "lost": lost_text(found),
    }
