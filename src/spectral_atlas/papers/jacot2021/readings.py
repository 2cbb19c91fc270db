"""What is read off the files of paths: crossings, times of escape, plateaus, distances.

Times are steps times the learning rate. Records are where paths move, so that between two of them
values may grow tenfold: crossings are interpolated linearly in the logarithm of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.jacot2021.plateaus import QUIET, outstanding, ranks
from spectral_atlas.papers.jacot2021.theory import optimal_escape_speed

Array = np.ndarray
HALF = 0.5  # height, in units of s_1 at the saddle of rank one, that ends the stay at the origin
FALL = 1e-2  # rates of wide networks are those of the fall of C to this share of its start
EARLY = 0.4  # up to this share of the last radius, the law of radii at the origin is fitted


@dataclass(frozen=True)
class Plateau:
    """Where a path is quietest while its map has some rank.

    Attributes
    ----------
    record : int, place in the file
    step : int
    cost, gradient_norm : float, C(A) and |grad| there
    first, last : int, first and last step recorded with that rank
    around : float, the smaller of the largest |grad| before and after; NaN if it is the first or
        last record with that rank, so that |grad| has no minimum inside
    """

    record: int
    step: int
    cost: float
    gradient_norm: float
    first: int
    last: int
    around: float

    @property
    def rests(self) -> bool:
        """Whether the path slows down there: |grad| is below `QUIET` of that around."""
        return self.gradient_norm < QUIET * self.around


def plateau(
    run: xr.Dataset, rank: int, singular_values: Float[Array, "record n"] | None = None
) -> Plateau | None:
    """The plateau of a rank of one member of a runs file; None where the path never has it.

    ``singular_values`` are those of the member's maps, from its spectra, to save their computation.
    """
    s = singular_values
    found = ranks(run["map"].values) if s is None else outstanding(s)
    mine = np.flatnonzero(found == rank)
    if not mine.size:
        return None
    step, gradient = run["step"].values, run["gradient_norm"].values
    at, cost = int(mine[np.argmin(gradient[mine])]), run["train_cost"].values
    ends = int(step[mine[0]]), int(step[mine[-1]])
    inside = mine[0] < at < mine[-1]
    around = min(np.nanmax(gradient[:at]), np.nanmax(gradient[at:])) if inside else np.nan
    return Plateau(at, int(step[at]), float(cost[at]), float(gradient[at]), *ends, float(around))


def crossing_time(
    step: Int[Array, " record"], values: Float[Array, " record"], level: float, rate: float
) -> float:
    """Time at which values first exceed a level: 0 where they start above, NaN if they never do.

    Records with NaN or step -1, beyond a path's end, do not count. Values must be positive.
    """
    return float(rate * _at_crossing(values, step.astype(float), level, step >= 0))


def at_height(
    values: Float[Array, " record"], other: Float[Array, " record"], level: float
) -> float:
    """Another quantity at the moment when values first exceed a level; as `crossing_time`."""
    return _at_crossing(values, other, level, np.ones(len(values), dtype=bool))


def _at_crossing(values: Array, other: Array, level: float, among: Bool[Array, " record"]) -> float:
    fine = among & np.isfinite(values) & np.isfinite(other)
    values, other = values[fine], other[fine]
    above = np.flatnonzero(values > level)
    if not above.size or not np.isfinite(level):
        return float("nan")
    i = int(above[0])
    if i == 0:
        return float(other[0])
    low, high = np.log(np.maximum(values[[i - 1, i]], 1e-300))
    share = (np.log(level) - low) / (high - low)
    return float(other[i - 1] + share * (other[i] - other[i - 1]))


def first_path_of(member: xr.Dataset, first_path: xr.Dataset) -> xr.Dataset | None:
    """The path of width 1 on the problem of one member of spectra, of its depth; or None.

    It must agree in s_1 of the gradient at 0: a member may observe other entries.
    """
    mine = (first_path["target"] == member["target"]) & (first_path["depth"] == member["depth"])
    slope = float(member["origin_slopes"][0])
    (found,) = np.nonzero((mine & np.isclose(first_path["slope"], slope, rtol=1e-9)).values)
    return first_path.isel(member=int(found[0])) if found.size else None


def saddle_values(spectra: xr.Dataset, first_path: xr.Dataset) -> Float[Array, " member"]:
    """s_1(A) at the saddle of rank one for each member of spectra: |A| at the end of its path.

    NaN where `first_path_of` finds none.
    """
    out = np.full(spectra.sizes["member"], np.nan)
    for i in range(len(out)):
        path = first_path_of(spectra.isel(member=i), first_path)
        if path is not None:
            out[i] = float(np.linalg.norm(path["map"].values[int(path["n_records"]) - 1], 2))
    return out


def escape_times(
    runs: xr.Dataset,
    spectra: xr.Dataset,
    saddle_value: Float[Array, " member"],
    share: float = HALF,
) -> Float[Array, " member"]:
    """When s_1(A) first exceeds a share of its value at the saddle of rank one, for each member."""
    step, rate = runs["step"].values, runs["learning_rate"].values
    s = spectra["singular_values"].values[..., 0]
    each = zip(step, s, share * saddle_value, rate, strict=True)
    return np.array([crossing_time(*one) for one in each])


@dataclass(frozen=True)
class RadiusLaw:
    """|theta| along a path of width 1 against the law at the origin.

    Attributes
    ----------
    time, radius : (record,)
    linear : (record,), what the law says grows evenly: r^{-(L-2)}, falling; ln r for L = 2
    early : (record,), whether r is below that share (`EARLY`) of its last value
    slope, expected : float
        Of ``linear`` against time: least squares over the early records; -(L-2) s*, s_1 for L = 2.
    """

    time: Float[Array, " record"]
    radius: Float[Array, " record"]
    linear: Float[Array, " record"]
    early: Bool[Array, " record"]
    slope: float
    expected: float


def radius_law(path: xr.Dataset, rate: float, early_share: float = EARLY) -> RadiusLaw:
    """The law of radii for one member of the file of first paths; ``rate`` is its attribute."""
    count, L, s_1 = int(path["n_records"]), int(path["depth"]), float(path["slope"])
    time = rate * path["step"].values[:count]
    r = np.sqrt(path["squared_norm"].values[:count])
    linear = np.log(r) if L == 2 else r ** (2.0 - L)
    expected = s_1 if L == 2 else -(L - 2) * float(optimal_escape_speed(s_1, L))
    early = r < early_share * r[-1]
    slope = float(np.polyfit(time[early], linear[early], 1)[0]) if early.sum() > 1 else np.nan
    return RadiusLaw(time, r, linear, early, slope, expected)


def aligned_distance(
    run: xr.Dataset, path: xr.Dataset, run_time: float, path_time: float, path_rate: float
) -> tuple[Float[Array, " record"], Float[Array, " record"]]:
    """A wide path against that of width 1, both clocks at 0 where they cross the same height.

    Returns
    -------
    time, and |A_wide - A_1| / |A_1 at its end|, at the wide path's records; A_1 is interpolated
    linearly, and stays where it is after its end. NaN before its start, and beyond the wide end.
    """
    count = int(path["n_records"])
    narrow = path["map"].values[:count].reshape(count, -1)
    clock = path_rate * path["step"].values[:count] - path_time
    step, wide = run["step"].values, run["map"].values
    time = np.where(step >= 0, float(run["learning_rate"]) * step - run_time, np.nan)
    columns = [np.interp(time, clock, entry, left=np.nan) for entry in narrow.T]
    apart = wide.reshape(len(wide), -1) - np.stack(columns, axis=1)
    return time, np.linalg.norm(apart, axis=1) / float(np.linalg.norm(narrow[-1]))
