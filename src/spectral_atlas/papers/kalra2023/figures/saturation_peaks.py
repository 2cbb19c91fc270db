"""Where saturation curves bend: peaks and centres of chi' with intervals and their nulls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from spectral_atlas.papers.kalra2023.figures.saturation import interval, mean_of, resampled
from spectral_atlas.papers.kalra2023.figures.shared import MIN_RUNS
from spectral_atlas.papers.kalra2023.saturation_curves import Curve

Array = np.ndarray
Window = tuple[float, float]
Statistic = Callable[[Array, Array, Window], Array]

WINDOWS: dict[str, Window] = {
    "[1, 3]": (1.0, 3.0),
    "[1.5, 3]": (1.5, 3.0),
    "[1, 3.5]": (1.0, 3.5),
    "all c": (0.0, np.inf),
}


def argmax(
    c: Float[Array, " M"], values: Float[Array, "*runs M"], window: Window
) -> Float[Array, "*runs"]:
    """The c of the largest value in the window; NaN where the window has no finite value."""
    inside = _inside(c, window)
    cut = np.where(np.isfinite(values[..., inside]), values[..., inside], -np.inf)
    if not inside.any():
        return np.full(values.shape[:-1], np.nan)
    return np.where(np.isfinite(cut).any(axis=-1), c[inside][cut.argmax(axis=-1)], np.nan)


def centre(
    c: Float[Array, " M"], values: Float[Array, "*runs M"], window: Window
) -> Float[Array, "*runs"]:
    """Mean of c in the window weighted by the positive part, both integrals by trapezoids.

    A flat positive curve gives the middle of the part of the window that has values: its null. NaN
    where the curve is not positive anywhere or has fewer than two values.
    """
    inside = _inside(c, window) & np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
    if inside.sum() < 2:
        return np.full(values.shape[:-1], np.nan)
    x, weight = c[inside], np.maximum(values[..., inside], 0.0)
    total = np.trapezoid(weight, x, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.trapezoid(weight * x, x, axis=-1) / total)


def largest(
    c: Float[Array, " M"], values: Float[Array, "*runs M"], window: Window
) -> Float[Array, "*runs"]:
    """The largest value in the window; NaN where it has no finite one."""
    cut = values[..., _inside(c, window)]
    top = np.where(np.isfinite(cut), cut, -np.inf).max(axis=-1, initial=-np.inf)
    return np.asarray(np.where(np.isfinite(top), top, np.nan))


def _inside(c: Array, window: Window) -> Array:
    return (c >= window[0] - 1e-9) & (c <= window[1] + 1e-9)


@dataclass(frozen=True)
class Located:
    """A statistic of the mean curve, and what it would be if that curve were flat.

    Attributes
    ----------
    value : float
    low, high : 95 % percentile-bootstrap interval over runs; NaN for fewer than `MIN_RUNS`
    null, null_low, null_high : median and central 95 % of the statistic of the runs' deviations
        from their mean, resampled: a flat curve with these runs' scatter. NaN for fewer than
        `MIN_RUNS`.
    """

    value: float
    low: float
    high: float
    null: float
    null_low: float
    null_high: float


def located(
    c: Float[Array, " M"], members: Float[Array, "R M"], window: Window, statistic: Statistic
) -> Located:
    """`argmax` or `centre` of the runs' mean curve in a window, with its interval and its null.

    The null of `centre` needs the height of the flat curve: the mean over the window.
    """
    mean = mean_of(members)
    value = float(statistic(c, mean, window))
    if len(members) < MIN_RUNS:
        return Located(value, *np.full(5, np.nan))
    low, high = interval(statistic(c, resampled(members), window))
    flat = resampled_flat(c, members, window)
    found = statistic(c, flat, window)
    found = found[np.isfinite(found)]
    null = float(np.median(found)) if found.size else np.nan
    return Located(value, low, high, null, *interval(found))


def resampled_flat(
    c: Float[Array, " M"], members: Float[Array, "R M"], window: Window
) -> Float[Array, "B M"]:
    """Bootstrap means of the runs' deviations from their mean, on its average in the window.

    Deviations of n runs are too small by sqrt((n - 1) / n), which is made up for.
    """
    count, mean = len(members), mean_of(members)
    inside = _inside(c, window) & np.isfinite(mean)
    height = float(mean[inside].mean()) if inside.any() else np.nan
    scale = np.sqrt(count / max(count - 1, 1))
    return height + resampled((members - mean) * scale)


STATISTICS: Mapping[str, Statistic] = {"argmax": argmax, "centre": centre}


def statistics(found: Sequence[Curve], windows: Mapping[str, Window] = WINDOWS) -> pd.DataFrame:
    """Every statistic of chi' in every window, and the argmax of chi over all c.

    Returns
    -------
    DataFrame ``number`` (place in ``found``), ``network, depth, width, n, quantity`` ("chi" or
    "bend"), ``statistic, window`` and the attributes of `Located`.
    """
    rows = []
    for number, curve in enumerate(found):
        about = {"number": number, "network": curve.network["network"], "depth": curve.depth}
        about |= {"width": curve.width, "n": len(curve.ratio)}
        bend, chi = curve.bend, curve.chi
        wanted = [("bend", bend, s, w, windows[w]) for s in STATISTICS for w in windows] + [
            ("chi", chi, "argmax", "all c", (0.0, np.inf))
        ]
        for quantity, members, statistic, window, ends in wanted:
            one = located(curve.c, members, ends, STATISTICS[statistic])
            names = {"quantity": quantity, "statistic": statistic, "window": window}
            rows.append(about | names | vars(one))
    columns = ["number", "network", "depth", "width", "n", "quantity", "statistic", "window",
               *Located.__dataclass_fields__]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def peaks(found: Sequence[Curve], window: Window = (0.0, np.inf)) -> pd.DataFrame:
    """chi_max, the largest value of the mean chi in a window.

    Returns
    -------
    DataFrame ``number, depth, width, n, value, low, high``, the last two a 95 % bootstrap interval
    (NaN for fewer than `MIN_RUNS` runs).
    """
    rows = []
    for number, curve in enumerate(found):
        value = float(largest(curve.c, mean_of(curve.chi), window))
        low, high = np.nan, np.nan
        if len(curve.ratio) >= MIN_RUNS:
            low, high = interval(largest(curve.c, resampled(curve.chi), window))
        rows.append((number, curve.depth, curve.width, len(curve.ratio), value, low, high))
    columns = ["number", "depth", "width", "n", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
