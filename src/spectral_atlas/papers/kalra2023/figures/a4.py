"""Saturation for other training sets, activations and losses, beside the first study's networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from spectral_atlas.papers.kalra2023.figures.data_names import DATA_NAMES
from spectral_atlas.papers.kalra2023.figures.saturation import mean_of
from spectral_atlas.papers.kalra2023.figures.saturation_panels import (
    CEILING,
    CRITICAL,
    NULL,
    draw_derivative,
    draw_ratios,
    estimates_text,
    lost_text,
    point,
)
from spectral_atlas.papers.kalra2023.figures.saturation_peaks import (
    argmax,
    largest,
    peaks,
    statistics,
)
from spectral_atlas.papers.kalra2023.figures.shared import MIN_RUNS, Inputs
from spectral_atlas.papers.kalra2023.saturation_curves import Curve, curves
from spectral_atlas.plotting.curves import reference
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.panels import letter, note, nothing_to_show
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

STEP = 0.5  # least distance of the points of a difference: the grid's
WINDOW = (1.0, 3.0)  # of the argmax of chi', as for the first study
PEAK = (0.0, 3.5)  # of the peak of chi: runs that grow without bound at larger c would be it
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Families = dict[str, list[Curve]]


def a4(inputs: Inputs, style: Style) -> Drawing:
    """r(c) and chi for each family beside the reference; below, peak of chi and argmax of chi'."""
    study = inputs["runs/saturation_variants"]
    families, reference_curves = _families(study), _reference(study, inputs["runs/saturation"])
    everything = [curve for own in families.values() for curve in own]
    widths = sorted({curve.width for curve in [*everything, *reference_curves]})
    tones = dict(zip(widths, colors(style, len(widths)), strict=True))
    count = max(len(families), 1)
    figure = plt.figure(figsize=size(style, 1.12))
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.5, 1), squeeze=False)[:, 0]
    axes = upper.subplots(2, count, sharey="row", squeeze=False)
    peak_ax, crit_ax = lower.subplots(1, 2)
    tables = []
    for column, own in zip(axes.T, families.values(), strict=False):
        tables += _family(column[0], column[1], own, reference_curves, tones)
    titles = [*families] or [""]
    for ax, text, title in zip(axes.ravel(), LETTERS, titles + [""] * count, strict=False):
        letter(ax, text, title)
        ax.label_outer(remove_inner_ticks=False)
        ax.tick_params(labelbottom=True)
    _limit_chi(axes[1, 0], [*everything, *reference_curves])
    together = {"images": reference_curves} | families
    found, peak = _located(together), _peak(together)
    tables += [
        _columns(peak_ax, peak, tones, together),
        _columns(crit_ax, found, tones, together),
    ]
    peak_ax.set(ylabel=r"$\chi_\mathrm{max}$")
    peak_ax.set_ylim(bottom=0)
    crit_ax.set(ylabel=r"$c_\mathrm{crit}$", ylim=(WINDOW[0] - 0.1, WINDOW[1] + 0.1))
    reference(crit_ax, CRITICAL, color="0.25", style="--", zorder=1.2)
    letter(peak_ax, LETTERS[2 * count], rf"peak of $\chi$, $c\leq{PEAK[1]:g}$")
    letter(crit_ax, LETTERS[2 * count + 1], r"argmax of $\chi'$, $c$ in [1, 3]")
    lower.legend(handles=_handles(tones), loc="outside lower center", ncols=3)
    note(figure, f"{lost_text(everything)}; triangles: beyond the axis")
    table = pd.concat([t for t in tables if len(t)], ignore_index=True)
    return Drawing(figure, table, _facts(study, families, found, peak))


def _families(study: xr.Dataset) -> Families:
    """Networks by what is different about them."""
    found: Families = {}
    for curve in curves(study, STEP):
        found.setdefault(_name(curve), []).append(curve)
    return found


def _name(curve: Curve) -> str:
    network = curve.network
    words = [DATA_NAMES.get(str(network["data"]), str(network["data"]))]
    if network["activation"] != "relu":
        words = [str(network["activation"])]
    if network["loss_name"] == "cross_entropy":
        words = ["cross-entropy"]
    return words[0]


def _reference(study: xr.Dataset, first: xr.Dataset) -> list[Curve]:
    """Networks of the first study of the same shapes as in this one; all where there is none."""
    found = curves(first, STEP)
    shapes = {(c.depth, c.width) for c in curves(study)}
    return [c for c in found if (c.depth, c.width) in shapes] or found


