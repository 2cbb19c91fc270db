"""Sharpness of minimizers against depth: arbitrarily large, not arbitrarily small (Theorem 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.ticker import NullLocator

from spectral_atlas.papers.marion2024.figures import minimizer_panels as panels
from spectral_atlas.papers.marion2024.figures.frames import load_problems, run_frame
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.papers.marion2024.theory import (
    least_rank_one_sharpness,
    lower_bound,
    rank_one_limit,
    rescaled_sharpness,
    upper_end,
)
from spectral_atlas.plotting.intervals import summarize
from spectral_atlas.plotting.outcomes import outcome_note
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import colors, ordered_colors, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

ROUNDING = 1e-9  # a certified eigenvalue this little below the bound, relatively, is no violation
STEPS = np.geomspace(0.03, 30, 61)  # t of the family of panel d
TITLES = {
    "a": "first data draw",
    "b": "random minimizers",
    "c": "trained, above the bound",
    "d": "one minimizer, rescaled",
}


def sharpness_vs_depth(inputs: Mapping[str, xr.Dataset], style: Style) -> Drawing:
    """Sharpness of random minimizers and of trained networks, with the lines of Theorem 1.

    Panel a: first data draw, S against L. b: random minimizers of all draws over the bound. c: how
    far runs near the gradient flow lie above the bound. d: one minimizer, W_1 times t, W_2 over t.
    """
    problems = load_problems(inputs)
    random = run_frame(inputs, "minimizers").assign(source="random")
    trained = pd.concat([_residual(inputs), _small_scale(inputs)], ignore_index=True)
    depths = sorted({*random["depth"], *trained["depth"]})
    trained["excess"] = (trained["ratio"] - 1).where(trained["ratio"] > 1)
    lines = _lines(problems, depths)
    means_b = _summary(random, ["spread", "depth"], "ratio")
    means_c = _summary(trained, ["source", "depth"], "excess")
    family = _family(problems, sorted(random["depth"].unique()))

    fig, axes = plt.subplots(2, 2, figsize=size(style, 0.95))
    tones = ordered_colors(random["spread"].nunique(), "plasma")
    hues = dict(zip(("residual", "small scale"), colors(style, 3)[::2], strict=True))
    panels.absolute(axes[0, 0], random, trained, lines, tones, hues)
    panels.random_minimizers(axes[0, 1], random, means_b, tones)
    panels.trained_runs(axes[1, 0], trained, means_c, lines, hues)
    panels.rescaled(axes[1, 1], family)
    for ax in axes.flat[:3]:
        ax.set(xscale="log", xlabel="depth $L$")
        ax.set_xticks(depths, [str(depth) for depth in depths])
        ax.xaxis.set_minor_locator(NullLocator())
    for ax, title in zip(axes.flat, TITLES.items(), strict=True):
        letter(ax, *title)
    handles = {
        label: handle
        for ax in axes.flat[:3]
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    fig.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=3, columnspacing=1.2
    )
    text = outcome_note(trained["outcome"], "open", noun="trained run")
    absent = int((trained["ratio"] <= 1).sum())
    note(fig, f"{text}; {absent} not above the bound, not in panel c" if absent else text)
    parts = [
        means_b.assign(panel="b", source="random", quantity="S / (2La)"),
        means_c.assign(panel="c", quantity="S / (2La) - 1"),
        lines.assign(panel="a, c", source="theory"),
        family.assign(panel="d", source="rescaled"),
    ]
    return Drawing(fig, pd.concat(parts, ignore_index=True), _facts(random, trained, lines, family))


def _summary(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    return summarize(frame, by, value, log=True, cluster="draw")


def _residual(inputs: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Residual runs at the smallest learning rate that was trained."""
    runs = run_frame(inputs, "depth_sweep")
    return runs[runs["learning_rate"] == runs["learning_rate"].min()].assign(source="residual")


def _small_scale(inputs: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Gaussian runs at the smallest scale that was trained at their depth."""
    runs = run_frame(inputs, "alignment")
    smallest = runs.groupby("depth")["scale"].transform("min")
    return runs[runs["scale"] == smallest].assign(source="small scale")


def _lines(problems: list[Problem], depths: list[int]) -> pd.DataFrame:
    """Theory for each problem and depth, in units of S."""
    rows = []
    for problem, one in enumerate(problems):
        norm = float(np.linalg.norm(one.w_star))
        for depth in depths:
            rows.append(
                {
                    "problem": problem,
                    "depth": depth,
                    "bound": lower_bound(depth, one.a, norm),
                    "rank_one_limit": rank_one_limit(one.Sigma, one.w_star, depth),
                    "least_rank_one": least_rank_one_sharpness(one.Sigma, one.w_star, depth),
                    "upper_end": upper_end(depth, one.a, float(one.eigenvalues[-1]), norm),
                }
            )
    return pd.DataFrame(rows)


def _family(problems: list[Problem], depths: list[int]) -> pd.DataFrame:
    """S over the bound along W_1 -> t W_1, W_2 -> W_2 / t, for the first problem."""
    one = problems[0]
    norm = float(np.linalg.norm(one.w_star))
    rows = []
    for depth in depths:
        bound = lower_bound(depth, one.a, norm)
        for t in STEPS:
            sharpness = rescaled_sharpness(one.Sigma, one.w_star, depth, t)
            rows.append({"depth": depth, "t": t, "ratio": sharpness / bound})
    return pd.DataFrame(rows)


def _facts(
    random: pd.DataFrame, trained: pd.DataFrame, lines: pd.DataFrame, family: pd.DataFrame
) -> dict[str, float | int | str]:
    whole = trained[trained["outcome"] == "converged"]
    everything = pd.concat([random["ratio"], whole["ratio"]])
    residual, small = (trained[trained["source"] == s] for s in ("residual", "small scale"))
    steps = lines[lines["problem"] == 0].set_index("depth")[["bound", "rank_one_limit"]]
    slopes = steps.diff().iloc[1:]
    return {
        "draws": random["draw"].nunique(),
        "samples": int(random.groupby(["draw", "depth", "spread"]).size().min()),
        "minimizers": len(random),
        "violations": int((everything < 1 - ROUNDING).sum()),
        "checked": len(everything),
        "uncertified": int((random["certified"] == 0).sum() + (trained["certified"] == 0).sum()),
        "least_ratio": random["ratio"].min(),
        "largest_ratio": random["ratio"].max(),
        "largest_spread": float(random["spread"].max()),
        "residual_runs": len(residual),
        "residual_not_converged": int((residual["outcome"] != "converged").sum()),
        "residual_low": residual["ratio"].min(),
        "residual_high": residual["ratio"].max(),
        "residual_learning_rate": float(residual["learning_rate"].iloc[0]),
        "residual_relative_rate": float((residual["learning_rate"] * residual["bound"] / 2).max()),
        "small_runs": len(small),
        "small_not_converged": int((small["outcome"] != "converged").sum()),
        "small_low": small["ratio"].min(),
        "small_high": small["ratio"].max(),
        "limit_ratio_shallow": float((lines["rank_one_limit"] / lines["bound"]).max()),
        "limit_ratio_deep": float((lines["rank_one_limit"] / lines["bound"]).min()),
        "increment_ratio": float((slopes["rank_one_limit"] / slopes["bound"]).mean()),
        "family_largest": family["ratio"].max(),
        "family_least": family["ratio"].min(),
    }
