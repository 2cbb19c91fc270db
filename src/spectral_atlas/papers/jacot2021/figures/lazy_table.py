"""Numbers of the figure of lazy networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    along_path,
    at_end,
    choose,
    fates_text,
    is_ntk,
    levels,
    members_frame,
    networks_text,
)
from spectral_atlas.papers.jacot2021.readings import FALL
from spectral_atlas.papers.jacot2021.theory import kernel_scale, lazy_rate
from spectral_atlas.plotting.facts import listed, span

MEASURED = ["error", "test", "test_zero", "apart", "rate", "rate_ratio"]


def laziest(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of each depth's smallest gamma, 1 - 1/L or what is nearest, and of most observations."""
    kept = np.isclose(table["gamma"], table.groupby("depth")["gamma"].transform("min"))
    if "observed" in table:
        kept &= table["observed"] == table["observed"].max()
    return table[kept]


def member_table(inputs: Inputs) -> pd.DataFrame:
    """One row for each member of `lazy` that is among the `laziest`.

    Returns
    -------
    DataFrame with the columns of `members_frame` and

    - ``error``, |A - A_lin|_F at the end over |A* - A_0|_F of the observed entries;
    - ``test``, the last test cost over that of A_lin; ``test_zero``, over that of A = 0;
    - ``apart``, the largest |s_i(A) / s_i(A_lin) - 1| among those above a tenth of s_1(A_lin);
    - ``law``, 2 ln(1 - 2 eta Theta / N); ``rate``, change of ln C per step from C(A_0) to the first
      record below `FALL` of it (NaN where there is none); ``rate_ratio``, rate over law.

    All but the law are NaN for a run that diverged.
    """
    runs, spectra = inputs["runs/lazy"], inputs["spectra/lazy"]
    frame = members_frame(runs)
    start, last = runs["train_cost"].values[:, 0], at_end(runs, runs, "map")
    limit = spectra["limit"].values
    observed = frame["observed"].to_numpy(float)
    theta = [kernel_scale(L, w, g) for L, w, g in frame[["depth", "width", "gamma"]].to_numpy()]
    rates = [
        2 * float(lazy_rate(eta, T, int(N)))
        for eta, T, N in zip(runs["learning_rate"].values, theta, observed, strict=True)
    ]
    test = at_end(spectra, runs, "test_cost")
    with np.errstate(divide="ignore", invalid="ignore"):
        found = frame.assign(
            error=np.linalg.norm(last - limit, axis=(-2, -1)) / np.sqrt(observed * start),
            test=test / spectra["test_of_limit"].values,
            test_zero=test / spectra["test_at_zero"].values,
            apart=_apart(at_end(spectra, runs, "singular_values"), limit),
            rate=[_rate(runs, m) for m in frame["member"]],
            law=rates,
        )
    found["rate_ratio"] = found["rate"] / found["law"]
    found.loc[found["fate"] == "diverged", MEASURED] = np.nan
    return laziest(found)


def _apart(s: np.ndarray, limit: np.ndarray) -> np.ndarray:
    goal = np.linalg.svd(limit, compute_uv=False)
    counts = goal > 0.1 * goal[:, :1]
    return np.where(counts, np.abs(s / goal - 1), 0.0).max(axis=1)


def _rate(runs: xr.Dataset, member: int) -> float:
    """Mean change of ln C per step up to the first record below `FALL` of the start."""
    step, cost = (along_path(runs, runs, member, name) for name in ("step", "train_cost"))
    below = np.flatnonzero(cost < FALL * cost[0])
    if not below.size:
        return np.nan
    return float(np.log(max(cost[below[0]], 1e-300) / cost[0]) / step[below[0]])


def widest(members: pd.DataFrame, depth: float) -> pd.DataFrame:
    """Members of a depth that have its largest width."""
    own = choose(members, depth=depth)
    return own[own["width"] == own["width"].max()]