def _family(
    top: Axes, bottom: Axes, own: list[Curve], beside: list[Curve], tones: dict[int, Any]
) -> list[pd.DataFrame]:
    """r and chi of one family; the reference's means dotted."""
    shown = [tones[c.width] for c in own]
    tables = [draw_ratios(top, own, shown), draw_derivative(bottom, own, shown, "chi")]
    for curve in beside:
        look: dict[str, Any] = {"color": tones[curve.width], "linestyle": ":", "zorder": 3}
        top.plot(curve.c, mean_of(curve.ratio), **look)
        bottom.plot(curve.c, mean_of(curve.chi), **look)
    top.set(ylim=(0, CEILING), xlabel="", xticks=range(0, 9, 2))
    bottom.set_ylabel(r"$\chi$")
    return tables


def _limit_chi(ax: Axes, found: list[Curve]) -> None:
    """Common limits of the panels of chi: c up to `PEAK`, and what the means reach there."""
    for one in ax.get_shared_y_axes().get_siblings(ax):
        one.set_xlim(0.3, PEAK[1] + 0.1)
    means = [mean_of(c.chi)[c.c <= PEAK[1]] for c in found]
    flat = np.concatenate([*means, np.zeros(1)])
    flat = flat[np.isfinite(flat)]
    ax.set_ylim(1.3 * flat.min() - 0.01, 1.35 * max(flat.max(), 1e-3))


def _located(together: Families) -> pd.DataFrame:
    frames = []
    for name, own in together.items():
        found = statistics(own, {"[1, 3]": WINDOW})
        found = found[(found["quantity"] == "bend") & (found["statistic"] == "argmax")]
        frames.append(found.assign(family=name))
    return pd.concat(frames, ignore_index=True)


def _peak(together: Families) -> pd.DataFrame:
    frames = [peaks(own, PEAK).assign(family=name) for name, own in together.items()]
    return pd.concat(frames, ignore_index=True).assign(quantity="chi_max")


def _columns(
    ax: Axes, found: pd.DataFrame, tones: dict[int, Any], together: Families
) -> pd.DataFrame:
    """A column for each family, networks beside each other; behind them null or runs, if any."""
    names, shallow = list(dict.fromkeys(found["family"])), found["depth"].min()
    for place, name in enumerate(names):
        own = found[found["family"] == name].reset_index(drop=True)
        for slot, row in enumerate(own.itertuples()):
            x = place + 0.8 * ((slot + 0.5) / len(own) - 0.5)
            curve = together[name][row.number]
            runs = largest(curve.c, curve.chi, PEAK)
            if "null_low" in own:
                ax.vlines(x, row.null_low, row.null_high, **NULL)
                runs = argmax(curve.c, curve.bend, WINDOW)
            point(ax, x, row, tones[row.width], "o" if row.depth == shallow else "s", runs)
        if place:
            ax.axvline(place - 0.5, color="0.85", linewidth=0.6, zorder=0.5)
    nothing_to_show(ax, found["value"])
    labels = [name.replace(" ", "\n").replace("-", "-\n") for name in names]
    ax.set_xticks(range(len(names)), labels, fontsize="small")
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.grid(False, axis="x")
    return found


def _handles(tones: dict[int, Any]) -> list[Any]:
    return [
        *(Line2D([], [], color=tone, marker="o", label=f"w = {w}") for w, tone in tones.items()),
        Line2D([], [], color="0.3", linestyle=":", label="images, ReLU, squared loss"),
        Line2D([], [], label=r"null: flat $\chi'$", **NULL),
        Line2D([], [], color="0.25", linestyle="--", linewidth=1, label=r"$c=2$"),
    ]


def _facts(
    study: xr.Dataset, families: Families, found: pd.DataFrame, peak: pd.DataFrame
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "time": quoted(float(study.attrs["time"])),
        "families": ", ".join(families) or "none",
        "fewest": MIN_RUNS,
        "peak_end": PEAK[1],
        "lost": sum(int(c.lost.sum()) for own in families.values() for c in own),
        "above": sum(int((c.ratio > 1).sum()) for own in families.values() for c in own),
        "spacing": STEP,
        "grid": ", ".join(f"{c:.3g}" for c in study["multiple"].values),
        "seeds": "; ".join(
            f"{name} " + ", ".join(f"(d = {c.depth}, w = {c.width}): {len(c.ratio)}" for c in own)
            for name, own in families.items()
        ),
    }
    for name, table in (("argmax", found), ("peaks", peak)):
        facts[name] = estimates_text(table, 2)
    facts["higher"], facts["lower"] = (listed(names) for names in _wider(peak))
    return facts


def _wider(peak: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Families and depths whose widest network has a higher peak than the narrowest, and others."""
    higher: list[str] = []
    lower: list[str] = []
    for (name, depth), own in peak.groupby(["family", "depth"], sort=False):
        values = own.sort_values("width")["value"].to_numpy(float)
        if len(values) > 1 and np.isfinite(values[[0, -1]]).all():
            (higher if values[-1] > values[0] else lower).append(f"{name} (d = {depth})")
    return higher, lower
