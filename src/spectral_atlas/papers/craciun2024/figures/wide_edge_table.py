"""Descents of wide networks as records, and what the caption quotes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.edge_drawing import ZIGZAG
from spectral_atlas.papers.craciun2024.figures.edge_paths import Path, each
from spectral_atlas.plotting.facts import counted, listed, quoted, span


def wide_paths(runs: xr.Dataset, spectra: xr.Dataset) -> list[Path]:
    """One record for each run, without a reference; up to the last finite step."""
    eta, found = float(runs["learning_rate"]), []
    for k, seed in enumerate(runs["run"].values.tolist()):
        diverged_at = int(runs["diverged_at"][k])
        loss = runs["loss"].values[k]
        last = max(diverged_at - 1, 0) if diverged_at >= 0 else len(loss) - 1
        there = runs["checkpoint_step"].values <= last
        steps = runs["checkpoint_step"].values[there]
        none = np.full(len(steps), np.nan)
        found.append(
            Path(
                name=f"{seed}",
                label=f"seed {seed}",
                learning_rate=eta,
                share=eta / float(runs["critical_step"]),
                steps=steps,
                loss=loss[steps],
                reference_loss=none,
                every_loss=loss[: last + 1],
                values=spectra["eigenvalues"].values[k, there] * eta / 2,
                smallest=spectra["smallest"].values[k, there] * eta / 2,
                reference=none,
                last_step=last,
                increases=int(runs["increases"][k]),
                reference_increases=0,
                diverged_at=diverged_at,
            )
        )
    return found


def bound_rows(runs: xr.Dataset, spectra: xr.Dataset) -> pd.DataFrame:
    """One row for each run and checkpoint: eigenvalues times eta / 2, bounds and products."""
    eta, steps = float(runs["learning_rate"]), runs["checkpoint_step"].values
    frames = []
    for k, seed in enumerate(runs["run"].values.tolist()):
        one = spectra.isel(run=k)
        top = one["eigenvalues"].values
        columns = {f"eigenvalue_{j + 1}": top[:, j] * eta / 2 for j in range(top.shape[1])}
        frame = pd.DataFrame(
            {
                "run": f"{seed}",
                "step": steps,
                **columns,
                "smallest": one["smallest"].values * eta / 2,
                "relative_bound": np.max(one["bound"].values, axis=1) / np.abs(top[:, 0]),
                "relative_smallest_bound": one["smallest_bound"].values / np.abs(top[:, 0]),
                "converged": one["converged"].values,
                "products": one["products"].values,
                "smallest_products": one["smallest_products"].values,
            }
        )
        frames.append(frame[np.isfinite(top[:, 0])])
    return pd.concat(frames, ignore_index=True)


def wide_facts(
    runs: xr.Dataset, spectra: xr.Dataset, paths: Sequence[Path], bounds: pd.DataFrame
) -> dict[str, Any]:
    """Parameters, what every run measured, and how certain it is."""
    widths = [int(d) for d in np.atleast_1d(runs.attrs["widths"])]
    weights = sum(a * b for a, b in zip(widths[1:], widths[:-1], strict=True))
    sigmas = [str(quoted(float(s))) for s in np.atleast_1d(runs.attrs["singular_values"])]
    scales = [str(quoted(float(s))) for s in np.atleast_1d(runs.attrs["scales"])]
    fates = [path.fate for path in paths]
    return {
        "widths": "-".join(str(d) for d in widths),
        "depth": len(widths) - 1,
        "weights": weights,
        "sigmas": listed(sigmas),
        "scales": listed(scales),
        "seeds": counted(len(paths), "seed"),
        "eta": quoted(float(runs["learning_rate"]), 4),
        "share": quoted(paths[0].share),
        "steps": runs.sizes["step"] - 1,
        "checkpoints": runs.sizes["checkpoint"],
        "n_values": spectra.sizes["value"],
        "zigzag": ZIGZAG,
        "start": each(paths, [float(p.ratio[0]) for p in paths], 3),
        "crossing": each(paths, [p.crossing if p.crossing >= 0 else np.nan for p in paths], 6),
        "peak": each(paths, [p.peak for p in paths]),
        "peak_step": each(paths, [p.peak_step for p in paths], 7),
        "final": each(paths, [p.final for p in paths], 5),
        "second": each(paths, [_second(p) for p in paths]),
        "smallest": span([float(np.nanmin(p.smallest, initial=np.inf)) for p in paths]),
        "increases": each(paths, [p.increases for p in paths], 7),
        "first_loss": each(paths, [float(p.loss[0]) for p in paths], 3),
        "final_loss": each(paths, [float(p.loss[-1]) for p in paths], 2),
        "diverged": fates.count("diverged"),
        "unfinished": fates.count("unfinished"),
        "tolerance": quoted(float(spectra.attrs["tolerance"]), 2),
        "smallest_tolerance": quoted(float(spectra.attrs["smallest_tolerance"]), 2),
        "largest_bound": quoted(_most(bounds["relative_bound"]), 2),
        "largest_smallest_bound": quoted(_most(bounds["relative_smallest_bound"]), 2),
        "unconverged": int((~bounds["converged"].astype(bool)).sum()),
        "measured": len(bounds),
        "products": span(bounds["products"], 6),
        "median_products": quoted(float(bounds["products"].median())),
        "all_products": int(bounds["products"].sum() + bounds["smallest_products"].sum()),
    }


def _second(path: Path) -> float:
    """The last of the second eigenvalues."""
    return float(path.values[-1, 1]) if path.values.shape[1] > 1 else float("nan")


def _most(values: pd.Series) -> float:
    return float(values.max()) if len(values) else float("nan")
