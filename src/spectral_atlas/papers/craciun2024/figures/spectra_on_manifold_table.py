"""Numbers of the figure of spectra at minimizers, and what its caption quotes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.plotting.facts import listed, quoted, span

CLOSE = 1e-3  # of the bound: what a minimization may be above it and count as having attained it


def eigenvalue_rows(spectra: xr.Dataset) -> pd.DataFrame:
    """One row for each network, minimizer and eigenvalue, over the largest of its minimizer."""
    frames = []
    for k, net in enumerate(spectra["net"].values.tolist()):
        one = spectra.isel(net=k)
        count = int(one["n_params"])
        values = one["eigenvalues"].values[:, :count]
        points = values.shape[0]
        frame = pd.DataFrame(
            {
                "panel": "a",
                "net": net,
                "point": np.repeat(np.arange(1, points + 1), count),
                "value": np.tile(np.arange(1, count + 1), points),
                "eigenvalue": values.ravel(),
                "relative": (np.abs(values) / np.abs(values[:, :1])).ravel(),
                "rank": int(one["data_rank"]) * int(one["outputs"]),
                "full_rank": int(one["inputs"]) * int(one["outputs"]),
                "n_params": count,
            }
        )
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def point_rows(spectra: xr.Dataset) -> pd.DataFrame:
    """One row for each network and minimizer: error of the closed form, the gap, |gradient|."""
    frames = []
    for k, net in enumerate(spectra["net"].values.tolist()):
        one = spectra.isel(net=k)
        rank = int(one["data_rank"]) * int(one["outputs"])
        values, closed = one["eigenvalues"].values, one["closed"].values
        size = np.abs(values)
        beyond = size[:, rank] if rank < int(one["n_params"]) else np.full(len(size), np.nan)
        # Largest first in both; the closed form may have zeros beyond the rank.
        error = np.abs(np.sort(size, axis=1) - np.sort(np.abs(_padded(values, closed)), axis=1))
        frame = pd.DataFrame(
            {
                "panel": "b",
                "net": net,
                "point": np.arange(1, len(size) + 1),
                "closed_error": _most(error) / size[:, 0],
                "gradient_norm": one["gradient_norm"].values,
                "rank": rank,
                "least_nonzero": size[:, rank - 1] / size[:, 0],
                "largest_zero": beyond / size[:, 0],
                "largest": size[:, 0],
            }
        )
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _padded(values: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """The closed form with a zero for each eigenvalue that it leaves out."""
    return np.where(np.isfinite(values), np.where(np.isfinite(closed), closed, 0.0), np.nan)


def _most(error: np.ndarray) -> np.ndarray:
    """Largest finite number of each row, NaN without any."""
    finite = np.where(np.isfinite(error), error, -np.inf).max(axis=1)
    return np.where(np.isfinite(finite), finite, np.nan)


def critical_rows(critical: xr.Dataset) -> pd.DataFrame:
    """One row for each problem; ``group``: networks by name, random problems by their widths."""
    random = critical["random"].values.astype(bool)
    widths, names = critical["widths"].values.astype(str), critical["problem"].values.astype(str)
    group = [f"{w} random" if r else n for r, w, n in zip(random, widths, names, strict=True)]
    bound, sharpness = critical["bound"].values, critical["sharpness"].values
    return pd.DataFrame(
        {
            "panel": "c",
            "problem": names,
            "group": group,
            "bound": bound,
            "sharpness": sharpness,
            "excess": sharpness / bound - 1,
            "misfit": critical["misfit"].values,
            "depth": critical["depth"].values,
            "white": critical["white"].values.astype(bool),
            "random": random,
        }
    )


def manifold_facts(
    spectra: xr.Dataset, values: pd.DataFrame, points: pd.DataFrame, found: pd.DataFrame
) -> dict[str, Any]:
    """Ranks and gaps, errors of the closed form, how near the bound is attained."""
    deficient = values[values["rank"] < values["full_rank"]]["net"].unique().tolist()
    noisy = spectra["net"].values[spectra["noise"].values > 1e-20].tolist()
    ends = points[["least_nonzero", "largest_zero"]].replace(0.0, np.nan)
    gaps = ends["least_nonzero"] / ends["largest_zero"]
    each = np.log10(gaps).groupby(points["net"], sort=False).min()
    random = found["random"]
    fair = found[np.isfinite(found["excess"])]
    return {
        "nets": spectra.sizes["net"],
        "points": spectra.sizes["point"],
        "minimizers": len(points),
        "noisy": listed(noisy),
        "deficient": listed(deficient),
        "ranks": listed([f"{net} {rank}" for net, rank in
                         points.groupby("net", sort=False)["rank"].first().items()]),
        "least_nonzero": quoted(float(points["least_nonzero"].min()), 2),
        "largest_zero": quoted(float(points["largest_zero"].max()), 2),
        "separated": int((points["least_nonzero"] > points["largest_zero"]).sum()),
        "gap": quoted(float(each.min()) if each.notna().any() else None),
        "gap_net": str(each.idxmin()) if each.notna().any() else "none",
        "gap_largest": quoted(float(each.max()) if each.notna().any() else None),
        "closed_error": quoted(float(points["closed_error"].max()), 2),
        "gradient": quoted(float(points["gradient_norm"].max()), 2),
        "largest": f"{points['largest'].min():.2g} to {points['largest'].max():.2g}",
        "problems": len(found),
        "named": int((~random).sum()),
        "random": int(random.sum()),
        "white": int(found["white"].sum()),
        "depths": span(found["depth"]),
        "most_above": quoted(float(found["excess"].max()), 2),
        "most_below": quoted(float(-found["excess"].min()), 2),
        "attained": int((fair["excess"].abs() < CLOSE).sum()),
        "close": f"{CLOSE:g}",
        "misfit": quoted(float(found["misfit"].max()), 2),
    }  # fmt: skip
