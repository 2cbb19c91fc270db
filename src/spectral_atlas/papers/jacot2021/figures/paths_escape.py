"""Readings of how paths leave the origin: times, radii, directions, distances to the first path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    along_path,
    members_frame,
)
from spectral_atlas.papers.jacot2021.figures.paths_shared import SETTLED
from spectral_atlas.papers.jacot2021.plateaus import outstanding
from spectral_atlas.papers.jacot2021.readings import (
    aligned_distance,
    at_height,
    crossing_time,
    escape_times,
    first_path_of,
    radius_law,
    saddle_values,
)
from spectral_atlas.papers.jacot2021.theory import (
    blow_up_time,
    escape_radius,
    escape_time_scale,
    optimal_escape_speed,
    shallow_escape_delay,
)

Array = np.ndarray
FILES = ("escape", "saddle_to_saddle")
HALF, LOW = 0.5, 0.02  # heights s_1(A) / s_1(A_1) at which escapes are timed and directions read


def time_table(inputs: Inputs) -> pd.DataFrame:
    """One row for each member of both files.

    Returns
    -------
    DataFrame with the columns of `members_frame`, ``file``, ``slope`` (s_1 of dC/dA at 0), ``gap``
    (s_2 / s_1 there), ``saddle`` (s_1 of A_1), ``time``, until half of that, ``scaled`` (time times
    slope) and ``scale``, the law's w^{(gamma-1)(L-2)/2}.
    """
    frames = []
    for name in FILES:
        runs, spectra = inputs[f"runs/{name}"], inputs[f"spectra/{name}"]
        frame = members_frame(runs).assign(file=name)
        slopes = spectra["origin_slopes"].values
        frame["slope"], frame["gap"] = slopes[:, 0], slopes[:, 1] / slopes[:, 0]
        frame["saddle"] = saddle_values(spectra, inputs["runs/first_path"])
        frame["time"] = escape_times(runs, spectra, frame["saddle"].to_numpy(), HALF)
        frame["scaled"] = frame["time"] * frame["slope"]
        frame["scale"] = [
            float(escape_time_scale(row.width, row.gamma, row.depth)) for row in frame.itertuples()
        ]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def shallow_law(times: pd.DataFrame) -> pd.Series:
    """What s_1 T exceeds by a number that depends on the target, for L = 2: gamma - 1 of its delay.

    Along the top singular vectors a path starts as a vector of w entries of size w^{-gamma/2}, of
    length w^{(1-gamma)/2}, that grows like exp(s_1 t) until its square is of order one.
    """
    law = shallow_escape_delay(times["width"].to_numpy(), times["gamma"].to_numpy() - 1)
    return pd.Series(law, index=times.index)


def radius_tables(first: xr.Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Radii along the paths of width 1, and one row for each.

    Returns
    -------
    first : DataFrame ``depth, target, time, left, law``. ``time`` is in units of the blow-up time,
        for L = 2 of the time in which the law comes to the last radius; ``left`` is
        (r / r_0)^{-(L-2)}, and 1 - ln(r / r_0) / ln(r_end / r_0) for L = 2; ``law``, the same of
        `escape_radius`, falls as 1 - time to zero
    second : DataFrame ``depth, target, slope, expected, ratio, settled``
    """
    rate = float(first.attrs["learning_rate"])
    curves, rows = [], []
    for i in range(first.sizes["member"]):
        path = first.isel(member=i)
        L, law = int(path["depth"]), radius_law(path, rate)
        names = {"depth": L, "target": int(path["target"])}
        speed = float(optimal_escape_speed(float(path["slope"]), L))
        r_0, growth = float(law.radius[0]), law.radius / law.radius[0]
        whole = np.log(growth[-1]) / speed if L == 2 else float(blow_up_time(r_0, speed, L))
        ideal = escape_radius(np.minimum(law.time, whole), r_0, speed, L) / r_0
        numbers = {"left": _left(growth, growth[-1], L), "law": _left(ideal, growth[-1], L)}
        curves.append(pd.DataFrame({**names, "time": law.time / whole, **numbers}))
        end = float(path["gradient_norm"].values[int(path["n_records"]) - 1])
        rows.append(
            {
                **names, "slope": law.slope, "expected": law.expected,
                "ratio": law.slope / law.expected,
                "settled": end < SETTLED * float(path["slope"]),
            }
        )  # fmt: skip
    return pd.concat(curves, ignore_index=True), pd.DataFrame(rows)


