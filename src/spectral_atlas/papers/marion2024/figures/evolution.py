"""Distance and sharpness along training (Figures 1c, 1d, 4c, 4d)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from spectral_atlas.papers.marion2024.figures.distance import LABEL
from spectral_atlas.papers.marion2024.figures.members import Inputs, setting, stage
from spectral_atlas.papers.marion2024.theory import edge_of_stability
from spectral_atlas.plotting.curves import label_right, log_limits, plain_log_ticks, reference
from spectral_atlas.plotting.facts import counted, listed, quoted
from spectral_atlas.plotting.outcomes import OUTCOMES
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spectral_atlas.config import Style

FAR = 1e6  # times the usual size: as far as the axis follows a run that diverges
LATE = 0.2  # share of the steps that "late" means in the facts


@dataclass(frozen=True)
class Paths:
    """Trajectories of one initialization at one learning rate, member 0 first.

    Attributes
    ----------
    steps : (checkpoints,)
    distance, sharpness, estimate : (checkpoints, members)
    outcomes : (members,) words
    """

    learning_rate: float
    scale: float
    steps: np.ndarray
    distance: np.ndarray
    sharpness: np.ndarray
    estimate: np.ndarray
    outcomes: np.ndarray


def fig1c(inputs: Inputs, style: Style) -> Drawing:
    """Gaussian initialization, the smallest learning rate."""
    return _draw(inputs, style, "gaussian", largest=False)


def fig1d(inputs: Inputs, style: Style) -> Drawing:
    """Gaussian initialization, the largest learning rate: the edge of stability."""
    return _draw(inputs, style, "gaussian", largest=True)


def fig4c(inputs: Inputs, style: Style) -> Drawing:
    """Residual initialization, the smallest learning rate."""
    return _draw(inputs, style, "residual", largest=False)


def fig4d(inputs: Inputs, style: Style) -> Drawing:
    """Residual initialization, the largest learning rate: the edge of stability."""
    return _draw(inputs, style, "residual", largest=True)


def paths(inputs: Inputs, initialization: str, *, largest: bool) -> Paths:
    """The trajectories of one figure."""
    runs, spectra = stage(inputs, "runs"), stage(inputs, "spectra")
    rates = runs["learning_rate"].values
    rate = rates.max() if largest else rates.min()
    chosen = (runs["initialization"].values == initialization) & (rates == rate)
    rows = np.flatnonzero(chosen)[np.argsort(runs["seed"].values[chosen], kind="stable")]
    words = np.array(runs["outcome"].attrs["flag_meanings"].split())
    return Paths(
        learning_rate=float(rate),
        scale=float(runs["scale"].values[rows[0]]),
        steps=runs["checkpoint"].values,
        distance=runs["squared_distance"].values[:, rows],
        sharpness=spectra["lambda_max"].values[:, rows],
        estimate=spectra["power_estimate"].values[:, rows],
        outcomes=words[runs["outcome"].values[rows]],
    )


def _draw(inputs: Inputs, style: Style, initialization: str, *, largest: bool) -> Drawing:
    found = paths(inputs, initialization, largest=largest)
    theory = setting(inputs, 0)
    edge = edge_of_stability(found.learning_rate)
    color = COLORBLIND[3 if largest else 0]
    figure, (left, right) = plt.subplots(1, 2, figsize=size(style, 0.47))
    left.set(yscale="log", ylabel=LABEL, xlabel="training steps")
    left.set_ylim(log_limits(_capped(found.distance, found.distance[0]), floor=1e-33))
    _lines(left, found.steps, found.distance, color)
    labels = [
        (edge, rf"$2/\eta$ = {edge:.4g}", "black"),
        (theory.lower, f"$2La$ = {theory.lower:.4g}", "black"),
    ]
    # As in print, the bound for small scales is no matter of the residual initialization.
    upper = theory.upper if initialization == "gaussian" else np.nan
    if np.isfinite(upper):
        labels.append((upper, rf"$8L\Lambda$ = {upper:.4g}", "black"))
    for y, _, _ in labels:
        reference(right, y, style="--" if y == edge else ":", zorder=6.0)
    lines = np.array([y for y, _, _ in labels])
    everything = np.append(_capped(found.sharpness, lines).ravel(), lines)
    right.set(yscale="log", ylabel=r"sharpness $S = \lambda_{\max}(\nabla^2 R)$")
    right.set(xlabel="training steps", ylim=log_limits(everything))
    _lines(right, found.steps, found.sharpness, color)
    right.plot(
        found.steps, found.estimate[:, 0], color="0.35", linewidth=0.7, linestyle=(0, (1, 1)),
        zorder=5, label="run 0, published estimator",
    )  # fmt: skip
    plain_log_ticks(right)
    label_right(right, labels, gap=0.07)
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3)
    counts = [(int((found.outcomes == word).sum()), word) for word in OUTCOMES]
    ended = listed([f"{n} {word}" for n, word in counts if n])
    last = f"after step {found.steps[-1]}: {ended} of {counted(len(found.outcomes), 'run')}"
    figure.supxlabel(rf"$\eta$ = {found.learning_rate:g}; {last}", fontsize="small")
    theory_lines = {"two_over_eta": edge, "lower_bound": theory.lower, "upper_bound": upper}
    table = _table(found).assign(**theory_lines)
    return Drawing(figure, table, _facts(found, edge, theory.lower) | theory.facts())


def _lines(ax: Axes, steps: np.ndarray, values: np.ndarray, color: str) -> None:
    """Member 0 thick, the others faint behind it; a cross where a run turns non-finite.

    A run that leaves the axis before, gets its cross on the upper end. Call after limits are set.
    """
    others = values.shape[1] - 1
    alive, top = np.isfinite(values), ax.get_ylim()[1]
    for lost in np.flatnonzero(~alive[-1] & alive[0]):
        outside = alive[:, lost] & (values[:, lost] > top)
        end = np.flatnonzero(outside)[0] if outside.any() else np.flatnonzero(alive[:, lost])[-1]
        ax.plot(
            steps[end], min(values[end, lost], top), marker="X", color="black", markersize=4,
            zorder=6, clip_on=False,
        )  # fmt: skip
    for k in range(others, 0, -1):
        name = ("the other run" if others == 1 else f"the {others} other runs") if k == 1 else None
        ax.plot(steps, values[:, k], color=color, alpha=0.25, linewidth=0.6, label=name, zorder=2)
    ax.plot(steps, values[:, 0], color=color, linewidth=1.3, label="run 0", zorder=4)


def _capped(values: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Values that do not stretch an axis: at most those of survivors, or `FAR` times the usual."""
    survivors = values[:, np.isfinite(values[-1])]
    return np.minimum(values, np.nanmax([FAR * np.nanmax(usual), *survivors.max(axis=0)]))


