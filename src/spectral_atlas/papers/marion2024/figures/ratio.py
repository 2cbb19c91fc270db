"""S / S_min at the end of training against condition number, dimension and depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from spectral_atlas.papers.marion2024.figures.frames import (
    load_problems,
    outcome_shares,
    run_frame,
)
from spectral_atlas.papers.marion2024.theory import rank_one_limit, ratio_bound
from spectral_atlas.plotting.intervals import summarize
from spectral_atlas.plotting.outcomes import outcome_note
from spectral_atlas.plotting.panels import jitter, letter, means, members, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

PANELS = {
    "condition_number": r"condition number $\Lambda/\lambda$ of $\Sigma$",
    "d": "dimension $d$ = width",
    "depth": "depth $L$",
}
KINDS = {"gaussian": ("small-scale", "o", -0.035), "residual": ("residual", "s", 0.035)}


def ratio_vs_conditioning(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """S/(2La), which is at least S/S_min, for both initializations, with Corollary 2's bound.

    Panels a to c vary one quantity around the base problem; the others stay at their base values.
    d: the runs of panel a against Lambda/a, with the values of two explicit minimizers.
    """
    runs = _runs(inputs)
    scans = {name: _scan(runs, name) for name in PANELS}
    fig, axes = plt.subplots(2, 2, figsize=size(style, 0.88))
    hues = dict(zip(KINDS, colors(style, 2), strict=True))
    tables = []
    for ax, text, (name, scan) in zip(axes.flat, "abc", scans.items(), strict=False):
        # A cluster is a draw of the data; each scanned value has its own draws.
        table = summarize(scan, ["initialization", name], "ratio", log=True, cluster="problem")
        tables.append(table.rename(columns={name: "value"}).assign(panel=text, against=name))
        _panel(ax, name, scan, table, hues)
        letter(ax, text)
    points = _explained(axes[1, 1], scans["condition_number"], hues)
    tables.append(points.assign(panel="d", against="Lambda / a"))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, columnspacing=1.5)
    note(fig, outcome_note(runs["outcome"], "open"))
    return Drawing(fig, pd.concat(tables, ignore_index=True), _facts(runs, scans))


def _runs(inputs: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """The runs with what is known of their problems."""
    runs = run_frame(inputs, "ratio")
    data, problems = inputs["data/ratio"], load_problems(inputs)
    own = runs["problem"].to_numpy(int)
    exact = data["condition_number"].values[own]
    # Chosen values, so that draws of one problem group together in spite of rounding.
    runs["condition_number"] = [float(f"{v:.6g}") for v in exact]
    runs["base"] = data["base"].values[own]
    pairs = {
        (i, depth): rank_one_limit(problems[i].Sigma, problems[i].w_star, depth)
        for i, depth in set(zip(runs["problem"], runs["depth"], strict=True))
    }
    limits = [pairs[key] for key in zip(runs["problem"], runs["depth"], strict=True)]
    runs["limit_ratio"] = limits / runs["bound"]
    runs["cap"] = ratio_bound(1.0) * runs["condition_number"]
    return runs


def _scan(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The runs in which only ``name`` differs from the base problem and the base depth."""
    base = runs[runs["base"]].iloc[0]
    keep = np.ones(len(runs), dtype=bool)
    for other in {"condition_number", "d"} - {name}:
        keep &= (runs[other] == base[other]).to_numpy()
    if name != "depth":
        # The base depth of an initialization is the one at which every problem was trained.
        elsewhere = runs[~runs["base"]] if (~runs["base"]).any() else runs
        depths = elsewhere.groupby("initialization")["depth"].min()
        keep &= (runs["depth"] == runs["initialization"].map(depths)).to_numpy()
    return runs[keep]


def _panel(
    ax: Axes, name: str, scan: pd.DataFrame, table: pd.DataFrame, hues: dict[str, str]
) -> None:
    values = sorted(scan[name].unique())
    span = np.log(values[-1] / values[0]) if len(values) > 1 else 1.0
    for kind, (label, marker, shift) in KINDS.items():
        part = scan[scan["initialization"] == kind]
        whole = (part["outcome"] == "converged").to_numpy()
        x = part[name].to_numpy(float) * np.exp(span * (shift + jitter(len(part), 0.035)))
        members(ax, x, part["ratio"].to_numpy(), whole, hues[kind], marker, alpha=0.45)
        own = table[table["initialization"] == kind]
        place = own[name] * np.exp(span * shift)
        ax.plot(place, own["mean"], color=hues[kind], linewidth=0.8)
        means(
            ax, place, own, "black", fmt=marker, markerfacecolor=hues[kind],
            label=f"{label}: mean over draws",
        )  # fmt: skip
    small = scan[scan["initialization"] == "gaussian"].drop_duplicates(["problem", "depth"])
    ax.plot(
        small[name] * np.exp(span * KINDS["gaussian"][2]), small["limit_ratio"], color="black",
        linestyle="none", marker="_", markersize=9, markeredgewidth=0.7,
        label=r"$S_{\mathrm{GF0}}/(2La)$ of each draw",
    )  # fmt: skip
    cap = scan.groupby(name)["cap"].max()
    ax.plot(
        cap.index, cap, color="black", linestyle="-.", marker="." if len(cap) == 1 else None,
        linewidth=0.9, label=r"small-scale bound $4\Lambda/\lambda$ (Cor. 2)",
    )  # fmt: skip
    ax.axhline(1, color="black", linestyle=":", linewidth=0.9)
    ax.set(xscale="log", yscale="log", xlabel=PANELS[name], ylabel=r"$S/(2La)\geq S/S_{\min}$")
    ax.set_xticks(values, [f"{value:.3g}" for value in values])
    ax.xaxis.set_minor_locator(NullLocator())


