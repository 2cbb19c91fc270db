"""Hessian spectra at random minimizers (B13 to B17), and the flattest ones (B18 to B21)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.study import NETS, Study
from spectral_atlas.papers.craciun2024.problems import load

Array = np.ndarray
FEWEST = 3  # networks, and random problems
FAR = 1e-8  # |A - W*|_F from which a point is no minimizer
COLORED = {"2-3-2-colored": 10.1198, "2-3-3-2-colored": 16.4171}


def _cases(study: Study, deficient: bool) -> xr.Dataset:
    found = study.dataset("spectra/manifold")
    full = (found["data_rank"] == found["inputs"]).values
    some = found.isel(net=np.flatnonzero(~full if deficient else full))
    if some.sizes["net"] < FEWEST:
        kind = "of deficient rank" if deficient else "of full rank"
        raise Unmeasured(f"{some.sizes['net']} of at least {FEWEST} networks with data {kind}")
    return some


def _ratio(found: xr.Dataset) -> xr.DataArray:
    """|eigenvalue| over the largest."""
    size = abs(found["eigenvalues"])
    return size / size.isel(value=0)


def _labels(found: xr.Dataset) -> list[str]:
    return [f"{net} point {j}" for net in found["net"].values for j in range(found.sizes["point"])]


def _ranks(deficient: bool, threshold: float) -> Samples:
    def samples(study: Study) -> Sample:
        found = _cases(study, deficient)
        rank = (_ratio(found) > threshold).sum("value").transpose("net", "point")
        wanted = found["outputs"] * found["data_rank"]
        nets = ", ".join(
            f"{net} {int(r)} of {int(p)}"
            for net, r, p in zip(found["net"].values, wanted, found["n_params"], strict=True)
        )
        held = (rank == wanted).transpose("net", "point").values.astype(float)
        return Sample(held.ravel(), _labels(found), f"expected ranks: {nets}")

    return samples


def _gap(study: Study) -> Sample:
    """The largest of the eigenvalues that should be 0."""
    found = study.dataset("spectra/manifold")
    place = found["value"] > found["outputs"] * found["data_rank"]
    worst = _ratio(found).where(place).max("value").transpose("net", "point")
    return Sample(worst.values.ravel(), _labels(found))


def _closed(study: Study) -> Sample:
    """Signed eigenvalues against those in closed form, over the largest."""
    found = study.dataset("spectra/manifold")
    values = []
    for k in range(found.sizes["net"]):
        rank = int(found["outputs"][k] * found["data_rank"][k])
        full = found["eigenvalues"].values[k, :, :rank]
        largest_first = np.sort(full, axis=1)[:, ::-1]
        closed = found["closed"].values[k, :, :rank]
        values.append(np.abs(largest_first - closed).max(1) / closed[:, 0])
    return Sample(np.concatenate(values), _labels(found))


def _critical(study: Study, mask: xr.DataArray | None, fewest: int = FEWEST) -> xr.Dataset:
    found = study.dataset("runs/critical")
    if mask is not None:
        found = found.isel(problem=np.flatnonzero(mask.values))
    if found.sizes["problem"] < fewest:
        raise Unmeasured(f"{found.sizes['problem']} of at least {fewest} problems in runs/critical")
    return found


def _over(found: xr.Dataset, value: Array) -> Sample:
    """Sharpness found over a value; NaN where what was found is no minimizer."""
    ratio = np.where(found["misfit"].values < FAR, found["sharpness"].values / value, np.nan)
    remark = f"misfits up to {float(found['misfit'].max()):.2g}"
    return Sample(ratio, found["problem"].values.tolist(), remark)


def _white(study: Study) -> Sample:
    found = study.dataset("runs/critical")
    some = _critical(study, found["white"] & ~found["random"])
    data, values = study.dataset("data/nets"), []
    for name in some["problem"].values:
        if name not in data["net"].values:
            raise Unmeasured(f"runs/critical has {name}, data/nets has not")
        problem = load(data, name)
        H, s = problem.arch.depth, np.linalg.norm(problem.target, 2)
        values.append(2 * H * s ** (2 - 2 / H))
    return _over(some, np.array(values))


def _colored(study: Study) -> Sample:
    found = study.dataset("runs/critical")
    for name in COLORED:
        study.problem(name)
        if name not in found["problem"].values:
            raise Unmeasured(f"no {name} in runs/critical")
    return _over(found.sel(problem=list(COLORED)), np.array(list(COLORED.values())))


def _below(study: Study) -> Sample:
    found = _critical(study, None)
    return _over(found, found["bound"].values)


def _attained(study: Study) -> Sample:
    every = study.dataset("runs/critical")
    found = _critical(study, every["random"])
    ratio = _over(found, found["bound"].values)
    held = np.where(np.isnan(ratio.values), np.nan, ratio.values <= 1 + 1e-3)
    found_at = ratio.values[~np.isnan(ratio.values)]
    most = f"; found / bound up to {found_at.max():.9g}" if found_at.size else ""
    return Sample(held, ratio.labels, ratio.remark + most)


MANIFOLD = f"{NETS}, random minimizers"
CHECKS: tuple[Check, ...] = (
    claim(
        "B13", "spectra_on_manifold", f"{MANIFOLD}, data and W* of full rank: the Hessian has rank "
        "d_0 d_H, counted from 1e-8 of its largest eigenvalue.",
        _ranks(False, 1e-8), kind="share", low=1, high=1, what="it has",
        tolerance="none; the threshold is that of another program",
        evidence="after the abstracts: minima form a manifold; the rank derived",
    ),
    claim(
        "B14", "spectra_on_manifold", f"{MANIFOLD}, data and W* of full rank: the same, counted "
        "from 1e-12.",
        _ranks(False, 1e-12), kind="share", low=1, high=1, what="it has",
        tolerance="none; weaker: nonzero eigenvalues of deep networks may be far apart",
        evidence="derived; the threshold ours",
    ),
    claim(
        "B15", "spectra_on_manifold", f"{MANIFOLD}, fewer samples than inputs: the rank is "
        "d_H rank(X), counted from 1e-8.",
        _ranks(True, 1e-8), kind="share", low=1, high=1, what="it is", tolerance="none",
        evidence="derived; three such networks by another program",
    ),
    claim(
        "B16", "spectra_on_manifold", f"{MANIFOLD}: the other eigenvalues are 0.", _gap,
        high=1e-13, what="their size over the largest eigenvalue",
        tolerance="rounding; 1e-15 by another program", evidence="derived",
    ),
    claim(
        "B17", "spectra_on_manifold", f"{MANIFOLD}, with and without label noise: the nonzero "
        "eigenvalues are those of 2 sum_h W_>h W_>h^T x S^(1/2) W_<h^T W_<h S^(1/2).",
        _closed, high=1e-10, what="distance over the largest eigenvalue",
        tolerance="rounding; 2e-15 by another program", evidence="derived",
    ),
    claim(
        "B18", "spectra_on_manifold", f"{NETS}, S = I: the least sharpness of a minimizer is "
        "2 H s_1(W*)^(2 - 2/H).",
        _white, low=1 - 1e-9, high=1 + 1e-3, what="sharpness found by minimization over it",
        tolerance="minimization may stop early, and not below", evidence="derived",
    ),
    claim(
        "B19", "spectra_on_manifold", f"{NETS}, S = diag(2, .5), W* = ((1.2, .3), (-.4, .8)): the "
        "least sharpness is 10.1198 of 2-3-2 and 16.4171 of 2-3-3-2.",
        _colored, low=1 - 1e-4, high=1 + 1e-4, what="sharpness found by minimization over it",
        tolerance="four minimizations of another program agreed to 1e-5",
        evidence="another program",
    ),
    claim(
        "B20", "spectra_on_manifold", f"{NETS}, any S and W*: no minimizer is flatter than "
        "2 H max |S^(1/2) b|^(2/H) |W* S^(1/2) b|^(2 - 2/H) over |b| = 1.",
        _below, low=1 - 1e-9, what="sharpness found by minimization over it",
        tolerance="rounding", evidence="derived, with a proof",
    ),
    claim(
        "B21", "spectra_on_manifold", f"{NETS}, random S and W*: a minimization without the "
        "formula finds minimizers as flat.",
        _attained, kind="share", low=0.95, high=1, what="the sharpness found is within 1e-3",
        tolerance="ours: a minimization may stop early", evidence="derived, with a proof",
    ),
)  # fmt: skip
