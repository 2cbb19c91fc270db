"""Robustness: variants of training and network, and how the sharpness is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spectral_atlas.papers.kalra2023.figures.columns import (
    Groups,
    column_panel,
    paired,
    select,
    spread_text,
)
from spectral_atlas.papers.kalra2023.figures.diagram_parts import LOOKS
from spectral_atlas.papers.kalra2023.figures.estimator_errors import (
    draw_errors,
    estimator_errors,
    two_level_error,
)
from spectral_atlas.papers.kalra2023.figures.shared import (
    SYMBOLS,
    Inputs,
    censored_text,
    runs_frame,
    seeds_text,
    summarize_constants,
)
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STUDIES = ("variants", "authors", "fcn")
SHOWN = ["c_loss", "c_sharp", "c_max"]
VARIANT = ["activation", "output_exponent", "parameterization", "batch"]


def a8(inputs: Inputs, style: Style) -> Drawing:
    """Constants of the variants for each width, of both measurements, and estimators' errors."""
    frame = runs_frame(inputs, STUDIES)
    depth = int(select(frame, study="variants")["depth"].iloc[0])
    frame = select(frame, depth=depth)
    widths = _widths(frame)
    rows: list[Any] = [list("ab"[i] * 6) for i in range(len(widths))]
    last = "abcd"[len(widths) :]
    figure = plt.figure(figsize=size(style, 0.4 * len(widths) + 0.5))
    axes = figure.subplot_mosaic(
        [*rows, list(3 * last[0] + 3 * last[1])],
        gridspec_kw={"height_ratios": (*[1.0] * len(widths), 1.2)},
    )
    tables = []
    for text, width in zip("ab", widths, strict=False):
        ax = axes[text]
        groups = variants(select(frame, width=width))
        shown = pd.concat(groups.values())
        tables.append(column_panel(ax, groups, SHOWN, LOOKS).assign(panel=text, width=width))
        nothing_to_show(ax, shown[SHOWN].to_numpy(float))
        reference(ax, 2.0, style="--", color="0.25", zorder=1.6)
        letter(ax, text, f"$d={depth}$, $w={width}$, {seeds_text(shown, VARIANT)}")
        ax.set_ylabel(r"$c=\eta\lambda_0$")
    measured = both_measurements(frame)
    tables.append(_measurements(axes[last[0]], measured).assign(panel=last[0]))
    letter(axes[last[0]], last[0], f"the authors' measurement, {len(measured)} runs")
    errors = estimator_errors(inputs["spectra/estimators"])
    tables.append(draw_errors(axes[last[1]], errors).assign(panel=last[1]))
    letter(axes[last[1]], last[1], f"sharpness at the start, {errors['run'].nunique()} networks")
    handles = [Line2D([], [], label=SYMBOLS[c], **{"linestyle": "none", **LOOKS[c]}) for c in SHOWN]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    drawn = select(frame, width=widths, study=["variants", "fcn"])
    bounds = censored_text(summarize_constants(drawn, ["study"], SHOWN))
    if bounds:
        note(figure, bounds)
    return Drawing(figure, pd.concat(tables, ignore_index=True), _facts(frame, measured, errors))


def _widths(frame: pd.DataFrame) -> list[int]:
    """Up to two widths that most variants share, the narrow one first."""
    own = select(frame, study="variants")
    shared = {int(w): part.groupby(VARIANT).ngroups for w, part in own.groupby("width")}
    return sorted(sorted(shared, key=lambda w: (-shared[w], w))[:2])


