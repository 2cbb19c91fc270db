"""How many of the four means are learned: its law, and what tells it beforehand and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from spectral_atlas.papers.benarous2024.figures.readout_by_count import outcomes
from spectral_atlas.papers.benarous2024.figures.shared import Inputs, StudyFiles, block_label
from spectral_atlas.papers.benarous2024.outcomes import learned_count, settled
from spectral_atlas.papers.benarous2024.theory import learned_probabilities
from spectral_atlas.plotting.facts import counted, quoted
from spectral_atlas.plotting.intervals import share_interval
from spectral_atlas.plotting.panels import letter, note
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import COLORBLIND, size

if TYPE_CHECKING:
    from spectral_atlas.config import Style

COUNTS = np.arange(5)  # of the four means; the law has none at zero
SIGMAS = 3
PREDICTORS = {
    "basins": "basins at the start",
    "hessian": rf"outliers of {block_label('hessian', 'vv')}",
    "gradient": rf"outliers of {block_label('gradient', 'vv')}",
}
SETTLED, MOVING = COLORBLIND[0], COLORBLIND[1]
WIDTHS = ("xor_widths", "xor_widths_moderate")


def outcome_law(inputs: Inputs, style: Style) -> Drawing:
    """Counts for K = 4 and their law; all four learned against K; two predictors of the count."""
    study = StudyFiles.of(inputs, "xor_four")
    runs, widths = outcomes(study), [inputs[f"runs/{name}"] for name in WIDTHS]
    K = study.runs.sizes["neuron"]
    whole = runs[~runs["lost"]]
    per_width = _per_width(study, runs, inputs)
    figure = plt.figure(figsize=size(style, 0.86))
    axes = figure.subplot_mosaic(
        [list("aaabbb"), list("ccddee")], gridspec_kw={"height_ratios": (1.15, 1)}
    )
    tables = [_histogram(axes["a"], whole, K), _shares(axes["b"], per_width)]
    for ax, name in zip((axes["c"], axes["d"], axes["e"]), PREDICTORS, strict=True):
        tables.append(_confusion(ax, whole, name))
    axes["c"].set_ylabel("means learned")
    titles = (f"K = {K}", _sizes(per_width), "settled + not", "", "")
    for text, title in zip("abcde", titles, strict=True):
        letter(axes[text], text, title)
    n_lost = int(runs["lost"].sum()) + sum(int((w["diverged_at"] >= 0).sum()) for w in widths)
    note(figure, f"{study.title()}; all counts at t = {quoted(_end(study))}{_lost(n_lost)}")
    return Drawing(
        figure,
        pd.concat(tables, ignore_index=True),
        _facts(study, runs, per_width) | {"lost": n_lost},
    )


def _end(study: StudyFiles) -> float:
    return float(study.runs["time"].values[-1])


def _lost(count: int) -> str:
    return f"; {counted(count, 'run')} overflowed (left out)" if count else "; no run overflowed"


def _sizes(per_width: pd.DataFrame) -> str:
    sizes = sorted({int(n) for n in per_width["n"]})
    return f"n = {sizes[0]}" + (f" to {sizes[-1]}" if len(sizes) > 1 else " for each K")


def _per_width(study: StudyFiles, runs: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """For each precision and K: runs, how many are settled, have basins of and learn all four."""
    whole = runs[~runs["lost"]]
    found = whole["learned"], whole["settled"], whole["basins"]
    rows = [(float(study.data.attrs["precision"]), study.runs.sizes["neuron"], *found)]
    for name in WIDTHS:
        data, widths = inputs[f"data/{name}"], inputs[f"runs/{name}"]
        ridge = float(widths.attrs["ridge"])
        for i, neurons in enumerate(widths["neurons"].values):
            kept = widths["diverged_at"].values[i] < 0
            end = widths["f_means"].values[i, kept, -1]
            found = learned_count(end, ridge), settled(end, ridge), widths["basins"].values[i, kept]
            rows.append((float(data.attrs["precision"]), int(neurons), *found))
    frame = [
        {
            "precision": precision,
            "neurons": neurons,
            "n": len(count),
            "all_four": int((count == 4).sum()),
            "unsettled": int((~still).sum()),
            "four_basins": int((basins == 4).sum()),
            "predicted": float(learned_probabilities(neurons)[3]),
        }
        for precision, neurons, count, still, basins in rows
    ]
    return pd.DataFrame(frame).sort_values(["precision", "neurons"], ignore_index=True)


def _histogram(ax: Axes, whole: pd.DataFrame, K: int) -> pd.DataFrame:
    """Runs that learned 0, ..., 4 means, and the 3 sigma range of the law."""
    n = len(whole)
    law = np.concatenate([[0.0], learned_probabilities(K)])
    spread = SIGMAS * np.sqrt(law * (1 - law) * n)
    still = np.array([(whole["settled"] & (whole["learned"] == c)).sum() for c in COUNTS])
    moving = np.array([(~whole["settled"] & (whole["learned"] == c)).sum() for c in COUNTS])
    ax.bar(COUNTS, still, color=SETTLED, width=0.7, label="settled", zorder=2)
    ax.bar(
        COUNTS, moving, bottom=still, color=MOVING, width=0.7, label="not settled", zorder=2,
        hatch="////", edgecolor="white", linewidth=0,
    )  # fmt: skip
    low, high = np.maximum(law * n - spread, 0), np.minimum(law * n + spread, n)
    ax.errorbar(
        COUNTS[1:], law[1:] * n, [(law * n - low)[1:], (high - law * n)[1:]], fmt="_",
        color="black", capsize=3, linewidth=1.0, markersize=7, zorder=4,
        label=rf"law, {SIGMAS} $\sigma$ of {n} runs",
    )  # fmt: skip
    ax.set(xlabel=f"means learned, of {n} runs", ylabel="runs", xticks=COUNTS)
    ax.set_ylim(0, 1.45 * max(high.max(), (still + moving).max(), 1))
    ax.legend(loc="upper left", handlelength=1.5)
    return pd.DataFrame(
        {
            "panel": "a", "learned": COUNTS, "runs": still + moving, "unsettled": moving, "n": n,
            "predicted": law * n, "low": low, "high": high,
        }
    )  # fmt: skip


def _shares(ax: Axes, per_width: pd.DataFrame) -> pd.DataFrame:
    """The share of runs that learn all four, of those with four basins, and the formula."""
    grid = np.arange(1, int(per_width["neurons"].max()) + 3)
    ax.plot(
        grid, [learned_probabilities(int(k))[3] for k in grid], color="black", linestyle="--",
        linewidth=1.0, label="law", zorder=2,
    )  # fmt: skip
    looks: list[tuple[str, str, str, Any, float, pd.DataFrame]] = [
        ("all_four", f"learned, λ = {value:g}", marker, tone, shift, part)
        for (value, part), marker, tone, shift in zip(
            per_width.groupby("precision"), "vo", (MOVING, SETTLED), (-0.25, 0.0), strict=False
        )
    ]
    looks.append(("four_basins", "basins at start", "s", COLORBLIND[2], 0.25, per_width))
    frames = []
    for column, label, marker, tone, shift, part in looks:
        shares = part[column] / part["n"].clip(lower=1)
        ends = [
            share_interval(int(hits), int(n))
            for hits, n in zip(part[column], part["n"], strict=True)
        ]
        low, high = np.array(ends).T
        bars = [np.maximum(shares - low, 0), np.maximum(high - shares, 0)]
        ax.errorbar(
            part["neurons"] + shift, shares, bars, fmt=marker, color=tone, capsize=2,
            linewidth=1.0, label=label, zorder=3,
        )  # fmt: skip
        frames.append(
            part.assign(panel="b", quantity=column, share=shares, low=low, high=high).drop(
                columns=["all_four", "four_basins"]
            )
        )
    ax.set(xlabel="number of neurons K", ylabel="share of runs, all four means", ylim=(-0.03, 1.05))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(0, int(per_width["neurons"].max()) + 3)
    ax.legend(loc="lower right", handlelength=1.2, borderaxespad=0.2)
    return pd.concat(frames, ignore_index=True)


def _confusion(ax: Axes, whole: pd.DataFrame, name: str) -> pd.DataFrame:
    """Runs by learned means and by a predictor: settled ones, and the others after a plus."""
    rows = []
    for learned in COUNTS:
        for value in COUNTS:
            own = whole[(whole["learned"] == learned) & (whole[name] == value)]
            still = int(own["settled"].sum())
            rows.append((learned, value, still, len(own) - still))
    table = pd.DataFrame(rows, columns=["learned", "value", "settled", "unsettled"])
    total = (table["settled"] + table["unsettled"]).to_numpy(float).reshape(5, 5)
    ax.pcolormesh(
        np.arange(6) - 0.5, np.arange(6) - 0.5, np.sqrt(total), cmap="Blues",
        vmax=1.6 * max(np.sqrt(total).max(), 1), vmin=0, rasterized=True,
    )  # fmt: skip
    for row in table.itertuples():
        if row.settled or row.unsettled:
            text = f"{row.settled}" + (f"\n+{row.unsettled}" if row.unsettled else "")
            ax.text(row.value, row.learned, text, ha="center", va="center", fontsize="x-small")
    for count in COUNTS:
        ax.add_patch(Rectangle((count - 0.5, count - 0.5), 1, 1, fill=False, ec="0.5", lw=0.7))
    ax.set(xlabel=PREDICTORS[name], xticks=COUNTS, yticks=COUNTS)
    ax.set_aspect("equal")
    ax.grid(False)
    return table.assign(panel="cde"[list(PREDICTORS).index(name)], predictor=name)


def _facts(study: StudyFiles, runs: pd.DataFrame, per_width: pd.DataFrame) -> dict[str, Any]:
    whole = runs[~runs["lost"]]
    still = whole[whole["settled"]]
    n, law = len(whole), learned_probabilities(study.runs.sizes["neuron"])
    expected, spread = law * n, SIGMAS * np.sqrt(law * (1 - law) * n)
    hits = np.array([(whole["learned"] == c).sum() for c in COUNTS[1:]])
    facts: dict[str, Any] = study.facts() | {
        "neurons": study.runs.sizes["neuron"],
        "n": n,
        "settled": len(still),
        "unsettled": n - len(still),
        "counts": "/".join(str(h) for h in hits),
        "none_learned": int((whole["learned"] == 0).sum()),
        "expected": "/".join(str(quoted(e)) for e in expected),
        "within": int((np.abs(hits - expected) <= spread).sum()),
        "sigmas": SIGMAS,
        "widths": _widths(per_width),
        "widths_unsettled": int(per_width["unsettled"].sum()),
    }
    for name in PREDICTORS:
        for kind, part in (("all", whole), ("settled", still)):
            agree = (part["learned"] == part[name]).mean() if len(part) else None
            facts[f"{name}_{kind}_percent"] = quoted(None if agree is None else 100 * float(agree))
    return facts


def _widths(per_width: pd.DataFrame) -> str:
    """``"λ = 100, K = 4: 20 of 200 (law 18.8, basins of all four 13); ..."``."""
    return "; ".join(
        f"λ = {row.precision:g}, K = {row.neurons}: {row.all_four} of {row.n} "
        f"(law {quoted(row.predicted * row.n)}, basins of all four {row.four_basins})"
        for row in per_width.itertuples()
    )