def spectrum_table(inputs: Inputs, members: pd.DataFrame) -> pd.DataFrame:
    """Singular values of A at the end, of A_lin and of A*: first target, widest networks."""
    runs, spectra, data = inputs["runs/lazy"], inputs["spectra/lazy"], inputs["data/completion"]
    ends = at_end(spectra, runs, "singular_values")
    frames = []
    for L in levels(members, "depth"):
        own = widest(members, L).sort_values(["target", "initialization"]).iloc[0]
        m, target = int(own["member"]), int(own["target"])
        star = float(runs.attrs["scale"]) * data["matrix"].sel(target=target).values
        same = {name: own[name] for name in ("depth", "width", "gamma", "target", "member")}
        frames.append(
            pd.DataFrame(
                same
                | {
                    "index": np.arange(1, ends.shape[1] + 1),
                    "value": ends[m],
                    "linear": np.linalg.svd(spectra["limit"].values[m], compute_uv=False),
                    "star": np.linalg.svd(star, compute_uv=False),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def decay_table(inputs: Inputs, members: pd.DataFrame) -> pd.DataFrame:
    """C over C(A_0) along the paths of the widest networks, against the step times |law|."""
    runs = inputs["runs/lazy"]
    frames = []
    for L in levels(members, "depth"):
        for row in widest(members, L).to_dict("records"):
            step, cost = (along_path(runs, runs, row["member"], n) for n in ("step", "train_cost"))
            names = ("depth", "width", "gamma", "target", "initialization", "member", "fate")
            same = {name: row[name] for name in names}
            numbers = {"step": step, "scaled_step": -row["law"] * step, "cost": cost / cost[0]}
            frames.append(pd.DataFrame(same | numbers))
    return pd.concat(frames, ignore_index=True)


def kernel_table(kernels: xr.Dataset) -> pd.DataFrame:
    """One row for each kernel: deviation from Theta I, and the ends of its spectrum over Theta."""
    values = kernels["eigenvalues"].values
    names = ("depth", "width", "gamma", "initialization")
    found = pd.DataFrame({name: kernels[name].values for name in names}).assign(
        deviation=kernels["deviation"].values, smallest=values[:, 0], largest=values[:, -1]
    )
    return laziest(found)


def facts(members: pd.DataFrame, spectra: pd.DataFrame, kernels: pd.DataFrame) -> dict[str, Any]:
    """Numbers for the caption; those of ends are of stopped runs."""
    found: dict[str, Any] = {
        "members": networks_text(members),
        "gammas": _gammas(members),
        "fates": fates_text(members["fate"]),
        "target": int(spectra["target"].iloc[0]),
        "fall": FALL,
        "kernels": span(kernels.groupby(["depth", "width"]).size(), 3),
    }
    whole = members[members["fate"] == "stopped"]
    for name in ("error", "test", "test_zero", "apart", "rate_ratio"):
        found[name] = _by_depth(whole, name)
    found["error_narrow"] = _by_depth(whole, "error", "min")
    found["widths"] = span(members["width"])
    found["widest"] = int(members["width"].max())
    for name in ("deviation", "smallest", "largest"):
        found[f"kernel_{name}"] = _by_depth(kernels, name)
    return found


def _gammas(members: pd.DataFrame) -> str:
    pairs = members[["gamma", "depth"]].drop_duplicates().to_numpy()
    ntk = all(is_ntk(gamma, L) for gamma, L in pairs)
    return "1 − 1/L" if ntk else listed([f"{g:.3g} (L = {L:g})" for g, L in pairs])


def _by_depth(table: pd.DataFrame, name: str, width: str = "max") -> str:
    """Range over the rows of the largest (smallest) width, for each depth."""
    texts = []
    for L, own in table.groupby("depth"):
        values = own[name][own["width"] == own["width"].agg(width)]
        digits = 3 if name in ("test", "rate_ratio") else 2
        texts.append(f"{span(values, digits)} (L = {L:g})")
    return "; ".join(texts) or "n/a"
