"""Intermediate saturation: sharpness after equal times, its derivatives, and where they peak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.saturation_panels import (
    CRITICAL,
    NULL,
    curve_label,
    draw_derivative,
    draw_ratios,
    estimates_text,
    lost_text,
)
from spectral_atlas.papers.kalra2023.figures.saturation_peaks import (
    peaks,
    statistics,
)
from spectral_atlas.papers.kalra2023.figures.saturation_statistics import (
    MAIN,
    UV,
    critical_panel,
    largest_panel,
    several_panel,
)
from spectral_atlas.papers.kalra2023.figures.shared import MIN_RUNS, Inputs
from spectral_atlas.papers.kalra2023.saturation_curves import SPACING, Curve, curves
from spectral_atlas.plotting.facts import MISSING, listed, quoted
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import MARKERS, colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style


def fig8(inputs: Inputs, style: Style) -> Drawing:
    """Saturation curves, susceptibilities, several statistics for c_crit, and the peak of chi."""
    study = inputs["runs/saturation"]
    found, uv = curves(study), _uv_curves(inputs["runs/uv"])
    tones = colors(style, len(found))
    figure, axes = plt.subplots(3, 2, figsize=size(style, 1.3), height_ratios=(1, 1, 1.25))
    located, peak = statistics([*found, *uv]), peaks(found)
    tables = [
        draw_ratios(axes[0, 0], found, tones),
        draw_derivative(axes[0, 1], found, tones, "chi"),
        draw_derivative(axes[1, 0], found, tones, "bend", scaled=True),
        critical_panel(axes[1, 1], [*found, *uv], located, tones),
        several_panel(axes[2, 0], [*found, *uv], located, tones),
        largest_panel(axes[2, 1], found, peak, tones),
    ]
    axes[0, 1].set_ylim(bottom=0)
    axes[1, 0].set_xlim(0.4, 4.6)
    axes[2, 0].set_xlim(0.9, 4.3)
    titles = (
        "", r"$\chi=-dr/dc$", r"$\chi'=-d^2r/dc^2$, each over its peak",
        rf"argmax of $\chi'$, $c$ in {MAIN}", "other statistics", r"peak of $\chi$",
    )  # fmt: skip
    for ax, text, title in zip(axes.ravel(), "abcdef", titles, strict=True):
        letter(ax, text, title)
    figure.legend(handles=_handles(found, uv, tones), loc="outside lower center", ncols=3)
    note(figure, lost_text(found))
    marked = [t.assign(panel=p) for t, p in zip(tables, "abcdef", strict=True)]
    return Drawing(
        figure, pd.concat(marked, ignore_index=True), _facts(study, found, located, peak)
    )


def _uv_curves(uv: xr.Dataset) -> list[Curve]:
    """Mean curves of the uv model as curves of one run each, against k."""
    return [
        Curve({"network": "uv", "depth": 2, "width": int(w)}, uv["sat_multiple"].values,
              mean[None])
        for w, mean in zip(uv["sat_width"].values,
                           uv["sat_trace"].transpose("sat_width", "sat_multiple").values,
                           strict=True)
    ]  # fmt: skip


def _handles(found: list[Curve], uv: list[Curve], tones: list[Any]) -> list[Any]:
    handles: list[Any] = [
        Line2D([], [], color=tone, marker=MARKERS[i % len(MARKERS)], label=curve_label(curve))
        for i, (curve, tone) in enumerate(zip(found, tones, strict=True))
    ]
    if uv:
        handles.append(Line2D([], [], label="uv model, each w", **UV))
    handles.append(Line2D([], [], label=r"null: flat $\chi'$", **NULL))
    handles.append(Line2D([], [], color="0.25", linestyle="--", linewidth=1, label=r"$c=2$"))
    return handles


def _facts(
    study: xr.Dataset, found: list[Curve], located: pd.DataFrame, peak: pd.DataFrame
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "time": quoted(float(study.attrs["time"])),
        "fewest": MIN_RUNS,
        "lost": sum(int(f.lost.sum()) for f in found),
        "spacing": SPACING,
        "seeds": "; ".join(curve_label(f) for f in found),
    }
    main = located[(located["quantity"] == "bend") & (located["window"] == MAIN)]
    for statistic in ("argmax", "centre"):
        own = main[main["statistic"] == statistic]
        facts[statistic] = estimates_text(own[own["network"] != "uv"])
        facts[f"{statistic}_apart"] = listed(_told_apart(own))
    own = main[main["statistic"] == "argmax"]
    facts["argmax_two"] = listed(_about_two(own))
    facts["argmax_uv"] = _span(own.loc[own["network"] == "uv", "value"])
    facts["centre_null"] = _span(main.loc[main["statistic"] == "centre", "null"])
    everywhere = located[(located["window"] == "all c") & (located["statistic"] == "argmax")]
    model = (everywhere["network"] == "uv") & (everywhere["quantity"] == "bend")
    facts["argmax_uv_everywhere"] = _span(everywhere.loc[model, "value"])
    facts["peaks"] = estimates_text(peak, 2)
    facts["falls"] = _falls(peak)
    return facts


def _falls(peak: pd.DataFrame) -> str:
    """``"2 of 3"`` steps to the next larger d/w after which the peak of chi is lower."""
    order = peak.assign(ratio=peak["depth"] / peak["width"]).sort_values("ratio", kind="stable")
    changes = np.diff(order["value"].to_numpy(float))
    return f"{int((changes < 0).sum())} of {len(changes)}"


def _about_two(own: pd.DataFrame) -> list[str]:
    """Networks whose interval holds c = 2."""
    return [f"({r.depth}, {r.width})" for r in own.itertuples() if r.low <= CRITICAL <= r.high]


def _told_apart(own: pd.DataFrame) -> list[str]:
    """Networks whose interval does not meet that of a flat curve."""
    return [
        f"({r.depth}, {r.width})"
        for r in own.itertuples()
        if r.high < r.null_low or r.low > r.null_high
    ]


def _span(values: pd.Series) -> str:
    kept = values[np.isfinite(values)]
    ends = sorted({str(quoted(float(v))) for v in (kept.min(), kept.max())}) if len(kept) else []
    return "–".join(ends) or MISSING
