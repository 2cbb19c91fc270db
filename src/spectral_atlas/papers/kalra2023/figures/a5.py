"""Cross-entropy: early trajectories, relations between the constants, and saturation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.columns import octave_ticks, select
from spectral_atlas.papers.kalra2023.figures.relations import (
    RATIO_MAP,
    ratio_norm,
    relation_limits,
    relation_panel,
    violations_text,
)
from spectral_atlas.papers.kalra2023.figures.saturation_panels import (
    draw_ratios,
    lost_text,
)
from spectral_atlas.papers.kalra2023.figures.shared import Inputs, runs_frame, seeds_text
from spectral_atlas.papers.kalra2023.figures.trajectories import (
    diverged_count,
    rate_color,
    rate_map,
    recorded,
    trajectory_panel,
)
from spectral_atlas.papers.kalra2023.saturation_curves import Curve, curves
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

PAIRS = (("c_loss", "c_sharp"), ("c_sharp", "c_max"))
QUANTITIES = {"relative": r"$L_t/L_0$", "ratio": r"$\lambda_t/\lambda_0$"}
OUTPUTS: dict[str, Any] = {"standard": "solid", "zero": (0, (3, 1.5))}
NAMES = {"standard": "standard output", "zero": "last layer zero"}
LETTERS = "abcdefghijkl"
COLUMNS = 3


def a5(inputs: Inputs, style: Style) -> Drawing:
    """Two rows of trajectories, one column a network; below relations and saturation."""
    runs, frame = inputs["runs/cross_entropy"], runs_frame(inputs, ["cross_entropy"])
    networks = sorted({(int(d), int(w)) for d, w in zip(frame["depth"], frame["width"])})[:COLUMNS]  # noqa: B905
    rates = rate_map(runs["multiple"].values.tolist())
    figure = plt.figure(figsize=size(style, 1.0))
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.45, 1))
    above, below = parts[:, 0]
    axes = above.subplots(2, len(networks), sharex=True, sharey="row", squeeze=False)
    tables = []
    for i, (depth, width) in enumerate(networks):
        table = _trajectories(runs, frame, depth, width, axes[:, i], rates)
        letter(axes[0, i], LETTERS[i], f"$d={depth}$, $w={width}$")
        tables.append(table.assign(panel=LETTERS[i]))
    for ax, label in zip(axes[:, 0], QUANTITIES.values(), strict=True):
        ax.set_ylabel(label)
        octave_ticks(ax)
    above.legend(handles=_handles(rates, runs), loc="outside lower center", ncols=6)
    lower = below.subplots(1, COLUMNS)
    n = len(networks)
    found = _relations(lower[:2], frame, LETTERS[n : n + 2])
    below.legend(handles=_points(frame), loc="outside lower center", ncols=5)
    late, text = _saturation(lower[2], inputs, style)
    letter(lower[2], LETTERS[n + 2], "saturation; $d$, $w$")
    shown = pd.concat(tables, ignore_index=True)
    lost, total = diverged_count(shown.assign(row=shown["row"].astype(str) + shown["output"]))
    facts = _facts(frame, shown, found) | text | {"diverged": lost, "trajectories": total}
    late = late.assign(panel=LETTERS[n + 2])
    return Drawing(figure, pd.concat([shown, *found, late], ignore_index=True), facts)


def _trajectories(
    runs: Any, frame: pd.DataFrame, depth: int, width: int, axes: np.ndarray, rates: ScalarMappable
) -> pd.DataFrame:
    """Loss and sharpness of both outputs; the zero one dashed."""
    tables = []
    for output, dashes in OUTPUTS.items():
        mask = np.zeros(len(frame), dtype=bool)
        mask[select(frame, depth=depth, width=width, output=output)["row"]] = True
        table = recorded(runs, mask).assign(output=output, depth=depth, width=width)
        first = table.groupby(["row", "multiple"])["loss"].transform("first").astype(float)
        table["relative"] = table["loss"].astype(float) / first
        for ax, quantity in zip(axes, QUANTITIES, strict=True):
            before = len(ax.lines)
            if len(table):
                trajectory_panel(ax, table, quantity, rates)
            for line in ax.lines[before:]:
                if line.get_linestyle() != "None":
                    line.set_linestyle(dashes)
        tables.append(table)
    for ax in axes:
        ax.set_yscale("log", base=2)
        reference(ax, 1.0, style="-", color="0.6", zorder=1.6)
    axes[0].set_xlabel("")
    return pd.concat(tables, ignore_index=True)


def _handles(rates: ScalarMappable, runs: Any) -> list[Line2D]:
    looks: Any = {"linewidth": 1.6}
    tones = [
        Line2D([], [], color=rate_color(rates, c), label=f"$c={quoted(float(c))}$", **looks)
        for c in runs["multiple"].values
    ]
    kinds = [
        Line2D([], [], color="0.3", linestyle=dashes, label=NAMES[o], **looks)
        for o, dashes in OUTPUTS.items()
    ]
    return tones + kinds


def _relations(axes: np.ndarray, frame: pd.DataFrame, texts: str) -> list[pd.DataFrame]:
    markers = dict(zip(OUTPUTS, MARKERS, strict=False))
    names = [c for pair in PAIRS for c in pair]
    limits = relation_limits(frame[names].to_numpy(float))
    tables = []
    for ax, (x, y), text in zip(axes, PAIRS, texts, strict=True):
        pairs = relation_panel(
            ax, frame, x, y, norm=ratio_norm(frame), markers=markers, by="output", limits=limits,
            counts=False,
        )  # fmt: skip
        letter(ax, text, violations_text(pairs).split(",")[0])
        keep = ["depth", "width", "seed", "output", "x", "y", "decided", "violated", "by_one"]
        tables.append(pairs[keep].assign(panel=text, first=x, second=y))
    return tables


def _points(frame: pd.DataFrame) -> list[Line2D]:
    """Legend of the relations: markers of the outputs, colours of d/w."""
    norm = ratio_norm(frame)
    look: dict[str, Any] = {"linestyle": "none"}
    kinds = zip((NAMES[o] for o in OUTPUTS), MARKERS, strict=False)
    handles = [Line2D([], [], color="0.3", marker=m, label=o, **look) for o, m in kinds]
    for (ratio, depth, width), _ in frame.groupby(["ratio", "depth", "width"]):
        tone, label = RATIO_MAP(norm(ratio)), f"$d={depth}$, $w={width}$"
        handles.append(Line2D([], [], color=tone, marker="D", label=label, **look))
    return handles


def _saturation(ax: Axes, inputs: Inputs, style: Style) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Sharpness after equal times, networks trained with the cross-entropy only."""
    study = inputs["runs/saturation_variants"]
    kept = np.flatnonzero(study["loss_name"].values == "cross_entropy")
    found = curves(study.isel(run=kept)) if kept.size else []
    tones = colors(style, max(len(found), 1))
    table = draw_ratios(ax, found, tones, ceiling=2.0)
    ax.set_ylabel(r"$\lambda_\tau/\lambda_0$")
    if found:
        handles = [
            Line2D([], [], color=tone, marker=m, label=_short(curve))
            for curve, tone, m in zip(found, tones, MARKERS, strict=False)
        ]
        ax.legend(handles=handles, handlelength=1.2, loc="upper right", borderaxespad=0.1)
        ax.set_ylim(top=1.25 * ax.get_ylim()[1])
    return table, {"time": quoted(float(study.attrs["time"])), "saturation_lost": lost_text(found)}


def _short(curve: Curve) -> str:
    return f"{curve.depth}, {curve.width}; n = {len(curve.ratio)}"


def _facts(frame: pd.DataFrame, shown: pd.DataFrame, found: list[pd.DataFrame]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "runs": len(frame),
        "seeds": seeds_text(frame, ["depth", "width", "output"]),
        "recorded": int(shown.groupby(["output", "row"]).ngroups),
        "networks": shown.groupby(["depth", "width"]).ngroups,
    }
    for table in found:
        for output in OUTPUTS:
            own = table[(table["output"] == output) & table["decided"]]
            name = f"{output}_{table['first'].iloc[0][2:]}" if len(table) else output
            hits = int(own["violated"].sum())
            facts[f"{name}_violated"] = f"{hits} of {counted(len(own), 'run')}"
    last = shown[(shown["step"] == shown["step"].max()) & (shown["multiple"] == 1.0)]
    for output in OUTPUTS:
        ratio = last[last["output"] == output]["ratio"].to_numpy(float)
        low, high = (ratio.min(), ratio.max()) if ratio.size else (np.nan, np.nan)
        facts[f"{output}_reduction"] = f"{quoted(low, 2)} to {quoted(high, 2)}"
    return facts
