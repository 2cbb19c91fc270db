"""Numbers of the figure of SGD-stable minimizers, and what its caption quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.craciun2024.theory import gd_stable, sgd_stable
from spectral_atlas.plotting.facts import listed, quoted
from spectral_atlas.plotting.intervals import share_interval, zero_bound

Intervals = list[tuple[float, float]]
CLEAR = 0.05  # exponents farther than this from 0 leave no doubt of their sign


@dataclass(frozen=True)
class Rate:
    """One learning rate and its stable minimizers t_1 by the formulas."""

    place: int
    eta: float
    probability: float
    gd: Intervals
    sgd: Intervals


def rates_of(runs: xr.Dataset) -> list[Rate]:
    """All learning rates of a file."""
    inputs = [float(x) for x in np.atleast_1d(runs.attrs["inputs"])]
    found = []
    for place in range(runs.sizes["rate"]):
        eta, p = float(runs["rate_eta"][place]), float(runs["probability"][place])
        found.append(Rate(place, eta, p, gd_stable(eta, inputs, p), sgd_stable(eta, inputs, p)))
    return found


def exponent_rows(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each rate and minimizer: exponents, formula and measured."""
    names = ("gd_exponent", "sgd_exponent", "gd_measured", "sgd_measured", "sgd_error")
    frames = []
    for place in range(runs.sizes["rate"]):
        frame = pd.DataFrame({name: runs[name].values[place] for name in names})
        frame.insert(0, "t_1", runs["t_1"].values)
        frames.append(_labelled(runs, place, frame, "exponents"))
    return pd.concat(frames, ignore_index=True)


def return_rows(runs: xr.Dataset) -> pd.DataFrame:
    """One row for each rate and minimizer with runs: shares with their 95 % intervals."""
    n, frames = runs.sizes["start"], []
    for place in range(runs.sizes["rate"]):
        frame = pd.DataFrame({"t_1": runs["near_t_1"].values, "n": n})
        for name in ("gd", "sgd"):
            share = runs[f"{name}_returned"].values[place]
            ends = [share_interval(round(float(s) * n), n) for s in share]
            frame[f"{name}_returned"], frame[f"{name}_left"] = share, runs[f"{name}_left"][place]
            frame[f"{name}_low"], frame[f"{name}_high"] = np.array(ends).reshape(-1, 2).T
        at = np.searchsorted(runs["t_1"].values, runs["near_t_1"].values)
        for name in ("gd_exponent", "sgd_exponent"):
            frame[name] = runs[name].values[place, at]
        frames.append(_labelled(runs, place, frame, "runs"))
    return pd.concat(frames, ignore_index=True)


def _labelled(runs: xr.Dataset, place: int, frame: pd.DataFrame, panel: str) -> pd.DataFrame:
    labels = {
        "panel": panel,
        "rate": place,
        "eta": float(runs["rate_eta"][place]),
        "probability": float(runs["probability"][place]),
    }
    return frame.assign(**labels)


def sgd_facts(
    runs: xr.Dataset, rates: Sequence[Rate], exponents: pd.DataFrame, returns: pd.DataFrame
) -> dict[str, Any]:
    """Stable intervals, what minimizers are stable for which, and how sure the exponents are."""
    score = (exponents["sgd_measured"] - exponents["sgd_exponent"]) / exponents["sgd_error"]
    error = np.abs(exponents["gd_measured"] - exponents["gd_exponent"])
    apart = float(error[np.isfinite(error)].max()) if np.isfinite(error).any() else float("nan")
    return {
        "inputs": listed([f"{x:g}" for x in np.atleast_1d(runs.attrs["inputs"])]),
        "rates": "; ".join(f"η = {r.eta:g}, p = {r.probability:g}" for r in rates),
        "n_points": runs.sizes["point"],
        "near": runs.sizes["near"],
        "starts": int(runs.attrs["starts"]),
        "steps": int(runs.attrs["steps"]),
        "nudge": quoted(float(runs.attrs["nudge"])),
        "beyond": quoted(float(runs.attrs["left_beyond"])),
        "within": f"{float(runs.attrs['returned_within']):g}",
        "lowest": quoted(float(runs["t_1"].values.min())),
        "highest": quoted(float(runs["t_1"].values.max())),
        "gd_stable": _each(rates, [_text(r.gd) for r in rates]),
        "sgd_stable": _each(rates, [_text(r.sgd) for r in rates]),
        "sets": _each(rates, [_sets(exponents[exponents["rate"] == r.place]) for r in rates]),
        "score": quoted(float(score.abs().max()), 2),
        "scores": int(score.notna().sum()),
        "gd_apart": quoted(apart, 2),
        "margin": CLEAR,
        "sgd_returns": _each(rates, [_shares(returns, r, "sgd") for r in rates]),
        "gd_returns": _each(rates, [_shares(returns, r, "gd") for r in rates]),
        "bound": quoted(zero_bound(int(runs.attrs["starts"])), 2),
    }  # fmt: skip


def _each(rates: Sequence[Rate], texts: Sequence[str]) -> str:
    return "; ".join(f"η = {r.eta:g}: {text}" for r, text in zip(rates, texts, strict=True))


def _text(intervals: Intervals) -> str:
    return listed([f"({low:.4f}, {high:.4f})" for low, high in intervals])


def _sets(own: pd.DataFrame) -> str:
    """How many minimizers are stable for both, for one of them, as measured."""
    gd, sgd = own["gd_measured"] < 0, own["sgd_measured"] < 0
    both, only_sgd, only_gd = (gd & sgd).sum(), (sgd & ~gd).sum(), (gd & ~sgd).sum()
    return f"{both} both, {only_gd} GD only, {only_sgd} SGD only"


def _shares(returns: pd.DataFrame, rate: Rate, name: str) -> str:
    """Least share where the exponent is clearly negative, largest where clearly positive."""
    own = returns[returns["rate"] == rate.place]
    stable, unstable = (
        own[own[f"{name}_exponent"] < -CLEAR],
        own[own[f"{name}_exponent"] > CLEAR],
    )
    least = quoted(float(stable[f"{name}_returned"].min()) if len(stable) else None)
    most = quoted(float(unstable[f"{name}_returned"].max()) if len(unstable) else None)
    return f"at least {least} below, at most {most} above"