def variants(frame: pd.DataFrame) -> Groups:
    """Runs of one width by variant: full batches, minibatches, then other networks."""
    plain: dict[str, Any] = {
        "activation": "relu", "output_exponent": 0.0, "parameterization": "standard", "batch": 0,
    }  # fmt: skip
    kept = select(frame, study=["variants", "fcn"])
    groups = {"full\nbatch": select(kept, **plain)}
    for batch in sorted(kept["batch"].unique(), reverse=True):
        if batch:
            groups[f"batch\n{batch}"] = select(kept, **plain | {"batch": batch})
    groups["tanh\n"] = select(kept, **plain | {"activation": "tanh"})
    groups["ReLU\n$s=0.5$"] = select(kept, **plain | {"output_exponent": 0.5})
    for s in (0.0, 0.5):
        other = {"activation": "linear", "parameterization": "neural_tangent", "output_exponent": s}
        groups[f"linear\n$s={s:g}$"] = select(kept, **plain | other)
    return {label: own for label, own in groups.items() if len(own)}


def both_measurements(frame: pd.DataFrame) -> pd.DataFrame:
    """The same runs with certified sharpness (_left) and with the authors' (_right).

    The column ``lambda_ratio`` is the authors' lambda_0 over the certified one.
    """
    authors = select(frame, study="authors")
    certified = select(frame, study="variants", batch=list(authors["batch"].unique()))
    on = ["batch", "activation", "parameterization", "output_exponent", "data", "network"]
    both = paired(certified, authors, on)
    return both.assign(lambda_ratio=both["lambda0_right"] / both["lambda0_left"])


def _measurements(ax: Axes, both: pd.DataFrame) -> pd.DataFrame:
    """By how many steps of the grid the authors' constant is off the certified one, by width."""
    groups = {}
    for width in sorted(both["width"].unique()):
        own = select(both, width=width)
        steps = {c: own[f"k{c[1:]}_right"] - own[f"k{c[1:]}_left"] for c in SHOWN}
        sought = {c: own[[f"{c}_left", f"{c}_right"]].notna().all(axis=1) for c in SHOWN}
        groups[f"$w={width}$"] = pd.DataFrame({c: steps[c].where(sought[c]) for c in SHOWN})
    table = column_panel(ax, groups, SHOWN, LOOKS, octaves=False)
    nothing_to_show(ax, pd.concat([*groups.values(), pd.DataFrame({"x": []})]).to_numpy(float))
    reference(ax, 0.0, style="-", color="0.5", zorder=1.6)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("authors' − certified (grid steps)")
    return table


def _facts(frame: pd.DataFrame, both: pd.DataFrame, errors: pd.DataFrame) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "runs": len(select(frame, study="variants")),
        "measured": counted(len(both), "run"),
        "lambda_ratio": spread_text(both["lambda_ratio"], 4),
    }
    for name in SHOWN:
        facts[f"authors_{name[2:]}"] = spread_text(both[f"{name}_right"] / both[f"{name}_left"])
    moved = both["k_sharp_right"] - both["k_sharp_left"]
    facts |= {"sharp_lower": int((moved < 0).sum()), "sharp_higher": int((moved > 0).sum())}
    power = errors[errors["estimator"] == "power"]
    facts["networks"] = len(power)
    for kind, own in errors.groupby("estimator"):
        values = own["error"].to_numpy(float)
        worst = 100 * np.nanmax(values) if np.isfinite(values).any() else np.nan
        facts[f"{str(kind).lower().replace(' ', '_')}_percent"] = quoted(float(worst), 2)
    facts["power_median_percent"] = quoted(float(100 * power["error"].median()), 2)
    facts["over_two_level"] = int((power["error"] > two_level_error(power["gap"].to_numpy())).sum())
    for width in _widths(frame):
        parts = [
            f"{label.replace(chr(10), ' ').replace('$', '').strip()}: "
            f"{quoted(float(own['c_loss'].median()))}/{quoted(float(own['c_sharp'].median()))}"
            f"/{quoted(float(own['c_max'].median()))}"
            for label, own in variants(select(frame, width=width)).items()
        ]
        facts.setdefault("medians", "")
        facts["medians"] += ("; " if facts["medians"] else "") + f"w = {width}: " + ", ".join(parts)
    return facts