def _table(found: Paths) -> pd.DataFrame:
    """One row for each run and recorded step."""
    members = found.distance.shape[1]
    return pd.DataFrame(
        {
            "run": np.tile(np.arange(members), len(found.steps)),
            "outcome": np.tile(found.outcomes, len(found.steps)),
            "step": np.repeat(found.steps, members),
            "squared_distance": found.distance.ravel(),
            "sharpness": found.sharpness.ravel(),
            "published_estimator": found.estimate.ravel(),
        }
    )


def _facts(found: Paths, edge: float, lower: float) -> dict[str, float | int | str]:
    """What the captions quote: of run 0, and spread over all runs."""
    late = found.steps >= (1 - LATE) * found.steps[-1]
    per_edge = found.sharpness / edge
    finite = np.isfinite(per_edge[-1])
    late_means = per_edge[late][:, finite].mean(axis=0)
    peaks = np.nanmax(per_edge, axis=0)  # of diverged runs too: what they reached before
    own = per_edge[np.isfinite(per_edge[:, 0]), 0]
    return {
        "n_runs": found.distance.shape[1],
        "rate": found.learning_rate,
        "scale": found.scale,
        "edge": quoted(edge),
        "last_step": int(found.steps[-1]),
        "record_every": int(found.steps[1] - found.steps[0]),
        "start_sharpness": quoted(found.sharpness[0, 0]),
        "end_sharpness": quoted(found.sharpness[-1, 0], 4),
        "end_per_lower": quoted(found.sharpness[-1, 0] / lower),
        "end_per_edge": quoted(per_edge[-1, 0]),
        "peak_per_edge": quoted(peaks[0]),
        "late_per_edge": quoted(per_edge[late, 0].mean()),
        "percent_beyond_edge": quoted(100 * float((own > 1).mean())),
        "start_distance": quoted(found.distance[0, 0]),
        "end_distance": quoted(found.distance[-1, 0]),
        "least_late": quoted(late_means.min() if finite.any() else None),
        "largest_late": quoted(late_means.max() if finite.any() else None),
        "least_peak": quoted(peaks.min()),
        "largest_peak": quoted(peaks.max()),
        "n_crossing": int((peaks > 1).sum()),
        **{f"n_{word}": int((found.outcomes == word).sum()) for word in OUTCOMES},
    }
