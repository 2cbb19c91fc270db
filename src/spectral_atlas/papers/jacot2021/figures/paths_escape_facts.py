"""What the caption about escapes from the origin quotes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spectral_atlas.papers.jacot2021.figures.common import gamma_label
from spectral_atlas.papers.jacot2021.figures.paths_escape import HALF, LOW, shallow_law
from spectral_atlas.papers.jacot2021.figures.paths_escape_panels import ALONG
from spectral_atlas.papers.jacot2021.readings import EARLY
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.regression import fit_line

APART = 0.75  # s_2/s_1 of dC/dA at 0 below which s_1 is well apart


def time_facts(times: pd.DataFrame, constants: pd.DataFrame) -> dict[str, Any]:
    """Constants and fitted powers of the law, by depth; what L = 2 gains; what was not measured."""
    small = times[times["gamma"] > 1]
    texts = []
    for row in constants.itertuples():
        own = small[(small["depth"] == row.depth) & np.isfinite(small["scaled"])]
        x, y = np.log(own["scale"].to_numpy()), np.log(own["scaled"].to_numpy())
        fit = fit_line(x, y, own["target"].to_numpy())
        texts.append(
            f"L = {row.depth}: {span(own['scaled'] / own['scale'])}, power "
            f"{fit.slope:.3f} ± {2 * fit.stderr:.3f} (n = {len(own)})"
        )
    shallow = small[(small["depth"] == 2) & np.isfinite(small["scaled"])]
    fit = fit_line(
        shallow_law(shallow).to_numpy(), shallow["scaled"].to_numpy(), shallow["target"].to_numpy()
    )
    timed = times[times["file"] == "escape"]
    missing = small[~np.isfinite(small["time"])]
    return {
        "half": HALF,
        "times": "; ".join(texts) or "none",
        "shallow_slope": quoted(fit.slope),
        "shallow_error": quoted(2 * fit.stderr, 2),
        "shallow": len(shallow),
        "missing": len(missing),
        "missing_where": listed(
            [
                f"{len(own)} at L = {L}, {gamma_label(float(gamma))}"
                for (L, gamma), own in missing.groupby(["depth", "gamma"])
            ]
        ),
        "widths": listed([str(w) for w in sorted(timed["width"].unique())]),
        "targets": listed([str(t) for t in sorted(timed["target"].unique())]),
        "starts": int(timed["initialization"].nunique()),
    }


def radius_facts(laws: pd.DataFrame) -> dict[str, Any]:
    """Fitted over expected slopes along the paths of width 1, by depth."""
    return {
        "early": EARLY,
        "laws": "; ".join(f"L = {L}: {span(own['ratio'], 4)}" for L, own in laws.groupby("depth")),
        "first_paths": len(laws),
        "first_unsettled": int((~laws["settled"]).sum()),
        "unsettled_targets": listed(
            [str(t) for t in sorted(laws.loc[~laws["settled"], "target"].unique())]
        ),
    }


def direction_facts(directions: pd.DataFrame, closest: pd.DataFrame) -> dict[str, Any]:
    """Cosines at a low height, s_2/s_1 at half height and closest approach, by gamma."""
    cosines, seconds, near = [], [], []
    for gamma, own in directions.groupby("gamma"):
        name, found = gamma_label(float(gamma)), own[np.isfinite(own["cosine"])]
        alone = found[found["gap"] < APART]
        cosines.append(
            f"{name}: {int((found['cosine'] > ALONG).sum())} of {len(found)} (where s₂/s₁ < "
            f"{APART}: {int((alone['cosine'] > ALONG).sum())} of {len(alone)})"
        )
        seconds.append(f"{name}: {_largest(own['second'])}")
        mine = closest.loc[np.isclose(closest["gamma"], float(gamma)), "closest"]
        values = mine[np.isfinite(mine)]
        if len(values):
            near.append(f"{name}: median {np.median(values):.2g}, worst {values.max():.2g}")
    return {
        "low": LOW,
        "along": ALONG,
        "apart": APART,
        "cosines": "; ".join(cosines) or "none",
        "seconds": "; ".join(seconds) or "none",
        "closest": "; ".join(near) or "none",
        "directions": len(directions),
    }


def _largest(values: pd.Series) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.max():.2g}" if len(finite) else "n/a"
