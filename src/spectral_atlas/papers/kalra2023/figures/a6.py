"""Output at initialization: its scale, its two ways of being zero, and both losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from spectral_atlas.papers.kalra2023.figures.columns import (
    Groups,
    column_panel,
    paired,
    select,
    spread_text,
    with_reduction,
)
from spectral_atlas.papers.kalra2023.figures.diagram_parts import LOOKS
from spectral_atlas.papers.kalra2023.figures.relations import relation_limits
from spectral_atlas.papers.kalra2023.figures.shared import (
    SYMBOLS,
    Inputs,
    censored_text,
    runs_frame,
    seeds_text,
    summarize_constants,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("output", "cross_entropy", "fcn", "fcn_deep")
SHOWN = ["c_loss", "c_sharp", "c_max"]
REDUCTION: dict[str, Any] = {"reduction": {"color": COLORBLIND[0], "marker": "o"}}
PAIRS = (
    ("c", "MSE: last layer zero", ("zero", "mse"), ("centred", "mse"), "$f-f_0$"),
    ("d", "MSE: standard", ("standard", "mse"), ("zero", "mse"), "last layer zero"),
    ("e", "cross-entropy: standard", ("standard", "cross_entropy"), ("zero", "cross_entropy"),
     "last layer zero"),
)  # fmt: skip


def a6(inputs: Inputs, style: Style) -> Drawing:
    """Constants and the reduction against the scale, and constants of paired runs."""
    frame = compared_runs(inputs)
    groups = scales(frame)
    figure = plt.figure(figsize=size(style, 0.98))
    axes = figure.subplot_mosaic(
        [list("aaaaaa"), list("bbbbbb"), list("ccddee")],
        gridspec_kw={"height_ratios": (1.25, 0.7, 1.15)},
    )
    tables = [
        column_panel(axes["a"], groups, SHOWN, LOOKS).assign(panel="a"),
        column_panel(axes["b"], groups, ["reduction"], REDUCTION).assign(panel="b"),
    ]
    every = pd.concat([*groups.values(), frame.iloc[:0]])
    nothing_to_show(axes["a"], every[SHOWN].to_numpy(float))
    nothing_to_show(axes["b"], every["reduction"])
    reference(axes["a"], 2.0, style="--", color="0.25", zorder=1.6)
    reference(axes["b"], 1.0, style="-", color="0.5", zorder=1.6)
    axes["a"].tick_params(labelbottom=False)
    axes["a"].set_ylabel(r"$c=\eta\lambda_0$")
    axes["b"].set_ylabel(r"$\lambda_{10}/\lambda_0$, $c=1$")
    axes["b"].set_xlabel(r"output at initialization; numbers: its scale $\alpha$")
    sizes = {(int(d), int(w)) for d, w in zip(every["depth"], every["width"], strict=True)}
    title = ", ".join(f"$d={d}$, $w={w}$" for d, w in sorted(sizes))
    letter(axes["a"], "a", f"{title}, MSE")
    letter(axes["b"], "b", "sharpness after ten steps")
    limits = relation_limits(frame[SHOWN].to_numpy(float))
    for text, x_label, x, y, y_label in PAIRS:
        left, right = (
            select(frame, output=output, loss_name=loss, alpha=1.0) for output, loss in (x, y)
        )
        both = paired(left, right)
        tables.append(_scatter(axes[text], both, limits).assign(panel=text))
        axes[text].set(xlabel=x_label, ylabel=y_label)
        letter(axes[text], text, f"n = {len(both)}")
    handles = [Line2D([], [], label=SYMBOLS[c], **{"linestyle": "none", **LOOKS[c]}) for c in SHOWN]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    bounds = censored_text(summarize_constants(frame, ["output", "loss_name"], SHOWN))
    if bounds:
        note(figure, bounds.replace("arrow heads", "arrow heads and crosses"))
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(frame, groups))


def compared_runs(inputs: Inputs) -> pd.DataFrame:
    """Runs of other outputs and losses, and the standard ones of the same depths and widths."""
    frame = with_reduction(
        runs_frame(inputs, STUDIES), {name: inputs[f"runs/{name}"] for name in STUDIES}
    )
    changed = frame["study"].isin(["output", "cross_entropy"]).to_numpy()
    sizes = list(zip(frame["depth"], frame["width"], strict=True))
    wanted = {size for size, own in zip(sizes, changed, strict=True) if own}
    same = np.array([size in wanted for size in sizes])
    return frame[changed | same].reset_index(drop=True)


def scales(frame: pd.DataFrame) -> Groups:
    """Runs of the network whose output was scaled: zero, centred, then by rising alpha."""
    mse = select(frame, loss_name="mse")
    scaled = mse[mse["alpha"] != 1.0]
    if scaled.empty:
        return {}
    depth, width = int(scaled["depth"].iloc[0]), int(scaled["width"].iloc[0])
    own = select(mse, depth=depth, width=width)
    groups = {
        "zero\nlayer": select(own, output="zero"),
        "$f-f_0$\n": select(own, output="centred"),
    }
    for alpha, part in select(own, output="standard").groupby("alpha"):
        groups[f"{alpha:g}"] = part
    return {label: part for label, part in groups.items() if len(part)}


def _scatter(ax: Axes, both: pd.DataFrame, limits: tuple[float, float]) -> pd.DataFrame:
    """One constant of each run against the same of its partner, and y = x; bounds are crosses."""
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    rows = []
    for name in SHOWN:
        x, y = (both[f"{name}_{side}"].to_numpy(float) for side in ("left", "right"))
        ends = [both[f"end{name[1:]}_{side}"].to_numpy() != 0 for side in ("left", "right")]
        bound = (ends[0] | ends[1]) if len(both) else np.zeros(0, dtype=bool)
        color, marker = LOOKS[name]["color"], LOOKS[name]["marker"]
        open_ = name == "c_loss"
        ax.scatter(
            x[~bound], y[~bound], s=9, marker=marker, facecolors="none" if open_ else color,
            edgecolors=color, linewidths=0.7 if open_ else 0, alpha=0.75, zorder=3,
        )  # fmt: skip
        ax.scatter(x[bound], y[bound], s=12, marker="x", color=color, linewidths=0.8, zorder=3)
        rows.append(both[["depth", "width", "seed"]].assign(quantity=name, x=x, y=y, bound=bound))
    table = pd.concat(rows, ignore_index=True)
    nothing_to_show(ax, table["x"])
    ax.plot(limits, limits, color="0.3", linestyle="--", linewidth=1, zorder=2)
    ax.set(xlim=limits, ylim=limits)
    powers = np.arange(np.ceil(np.log2(limits[0])), np.floor(np.log2(limits[1])) + 1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(list(2.0 ** powers[:: 1 if len(powers) < 5 else 2])))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda c, _: f"{c:g}"))
    return table


def _facts(frame: pd.DataFrame, groups: Groups) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "loss_by_scale": "; ".join(
            f"{label.split(chr(10))[0]}: {spread_text(own['c_loss'])}"
            for label, own in groups.items()
        ).replace("$", "") or "n/a",
        "reduction_by_scale": "; ".join(
            f"{label.split(chr(10))[0]}: {quoted(float(own['reduction'].median()), 2)}"
            for label, own in groups.items()
        ).replace("$", "") or "n/a",
        "seeds": "; ".join(sorted({seeds_text(own) for own in groups.values()})) or "n/a",
        "recorded": sum(int(own["reduction"].notna().sum()) for own in groups.values()),
        "sharp_at_start": sum(int((own["end_sharp"] == -1).sum()) for own in groups.values()),
    }  # fmt: skip
    for text, _, x, y, _ in PAIRS:
        left, right = (
            select(frame, output=output, loss_name=loss, alpha=1.0) for output, loss in (x, y)
        )
        both = paired(left, right)
        facts[f"{text}_pairs"] = len(both)
        for name in SHOWN:
            ratio = both[f"{name}_left"] / both[f"{name}_right"]
            facts[f"{text}_{name[2:]}"] = spread_text(ratio)
    return facts
