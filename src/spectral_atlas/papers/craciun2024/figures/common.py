"""What the paper's figures have in common: outcomes, shares, networks, axes about eta_C."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from spectral_atlas.plotting.facts import listed
from spectral_atlas.plotting.intervals import share_interval
from spectral_atlas.plotting.style import MARKERS, colors

if TYPE_CHECKING:
    from spectral_atlas.config import Style

Array = np.ndarray
Inputs = Mapping[str, xr.Dataset]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
OUTCOME_COLORS = {
    "minimum": "#0173b2",
    "at_rest": "#0173b2",
    "saddle": "#d55e00",
    "bounded": "#ecc281",
    "diverged": "0.82",
}
OUTCOME_TEXT = {"at_rest": "at rest", "bounded": "bounded, not at rest"}
LIMIT: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": (0, (4, 2)), "zorder": 2}
NEARLY = 1e-9  # eta within this share of eta_C is eta_C
TICKS = (
    0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1, 1.0001, 1.001, 1.01,
    1.02, 1.05, 1.1, 1.2, 1.4, 1.6, 2, 3, 5, 10, 100,
)  # fmt: skip
ORDER = (1, 0.9, 1.1, 0.99, 1.01, 0.999, 1.001, 0.5, 1.6)  # which of them are dropped last


def outcome_names(outcome: xr.DataArray) -> list[str]:
    """What the numbers of a variable such as ``outcome`` mean, from its attributes."""
    return str(outcome.attrs["flag_meanings"]).split()


def outcome_counts(outcome: xr.DataArray, along: Sequence[str]) -> pd.DataFrame:
    """Runs of each outcome, and ``n``, for every place along the named dimensions (in order)."""
    values = outcome.transpose(*along, ...).values.reshape(*(outcome.sizes[d] for d in along), -1)
    frame = pd.MultiIndex.from_product(
        [outcome[d].values.tolist() for d in along], names=list(along)
    ).to_frame(index=False)
    frame["n"] = values.shape[-1]
    for code, name in enumerate(outcome_names(outcome)):
        frame[name] = (values == code).sum(-1).ravel()
    return frame


def add_shares(frame: pd.DataFrame, name: str, total: str = "n") -> pd.DataFrame:
    """With columns share, low and high: of ``name`` among ``total``, 95 % Wilson intervals."""
    pairs = zip(frame[name], frame[total], strict=True)
    ends = np.array([share_interval(int(hits), int(n)) for hits, n in pairs]).reshape(-1, 2)
    share = frame[name] / frame[total].replace(0, np.nan)
    return frame.assign(share=share, low=ends[:, 0], high=ends[:, 1])


def share_bars(frame: pd.DataFrame) -> Float[Array, "2 n"]:
    """Lengths of the error bars of `add_shares`, below and above."""
    bars = np.array([frame["share"] - frame["low"], frame["high"] - frame["share"]], dtype=float)
    return np.maximum(bars, 0)


def below_critical(a: Any) -> Bool[Array, " n"]:
    """Where a = eta / eta_C is below 1."""
    return np.asarray(a, dtype=float) < 1 - NEARLY


def above_critical(a: Any) -> Bool[Array, " n"]:
    """Where a = eta / eta_C is above 1."""
    return np.asarray(a, dtype=float) > 1 + NEARLY


def some_of(items: Sequence[str], most: int = 6) -> str:
    """A list for a caption: the first of them, and how many more."""
    rest = len(items) - most
    return listed(list(items[:most]) + ([f"{rest} more"] if rest > 0 else []))


class NetLook(NamedTuple):
    """How a network is drawn: white data solid, others dashed."""

    color: Any
    linestyle: Any
    marker: str
    label: str


def net_looks(runs: xr.Dataset, style: Style) -> dict[str, NetLook]:
    """Looks of the networks of ``runs/nets``.

    A network with other than white data has the colour of the white one whose name its own begins
    with, if there is one.
    """
    names = [str(name) for name in runs["net"].values]
    white = dict(zip(names, runs["white"].values.astype(bool), strict=True))

    def owner(name: str) -> str:
        kin = [own for own in names if white[own] and name.startswith(own + "-")]
        return name if white[name] or not kin else max(kin, key=len)

    owners = list(dict.fromkeys(owner(name) for name in names))
    tones = dict(zip(owners, colors(style, len(owners)), strict=True))
    marks = {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(owners)}
    return {
        name: NetLook(
            tones[owner(name)], "-" if white[name] else (0, (3, 1.2)), marks[owner(name)], name
        )
        for name in names
    }


def net_handles(looks: Mapping[str, NetLook]) -> list[Line2D]:
    """Legend entries of `net_looks`; markers are open where data are not white."""
    return [
        Line2D(
            [], [], color=look.color, linestyle=look.linestyle, marker=look.marker, markersize=3.5,
            markerfacecolor=look.color if look.linestyle == "-" else "white", label=look.label,
        )
        for look in looks.values()
    ]  # fmt: skip


def ending_handles(names: Iterable[str]) -> list[Patch]:
    """Legend entries of outcomes."""
    return [
        Patch(facecolor=OUTCOME_COLORS[name], label=OUTCOME_TEXT.get(name, name)) for name in names
    ]


def about_one(
    ax: Axes, values: Any, width: float, *, axis: str = "x", gap: float = 0.085, pad: float = 0.04
) -> None:
    """Scale an axis as arsinh((v - 1) / width): linear near 1, logarithmic in |v - 1| beyond.

    Parameters
    ----------
    values : numbers that the axis must show; 1 is shown too
    gap : least distance of labels, as a share of the axis
    pad : free room at either end, as a share of the axis
    """

    def there(v: Any) -> Any:
        return np.arcsinh((np.asarray(v, dtype=float) - 1) / width)

    def back(u: Any) -> Any:
        return 1 + width * np.sinh(np.asarray(u, dtype=float))

    finite = np.append(np.asarray(values, dtype=float).ravel(), 1.0)
    ends = there(finite[np.isfinite(finite)])
    low, high = float(ends.min()), float(ends.max())
    room = pad * max(high - low, 0.5)
    low, high = low - room, high + room
    kept: list[float] = []
    for tick in sorted(TICKS, key=lambda t: (ORDER + TICKS).index(t)):
        apart = all(abs(there(tick) - there(t)) >= gap * (high - low) for t in kept)
        if apart and low <= there(tick) <= high:
            kept.append(tick)
    text = {"ticks": sorted(kept), "labels": [f"{t:g}" for t in sorted(kept)]}
    name = f"set_{axis}"
    getattr(ax, f"{name}scale")("function", functions=(there, back))
    getattr(ax, f"{name}lim")(back(low), back(high))
    getattr(ax, f"{name}ticks")(**text)
    getattr(ax, f"{name}ticks")([], minor=True)
