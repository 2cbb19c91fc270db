"""What the paper's figures have in common: members of a runs file, their paths, ends and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from spectral_atlas.papers.jacot2021.theory import smallest_gamma
from spectral_atlas.plotting.facts import counted

Array = np.ndarray
Inputs = Mapping[str, xr.Dataset]
LETTERS = "abcdefghijklmnopqrstuvwxyzαβγδεζηθικλμνξοπρστυφχψω"
FATES = {"stopped": "o", "unfinished": "x", "diverged": "^"}  # with the markers of path ends


def members_frame(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each member of a runs file.

    Returns
    -------
    DataFrame with the column ``member`` (place in the file), all coordinates of the members, and
    ``fate``: stopped (the cost fell below the share asked for), unfinished or diverged.
    """
    names = [name for name in runs.coords if runs[name].dims == ("member",)]
    frame = pd.DataFrame({str(name): runs[name].values for name in names})
    frame.insert(0, "member", np.arange(runs.sizes["member"]))
    fate = np.where(runs["stopped"].values, "stopped", "unfinished")
    frame["fate"] = np.where(runs["diverged_at"].values >= 0, "diverged", fate)
    return frame


def choose(frame: pd.DataFrame, **values: float) -> pd.DataFrame:
    """Rows whose columns have these values up to rounding: ``choose(f, depth=4, gamma=1.5)``."""
    kept = np.ones(len(frame), dtype=bool)
    for name, value in values.items():
        kept &= np.isclose(frame[name].to_numpy(float), value)
    return frame[kept]


def levels(frame: pd.DataFrame, name: str) -> list[Any]:
    """Values that a column takes, ascending."""
    return sorted(frame[name].unique().tolist())


def along_path(dataset: xr.Dataset, runs: xr.Dataset, member: int, name: str) -> Array:
    """A variable of either file along one member's path, (n_records, ...), without the padding."""
    count = int(runs["n_records"].values[member])
    return np.asarray(dataset[name].values[member, :count])


def loaded(inputs: Inputs) -> Inputs:
    """All files in memory: one member after the other would be read from disk many times."""
    return {ref: dataset.load() for ref, dataset in inputs.items()}


def at_end(dataset: xr.Dataset, runs: xr.Dataset, name: str) -> Array:
    """A variable of either file at the last record of each member, (members, ...)."""
    last = runs["n_records"].values.astype(int) - 1
    return np.asarray(dataset[name].values[np.arange(last.size), last])


def is_ntk(gamma: float, depth: int) -> bool:
    """Whether gamma is 1 - 1/L, the NTK parametrization."""
    return bool(np.isclose(gamma, smallest_gamma(depth)))


def gamma_label(gamma: float, depth: int | None = None) -> str:
    """``γ = 1.5``; with a depth, ``γ = 1 − 1/L`` where that is the value."""
    if depth is not None and is_ntk(gamma, depth):
        return "γ = 1 − 1/L"
    return f"γ = {gamma:.4g}"


def networks_text(frame: pd.DataFrame) -> str:
    """Targets and starts behind a drawing, ``"10 targets"`` or ``"3 targets × 8 starts"``."""
    parts = [counted(frame["target"].nunique(), "target")]
    if (starts := frame["initialization"].nunique()) > 1:
        parts.append(counted(starts, "start"))
    return " × ".join(parts)


def fates_text(fates: Iterable[str]) -> str:
    """What became of the members, ``"30 runs: 2 unfinished, 0 diverged"``."""
    all_fates = list(fates)
    lost = {fate: all_fates.count(fate) for fate in ("unfinished", "diverged")}
    found = ", ".join(f"{n} {fate}" for fate, n in lost.items())
    return f"{counted(len(all_fates), 'run')}: {found}"


def panel_letter(place: int) -> str:
    """The letter of a panel, empty where there are more panels than letters."""
    return LETTERS[place] if place < len(LETTERS) else ""


def panel_letters(places: Sequence[int]) -> str:
    """Letters of some panels for a caption.

    Examples
    --------
    >>> panel_letters([1]), panel_letters([1, 3]), panel_letters([1, 2, 3])
    ('b', 'b, d', 'b–d')
    """
    found = [panel_letter(place) for place in places if place < len(LETTERS)]
    follow = len(places) > 2 and places[-1] - places[0] == len(places) - 1
    return f"{found[0]}–{found[-1]}" if follow else ", ".join(found)


def end_mark(ax: Axes, x: float, y: float, fate: str, color: Any) -> None:
    """A cross where a run was cut off, a triangle where it diverged; nothing where it stopped."""
    if fate != "stopped" and np.isfinite(x) and np.isfinite(y):
        ax.plot(
            x, y, color=color, marker=FATES[fate], linestyle="", zorder=6,
            markersize=4, markeredgewidth=1.0,
        )  # fmt: skip
