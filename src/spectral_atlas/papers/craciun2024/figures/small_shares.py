"""Shares of random points at which a determinant is below a threshold, over the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes

from spectral_atlas.plotting.curves import few_ticks, label_right, log_limits, spread
from spectral_atlas.plotting.facts import MISSING, quoted, span
from spectral_atlas.plotting.intervals import share_interval, zero_bound
from spectral_atlas.plotting.style import ink

Array = np.ndarray
NAMED = 9  # curves with a name in the panel


@dataclass(frozen=True)
class Shares:
    """P(|det| < epsilon) of one map, of ``n`` independent draws, epsilon ascending."""

    name: str
    epsilon: Float[Array, " epsilon"]
    share: Float[Array, " epsilon"]
    n: int

    @classmethod
    def of(cls, name: str, epsilon: Array, share: Array, n: int) -> Shares:
        """Sorted, every epsilon once."""
        epsilon, first = np.unique(np.asarray(epsilon, dtype=float), return_index=True)
        return cls(name, epsilon, np.asarray(share, dtype=float)[first], n)

    def frame(self) -> pd.DataFrame:
        """Table rows: share, its 95 % Wilson interval, and share over epsilon."""
        hits = np.round(self.share * self.n).astype(int)
        low, high = np.array([share_interval(int(h), self.n) for h in hits]).T
        return pd.DataFrame(
            {
                "name": self.name, "epsilon": self.epsilon, "share": self.share, "hits": hits,
                "n": self.n, "low": low, "high": high, "ratio": self.share / self.epsilon,
            }
        )  # fmt: skip

    def slope(self, last: int = 0) -> float:
        """Least-squares slope of ln share over ln epsilon where there are hits; NaN for one.

        ``last``: of so many of the smallest epsilons; 0 for all.
        """
        seen = self.share > 0
        x, y = np.log(self.epsilon[seen]), np.log(self.share[seen])
        if last:
            x, y = x[:last], y[:last]
        return float(np.polyfit(x, y, 1)[0]) if x.size > 1 else np.nan

    def text(self) -> str:
        """``"name: P/ε 0.25–0.28, slope 0.99 (0.97)"``, in brackets for the two smallest."""
        ratio = span(self.frame().query("hits > 0")["ratio"])
        slopes = f"{quoted(self.slope(), 3)} ({quoted(self.slope(2), 3)})"
        return f"{self.name}: P/ε {ratio}, slope {slopes}"


def share_panel(ax: Axes, curves: Sequence[Shares], looks: Sequence[dict[str, Any]]) -> None:
    """Shares with their intervals on log axes, named at the right; grey lines have slope 1.

    Open triangles: no hit, drawn at 3 / n.
    """
    ax.set(xscale="log", yscale="log", xlabel=r"threshold $\varepsilon$")
    frames = [curve.frame() for curve in curves]
    if not frames:
        ax.text(0.5, 0.5, "no network", transform=ax.transAxes, ha="center", va="center")
        return
    labels = []
    for curve, frame, look in zip(curves, frames, looks, strict=True):
        seen = frame[frame["hits"] > 0]
        bars = [seen["share"] - seen["low"], seen["high"] - seen["share"]]
        ax.errorbar(
            seen["epsilon"], seen["share"], np.abs(bars), capsize=1.8, elinewidth=0.8,
            linewidth=1.0, zorder=3, **look,
        )  # fmt: skip
        none, bound = frame[frame["hits"] == 0], zero_bound(curve.n)
        ax.plot(
            none["epsilon"], np.full(len(none), bound), "v", color=look["color"], markersize=5,
            markerfacecolor="white", zorder=4,
        )  # fmt: skip
        ends = [*seen["share"].tail(1), bound]
        labels.append((float(ends[0]), curve.name, ink(look["color"])))
    both = pd.concat(frames)
    ax.set_xlim(log_limits(both["epsilon"].to_numpy()))
    at_most = [zero_bound(n) for n in both.loc[both["hits"] == 0, "n"]]
    heights = np.concatenate([both[["share", "low"]].to_numpy().ravel(), at_most, [1.0]])
    ax.set_ylim(log_limits(heights, floor=0.4 / both["n"].max()))
    few_ticks(ax, both["epsilon"].to_numpy(), "x")
    _slopes(ax)
    label_right(ax, [labels[place] for place in spread(len(labels), NAMED)], gap=0.085)


def _slopes(ax: Axes) -> None:
    """Grey lines of slope 1, one a decade."""
    x, (low, high) = np.array(ax.get_xlim()), ax.get_ylim()
    first, last = np.floor(np.log10(low / x[1])), np.ceil(np.log10(high / x[0]))
    for power in np.arange(first, last + 1):
        ax.plot(x, 10**power * x, color="0.88", linewidth=0.7, zorder=1, scalex=False, scaley=False)
    ax.grid(False)


def described(curves: Sequence[Shares]) -> str:
    """All of them, for a caption."""
    return "; ".join(curve.text() for curve in curves) or MISSING


def zeros(curves: Sequence[Shares]) -> int:
    """How many shares are 0."""
    return sum(int((curve.share == 0).sum()) for curve in curves)