def _explained(ax: Axes, scan: pd.DataFrame, hues: dict[str, str]) -> pd.DataFrame:
    """S/(2La) against Lambda/a.

    It is Lambda/a for orthogonal layers, at most 1 + (Lambda/a - 1)/L for balanced rank-one ones.
    """
    points = scan.assign(value=scan["Lambda"] / scan["a"])
    at = np.geomspace(1, max(float(points["value"].max()), 1.1), 60)
    for kind, (label, marker, _) in KINDS.items():
        part = points[points["initialization"] == kind]
        whole = (part["outcome"] == "converged").to_numpy()
        depth = int(part["depth"].iloc[0])
        members(
            ax, part["value"].to_numpy(), part["ratio"].to_numpy(), whole, hues[kind], marker,
            alpha=0.45,
        )  # fmt: skip
        rank_one = kind == "gaussian"
        curve = 1 + (at - 1) / depth if rank_one else at
        name = "rank-one layers, bound" if rank_one else "orthogonal layers"
        ax.plot(
            at, curve, color=hues[kind], linestyle="-" if rank_one else "--",
            label=f"{name}\n({label}: $L={depth}$)",
        )  # fmt: skip
    ax.axhline(1, color="black", linestyle=":", linewidth=0.9)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"$\Lambda/a$ of the draws of panel a",
        ylabel="$S/(2La)$",
    )
    ax.legend(loc="upper left")
    letter(ax, "d")
    kept = ["initialization", "problem", "seed", "outcome", "value", "ratio", "limit_ratio"]
    return points[kept]


def _facts(runs: pd.DataFrame, scans: dict[str, pd.DataFrame]) -> dict[str, float | int | str]:
    facts: dict[str, float | int | str] = {
        "draws": runs["draw"].nunique(),
        "repeats": int(runs.groupby(["problem", "initialization", "depth"]).size().min()),
        "runs": len(runs),
        **{f"share_{name}": share for name, share in outcome_shares(runs).items()},
        "least_ratio": runs["ratio"].min(),
        "largest_condition_number": runs["condition_number"].max(),
        "limit_deviation": (runs["ratio"] / runs["limit_ratio"] - 1)[
            (runs["initialization"] == "gaussian") & (runs["outcome"] == "converged")
        ]
        .abs()
        .max(),
    }
    whole = runs[runs["outcome"] == "converged"]
    worst = scans["condition_number"]
    worst = worst[worst["condition_number"] == worst["condition_number"].max()]
    for kind in KINDS:
        own = runs[runs["initialization"] == kind]
        facts |= {
            f"{kind}_runs": len(own),
            f"{kind}_not_converged": int((own["outcome"] != "converged").sum()),
            f"{kind}_scale": float(own["scale"].iloc[0]),
            f"{kind}_above_bound": int((own["ratio"] > own["cap"]).sum()),
            f"{kind}_largest": own["ratio"].max(),
            f"{kind}_largest_over_bound": (own["ratio"] / own["cap"]).max(),
        }
        at_worst = worst[worst["initialization"] == kind].groupby("problem")["ratio"].mean()
        facts |= {f"{kind}_worst_low": at_worst.min(), f"{kind}_worst_high": at_worst.max()}
        depth = scans["depth"][scans["depth"]["initialization"] == kind]
        by_depth = depth.groupby("depth")["ratio"].mean()
        facts |= {f"{kind}_shallow": by_depth.iloc[0], f"{kind}_deep": by_depth.iloc[-1]}
        by_d = scans["d"][scans["d"]["initialization"] == kind].groupby("d")["ratio"].mean()
        facts |= {f"{kind}_narrow": by_d.iloc[0], f"{kind}_wide": by_d.iloc[-1]}
        scan = scans["condition_number"]
        scan = scan[scan.index.isin(whole.index) & (scan["initialization"] == kind)]
        facts |= {
            f"{kind}_rank_condition": _rank_correlation(scan["condition_number"], scan["ratio"]),
            f"{kind}_rank_direction": _rank_correlation(scan["Lambda"] / scan["a"], scan["ratio"]),
            f"{kind}_over_orthogonal": float((scan["ratio"] * scan["a"] / scan["Lambda"]).median()),
        }
    return facts


def _rank_correlation(x: pd.Series, y: pd.Series) -> float:
    """Spearman's; NaN where one of them does not vary."""
    if len(x) < 3 or x.nunique() < 2 or y.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(x.rank(), y.rank())[0, 1])