def _left(growth: Array, last: float, depth: int) -> Array:
    """What falls evenly along an escape ray from 1 to 0, ``growth`` being r / r_0."""
    return 1 - np.log(growth) / np.log(last) if depth == 2 else growth ** (2.0 - depth)


def direction_tables(inputs: Inputs, members: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Directions on the way up along members of saddle_to_saddle (rows of `time_table`).

    Returns
    -------
    first : DataFrame ``member, target, gamma, height, off`` (1 - cosine with -u_1 v_1^T) and
        ``second`` (s_2 / s_1), up to `HALF` or rank two
    second : DataFrame ``member, target, gamma, gap, cosine`` at height `LOW`, ``second`` at `HALF`
    """
    runs, spectra = inputs["runs/saddle_to_saddle"], inputs["spectra/saddle_to_saddle"]
    curves, rows = [], []
    for row in members.itertuples():
        s = along_path(spectra, runs, row.member, "singular_values")
        cosine = along_path(spectra, runs, row.member, "cosine")
        height = s[:, 0] / row.saddle
        names = {"member": row.member, "target": row.target, "gamma": row.gamma}
        rows.append(
            {
                **names, "gap": row.gap, "cosine": at_height(height, cosine, LOW),
                "second": at_height(height, s[:, 1] / s[:, 0], HALF),
            }
        )  # fmt: skip
        above = np.flatnonzero((height > HALF) | (outstanding(s) > 1))
        kept = slice(0, int(above[0]) + 1 if above.size else len(height))
        curve = {"height": height, "off": 1 - cosine, "second": s[:, 1] / s[:, 0]}
        curves.append(pd.DataFrame({**names, **{k: v[kept] for k, v in curve.items()}}))
    return _joined(curves), pd.DataFrame(rows)


def distance_tables(inputs: Inputs, members: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """|A - A_1| / |end of A_1| along the same members, clocks aligned at height `HALF`.

    Returns
    -------
    first : DataFrame ``member, target, gamma, time`` (times s_1 of dC/dA at 0) and ``distance``, up
        to rank two
    second : DataFrame ``member, target, gamma, closest``, the least distance after the crossing
    """
    runs, spectra = inputs["runs/saddle_to_saddle"], inputs["spectra/saddle_to_saddle"]
    first = inputs["runs/first_path"]
    rate = float(first.attrs["learning_rate"])
    curves, rows = [], []
    for row in members[np.isfinite(members["time"])].itertuples():
        path = first_path_of(spectra.isel(member=row.member), first)
        if path is None:
            continue
        count = int(path["n_records"])
        narrow = np.linalg.norm(path["map"].values[:count], 2, axis=(-2, -1))
        own = crossing_time(path["step"].values[:count], narrow, HALF * row.saddle, rate)
        time, far = aligned_distance(runs.isel(member=row.member), path, row.time, own, rate)
        rank = outstanding(spectra["singular_values"].values[row.member])
        beyond = np.flatnonzero(rank > 1)
        kept = np.zeros(len(time), dtype=bool)
        kept[: int(beyond[0]) if beyond.size else len(time)] = True
        kept &= np.isfinite(time) & np.isfinite(far)
        names = {"member": row.member, "target": row.target, "gamma": row.gamma}
        curves.append(
            pd.DataFrame({**names, "time": row.slope * time[kept], "distance": far[kept]})
        )
        after = far[kept & (time > 0)]
        rows.append({**names, "closest": float(after.min()) if after.size else np.nan})
    columns = ["member", "target", "gamma", "closest"]
    return _joined(curves), pd.DataFrame(rows, columns=columns, dtype=float)


def _joined(curves: list[pd.DataFrame]) -> pd.DataFrame:
    if curves:
        return pd.concat(curves, ignore_index=True)
    columns = ("member", "target", "gamma", "height", "off", "second", "time", "distance")
    return pd.DataFrame(columns=columns, dtype=float)
