"""Samples that figures of the regimes compare: one for each gamma, and wide NTK networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    choose,
    gamma_label,
    is_ntk,
    levels,
    members_frame,
)
from spectral_atlas.plotting.curves import log_limits
from spectral_atlas.plotting.style import colors

SHALLOW = 2
WANTED = (1.0, 1.5, 2.0)  # beside 1 - 1/L: critical, and two small starts
MOST = 4  # samples in a figure


@dataclass(frozen=True)
class Sample:
    """Members of one depth, width and gamma.

    Attributes
    ----------
    rows : of `members_frame`, one for each target and start
    bold : the member that is drawn bold, the first target's; its place in the files
    runs, spectra : the files that hold them
    """

    gamma: float
    depth: int
    width: int
    color: Any
    rows: pd.DataFrame
    bold: int
    runs: xr.Dataset
    spectra: xr.Dataset

    @property
    def label(self) -> str:
        """Gamma and width, for legends and titles."""
        return f"{gamma_label(self.gamma, self.depth)}, w = {self.width}"

    @property
    def symbol(self) -> str:
        """Gamma alone, for captions."""
        return gamma_label(self.gamma, self.depth)


def at_depth(inputs: Inputs, name: str, depth: int) -> pd.DataFrame:
    """Members of one depth, with the largest number of observed entries that is there."""
    frame = choose(members_frame(inputs[f"runs/{name}"]), depth=depth)
    return frame[frame["observed"] == frame["observed"].max()]


def deepest(inputs: Inputs) -> int:
    """The largest depth that is not shallow; 0 where all are."""
    depths = inputs["runs/regimes"]["depth"].values
    return max((int(L) for L in depths if L > SHALLOW), default=0)


def wide_ntk(inputs: Inputs, depth: int) -> pd.DataFrame:
    """The widest networks of `lazy` with gamma = 1 - 1/L; empty where there are none."""
    frame = at_depth(inputs, "lazy", depth)
    frame = _ntk(frame, depth)
    return frame[frame["width"] == frame["width"].max()]


def _ntk(frame: pd.DataFrame, depth: int) -> pd.DataFrame:
    return frame[np.array([is_ntk(gamma, depth) for gamma in frame["gamma"]], dtype=bool)]


def samples(inputs: Inputs, depth: int, style: Any) -> list[Sample]:
    """Those of a figure, by gamma: the widest networks of `lazy` for 1 - 1/L, then of `regimes`."""
    frame = at_depth(inputs, "regimes", depth)
    frame = frame[frame["width"] == frame["width"].max()]
    parts = [("lazy", wide_ntk(inputs, depth))]
    if not len(parts[0][1]):
        parts = [("regimes", _ntk(frame, depth))]
    parts += [
        ("regimes", choose(frame, gamma=gamma))
        for gamma in _shown([g for g in levels(frame, "gamma") if not is_ntk(g, depth)])
    ]
    first = frame["target"].min() if len(frame) else 0
    tones = colors(style, MOST)
    return [
        Sample(
            float(rows["gamma"].iloc[0]), depth, int(rows["width"].iloc[0]), tones[k], rows,
            _first(rows, int(first)), inputs[f"runs/{name}"], inputs[f"spectra/{name}"],
        )
        for k, (name, rows) in enumerate(parts)
        if len(rows)
    ]  # fmt: skip


def _shown(gammas: list[float]) -> list[float]:
    """The wanted gammas that are there; else the first, the middle one and the last."""
    found = [g for g in gammas if any(np.isclose(g, wanted) for wanted in WANTED)]
    if len(found) < 2 and gammas:
        places = {0, len(gammas) // 2, len(gammas) - 1}
        return [gammas[i] for i in sorted(places)]
    return found


def _first(rows: pd.DataFrame, target: int) -> int:
    own = rows[rows["target"] == target]
    own = own if len(own) else rows
    return int(own.sort_values(["target", "initialization"])["member"].iloc[0])


def step_axis(ax: Axes, last: float) -> None:
    """Steps on a logarithmic axis that begins at zero."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4, subs=range(2, 10))
    ax.set_xlim(0, max(1.3 * last, 2))
    ax.set_xlabel("step")


def value_axis(ax: Axes, values: Iterable[np.ndarray]) -> None:
    """A logarithmic axis for all that is drawn."""
    ax.set_yscale("log")
    ax.set_ylim(*log_limits(np.concatenate([*[v.ravel() for v in values], np.zeros(0)])))


def each(found: Sequence[Sample], texts: Iterable[str]) -> str:
    """One text for each sample in one line, once where neighbours agree.

    ``"0.2 (γ = 1); 0.1 (γ = 1.5, γ = 2)"``; the text alone where all agree.
    """
    pairs = list(zip(texts, (sample.symbol for sample in found), strict=True))
    groups = [(text, [name for _, name in own]) for text, own in groupby(pairs, lambda p: p[0])]
    if len(groups) == 1:
        return groups[0][0]
    return "; ".join(f"{text} ({', '.join(names)})" for text, names in groups) or "n/a"


def lost_text(found: Sequence[Sample]) -> str:
    """Runs that were cut off or diverged, by gamma; ``"none"`` where all stopped."""
    parts = []
    for sample in found:
        for fate in ("unfinished", "diverged"):
            if n := int((sample.rows["fate"] == fate).sum()):
                parts.append(f"{n} of {len(sample.rows)} {fate} at {sample.symbol}")
    return "; ".join(parts) or "none"
