"""Estimates of the sharpness, and the work that a search costs (P, W)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.kalra2023.claims.kinds import Samples, every_run
from spectral_atlas.papers.kalra2023.claims.regimes import NARROW, SHALLOW, fcn, listed, variant
from spectral_atlas.papers.kalra2023.claims.samples import Sample, indices, sign_test
from spectral_atlas.papers.kalra2023.claims.study import Nets, Study

Array = np.ndarray
SETTING = "ReLU FCN at initialization, power-law mixture (D = 64, N = 512, K = 10), squared error"
OTHERS = "measured independently, other code"
NETS = tuple(Nets("spectra/estimators", d, w) for d, w in ((4, 64), (4, 128), (8, 64)))
WIDTHS = (64, 128)
BATCH = 128
Errors = Callable[[Study, Nets], tuple[Array, str]]


def _relative(error: Errors) -> Samples:
    def samples(study: Study) -> list[Sample]:
        return [Sample(nets.text, *error(study, nets)) for nets in NETS]

    return samples


def _power(study: Study, nets: Nets) -> tuple[Array, str]:
    rows = study.rows(nets)
    gap = (rows["second"] / rows["certified"]).values
    error = np.abs(rows["power"].values / rows["certified"].values - 1)
    worst = int(error.argmax())
    return error, f"the worst has lambda_2 / lambda_1 = {gap[worst]:.3f}"


def _lanczos(study: Study, nets: Nets) -> tuple[Array, str]:
    rows = study.rows(nets)
    if not {12, 30} <= set(rows["lanczos_steps"].values.tolist()):
        raise Unmeasured("no Lanczos runs of 12 and of 30 products")
    found = rows["lanczos"]
    short, long = (found.sel(lanczos_steps=m).values for m in (12, 30))
    gap = (rows["second"] / rows["certified"]).values
    error = np.abs(short / long - 1)
    return error, f"the worst has lambda_2 / lambda_1 = {gap[int(error.argmax())]:.3f}"


def _pairs(study: Study) -> Iterator[tuple[str, xr.Dataset, xr.Dataset]]:
    """Runs searched with certified sharpnesses, and the same with the authors' estimates."""
    for width in WIDTHS:
        ours = study.rows(variant(4, width, batch=BATCH))
        theirs = study.rows(Nets("runs/authors", 4, width, batch=BATCH))
        same = np.intersect1d(ours["seed"].values, theirs["seed"].values)
        if not same.size:
            raise Unmeasured(f"no seed in common, d = 4, w = {width}")
        a, b = (
            ds.isel(run=np.isin(ds["seed"].values, same)).sortby("seed") for ds in (ours, theirs)
        )
        yield f"d = 4, w = {width}", a, b


def _thresholds_apart(study: Study) -> list[Sample]:
    """Grid steps between the learning rates from which the loss exceeds its start."""
    found = []
    for label, ours, theirs in _pairs(study):
        rates = [
            ds.attrs["grid_step"] * indices(ds, "c_loss", label) - np.log2(ds["lambda0"].values)
            for ds in (ours, theirs)
        ]
        apart = np.abs(rates[1] - rates[0]) / float(ours.attrs["grid_step"])
        low = (theirs["lambda0"] / ours["lambda0"] - 1).values
        found.append(Sample(label, apart, f"lambda_0 off by {low.min():.1%} to {low.max():.1%}"))
    return found


@check(
    "P6", "a8",
    f"{SETTING}, d = 4, batches of {BATCH}: c_sharp comes out lower with the sharpness of the next "
    f"minibatch in place of that of all samples.",
    expected="one-sided p-value of the exact sign test at most .05", low=0, high=0.05,
    tolerance="level of the test",
    evidence="derived: the highest of ten noisy estimates is compared with a start on other "
    "samples",
)  # fmt: skip
def _c_sharp_moves(study: Study) -> tuple[float, str]:
    lower, higher, parts = 0, 0, []
    for label, ours, theirs in _pairs(study):
        moved = indices(theirs, "c_sharp", label) - indices(ours, "c_sharp", label)
        lower, higher = lower + int((moved < 0).sum()), higher + int((moved > 0).sum())
        parts.append(f"{label}: moved by {', '.join(map(str, moved))} grid steps")
    detail = f"{lower} lower, {higher} higher; {'; '.join(parts)}"
    return sign_test(lower, lower + higher), detail


@check(
    "W1", "fig3",
    f"Phase diagram of FCN, {listed((*SHALLOW, *NARROW))}: bisection with short "
    "Lanczos runs from the last eigenvector needs a fraction of the FLOP of the authors' scan with "
    "20 power iterations.",
    expected="at least 40 times fewer for every depth and width", low=40, high=np.inf,
    tolerance="independent estimate: about 100 times fewer",
    evidence="counted: matrix products of the search, and of the scan for the same constants",
)  # fmt: skip
def _work(study: Study) -> tuple[float, str]:
    found = {}
    for nets in (fcn(*n) for n in (*SHALLOW, *NARROW)):
        rows = study.rows(nets)
        found[nets.text] = float(rows["flops_scan"].sum() / rows["flops"].sum())
    return min(found.values()), "; ".join(f"{n}: {v:.0f} times" for n, v in found.items())


def _errors(id: str, what: str, error: Errors, most: float) -> list[Check]:
    """Of a typical run, and of every run."""
    statement = f"{SETTING}, {listed((n.depth, n.width) for n in NETS)}: {what}"
    seen = "what a few independent runs had at most"
    number = int(id[1:])

    @check(
        id, "a8", f"{statement}, in a typical run.",
        expected=f"median relative error at most {most:g} for each of the nets", low=0, high=most,
        tolerance=seen, evidence=OTHERS,
    )  # fmt: skip
    def typical(study: Study) -> tuple[float, str]:
        found = _relative(error)(study)
        return max(float(np.median(s.values)) for s in found), "; ".join(s.text for s in found)

    each = every_run(
        f"P{number + 1}", "a8", f"{statement}, in every run.",
        _relative(error), high=most, what="relative error", tolerance=seen, evidence=OTHERS,
    )  # fmt: skip
    return [typical, each]


CHECKS: tuple[Check, ...] = (
    *_errors("P1", "20 power iterations come within 3 % of the largest eigenvalue", _power, 0.03),
    *_errors("P3", "Lanczos with 12 products comes within 1e-4 of that with 30", _lanczos, 1e-4),
    every_run(
        "P5", "a8",
        f"{SETTING}, d = 4, batches of {BATCH}: the authors' estimate of lambda_0 changes the unit "
        f"of c, and with it the grid, but not the learning rate at which the loss catapults.",
        _thresholds_apart, high=1.0, what="grid steps between the two", tolerance="one grid step",
        evidence="derived: the learning rate is c / lambda_0, and the estimate only divides it",
    ),
    _c_sharp_moves,
    _work,
)  # fmt: skip
