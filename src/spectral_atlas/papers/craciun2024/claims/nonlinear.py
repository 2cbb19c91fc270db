"""tanh and ELU networks with a hidden layer (G1 to G7)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.kinds import counted
from spectral_atlas.papers.craciun2024.claims.study import CLOSE, ROUNDING, Study, enough, largest

Array = np.ndarray
X, Y = (-1.0, -0.3, 0.4, 1.0), (0.8, -0.5, 0.3, -0.6)
AT_REST, MOVING, DIVERGED = range(3)
LOWEST, HIGHEST = 0.05, 0.6
ACTIVATIONS = ("tanh", "elu")


def _runs(study: Study) -> xr.Dataset:
    data, runs = study.dataset("data/points"), study.dataset("runs/nonlinear")
    if data.sizes["sample"] != len(X) or not np.allclose([data["x"], data["y"]], [X, Y]):
        raise Unmeasured("data/points has other points")
    if int(runs.attrs["width"]) != 20:
        raise Unmeasured(f"{runs.attrs['width']} instead of 20 neurons in runs/nonlinear")
    if float(runs.attrs["still"]) > 1e-8 * (1 + CLOSE):
        raise Unmeasured(f"runs/nonlinear rests below a gradient of {runs.attrs['still']:g}")
    enough(runs, "runs/nonlinear", 20_000, 20)
    found = [name for name in ACTIVATIONS if name in runs["activation"].values]
    if not found:
        raise Unmeasured("neither tanh nor ELU in runs/nonlinear")
    return runs.sel(activation=found)


def _at_end(study: Study, highest: bool) -> xr.Dataset:
    """The runs with the lowest or the highest rate of the sweep from .05 to .6."""
    found = _runs(study)
    rates = found["learning_rate"].values
    eta = HIGHEST if highest else LOWEST
    at = np.flatnonzero(np.isclose(rates, eta))
    if not at.size:
        raise Unmeasured(f"no eta = {eta:g} in runs/nonlinear")
    return found.isel(learning_rate=int(at[0]))


def _ends(highest: bool) -> Samples:
    def samples(study: Study) -> Sample:
        found = _at_end(study, highest)
        return counted(found["outcome"] == AT_REST, ["start"], _names(found))

    return samples


def _all_rest(study: Study) -> Sample:
    found = _at_end(study, False)
    share = (found["outcome"] == AT_REST).mean("start").values
    return Sample(share, _names(found), f"{found.sizes['start']} starts each")


def _names(found: xr.Dataset) -> list[str]:
    return [str(name) for name in found["activation"].values]


def _rate_labels(found: xr.Dataset) -> list[str]:
    return [f"{n} eta = {e:g}" for n in _names(found) for e in found["learning_rate"].values]


def _share(found: xr.Dataset) -> xr.DataArray:
    """Of the starts that come to rest, by ascending rate."""
    share = (found["outcome"] == AT_REST).mean("start").transpose("activation", "learning_rate")
    return share.sortby("learning_rate")


def _rises(study: Study) -> Sample:
    """How much more starts come to rest at some rate than at a lower one."""
    found = _runs(study)
    share = _share(found)
    rise = share.values - np.minimum.accumulate(share.values, axis=1)
    return Sample(rise.max(1), _names(found), f"{found.sizes['start']} starts each")


def _ratios(study: Study) -> Sample:
    found, spectra = _runs(study), study.dataset("spectra/nonlinear")
    ratio, resting = (
        spectra["ratio"].sel(activation=found["activation"]),
        found["outcome"] == AT_REST,
    )
    worst = largest(ratio, resting, ["start"]).transpose("activation", "learning_rate")
    values = worst.values.ravel()
    there = ~np.isneginf(values)
    if not there.any():
        raise Unmeasured("no run came to rest")
    labels = [x for x, kept in zip(_rate_labels(found), there, strict=True) if kept]
    number, left = int(resting.sum()), int(found["left"].sum())
    remark = f"{number} points of rest; {left} runs left when they were moved, not among them"
    return Sample(values[there], labels, remark)


def _not_minima(study: Study) -> Sample:
    found = _runs(study)
    resting = found["outcome"] == AT_REST
    other = (resting & ~(found["loss_most"] <= 1e-12)).sum("start")
    values = other.transpose("activation", "learning_rate").values.ravel().astype(float)
    sizes = resting.sum("start").transpose("activation", "learning_rate").values.ravel()
    there = sizes > 0
    if not there.any():
        raise Unmeasured("no run came to rest")
    labels = [x for x, kept in zip(_rate_labels(found), there, strict=True) if kept]
    return Sample(values[there], labels, sizes=sizes[there])


def _last_rest(found: xr.Dataset, name: str) -> float:
    """The highest rate at which a start comes to rest."""
    share = _share(found).sel(activation=name)
    rates = share["learning_rate"].values[share.values > 0]
    return float(rates.max()) if rates.size else 0.0


def _beyond(study: Study) -> Sample:
    """Mean |gradient| of bounded runs beyond the rates at which some start comes to rest."""
    found, values, labels, each = _runs(study), [], [], []
    for name in _names(found):
        some, last = found.sel(activation=name), _last_rest(found, name)
        each.append(f"{name}: the last rest at {last:g}")
        for eta in some["learning_rate"].values[some["learning_rate"].values > last]:
            here = some.sel(learning_rate=eta)
            mean = here["gradient_mean"].values[here["outcome"].values == MOVING]
            values += mean.tolist()
            labels += [f"{name} eta = {eta:g}"] * len(mean)
    if not values:
        raise Unmeasured("no run stayed bounded without rest beyond the rates of rest")
    return Sample(np.array(values), labels, ", ".join(each))


def _lost(study: Study) -> Sample:
    """Share of starts that diverge, of those that do not come to rest, over the whole sweep."""
    found = _runs(study)
    moving = (found["outcome"] == MOVING).sum(["start", "learning_rate"])
    gone = (found["outcome"] == DIVERGED).sum(["start", "learning_rate"])
    number = (moving + gone).values
    if not number.all():
        raise Unmeasured("every start comes to rest")
    listed = ", ".join(
        f"{name} {int(g)} of {int(n)}"
        for name, g, n in zip(_names(found), gone.values, number, strict=True)
    )
    return Sample(gone.values / number, _names(found), listed)


NET = "mean of (y - f(x))^2 at four points, f of 20 neurons, tanh and ELU"
TRANSITION = "later abstracts: experiments with nonlinear networks"
CHECKS: tuple[Check, ...] = (
    claim(
        "G1", "nonlinear", f"{NET}, eta = .05, T >= 20000: every start comes to rest.", _all_rest,
        low=1, what="share at rest", tolerance="none", evidence=TRANSITION,
    ),
    claim(
        "G2", "nonlinear", f"{NET}, eta = .6, T >= 20000: none does.", _ends(True), kind="sum",
        low=0, high=0, what="starts at rest", tolerance="none", evidence=TRANSITION,
    ),
    claim(
        "G3", "nonlinear", f"{NET}, eta from .05 to .6, T >= 20000: fewer and fewer do.", _rises,
        high=0.05, what="rise of the share from a lower to a higher eta",
        tolerance="ours: 5 % of the starts, which are the same at each eta",
        evidence=f"{TRANSITION}; as of linear networks",
    ),
    claim(
        "G4", "nonlinear", f"{NET}, any eta, T >= 20000: points of rest are stable.", _ratios,
        high=ROUNDING, what="largest sharpness over 2 / eta", tolerance="rounding",
        evidence="derived: linearization decides where the sharpness is above 2 / eta",
    ),
    claim(
        "G5", "nonlinear", f"{NET}, any eta, T >= 20000: they are minima with a loss of 0.",
        _not_minima, kind="sum", low=0, high=0, what="points of rest with a loss above 1e-12",
        tolerance="none", evidence="ours: saddles and poor minima would count as rest too",
    ),
    claim(
        "G6", "nonlinear", f"{NET}, eta beyond all at which a start comes to rest, T >= 20000: "
        "bounded runs keep a gradient that is orders above 1e-8, most of them.",
        _beyond, kind="median", low=1e-3, what="mean |gradient| of the window",
        tolerance="ours: five orders",
        evidence="later abstracts: a sharp transition of the asymptotic gradient norm",
    ),
    claim(
        "G7", "nonlinear", f"{NET}, eta from .05 to .6, T >= 20000: a start that does not come to "
        "rest diverges, mostly, and does not oscillate.",
        _lost, low=0.9, what="share of such starts that diverge", tolerance="ours",
        evidence="ours, with runs in view",
    ),
)  # fmt: skip
