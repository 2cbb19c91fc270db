"""Critical points of the regularized loss: strict saddles or local minima (G1 to G13)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.ranked import AXES, Ranked, checked, ranked
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Study, select

Array = np.ndarray
RIDGES, WIDTH = (0.001, 0.003), 12
REF, HESSIANS = "runs/landscape", "spectra/landscape"
Point = Callable[[Ranked, xr.Dataset, float], tuple[Array, Array]]


def _points(depths: tuple[int, ...], held: Point) -> Samples:
    """A statement about critical points of every depth, ridge, target and rank.

    ``held`` returns for (target, rank) whether it holds, and where it is about anything; a Hessian
    that is not certain counts against it.
    """

    def samples(study: Study) -> Sample:
        parts = []
        for L in depths:
            for ridge in RIDGES:
                minima, spectra = ranked(study, REF, L, ridge), _spectra(study, L, ridge)
                values, among = held(minima, spectra, ridge)
                values = np.where(spectra["certain"].values.astype(bool), values, np.nan)
                names = [f"{label} rank {r}" for label in minima.labels for r in minima.ranks]
                some = np.flatnonzero(among.ravel())
                one = Sample(values.ravel()[some], [names[i] for i in some])
                parts.append((f"L = {L}, lambda = {ridge:g},", one))
        return joined(parts)

    return samples


def _spectra(study: Study, depth: int, ridge: float) -> xr.Dataset:
    whole = study.dataset(HESSIANS)
    if (width := int(whole.attrs["width"])) != WIDTH:
        raise Unmeasured(f"{HESSIANS} has width {width} instead of {WIDTH}")
    return select(whole, HESSIANS, depth=depth, ridge=ridge).transpose(*AXES, ...)


def _count(spectra: xr.Dataset, name: str) -> Array:
    return np.asarray(spectra[name].values)


def _below_best(minima: Ranked, spectra: xr.Dataset, ridge: float) -> tuple[Array, Array]:
    below = minima.own & (minima.ranks < minima.best_rank[:, None])
    return _count(spectra, "negative") > 0, below


def _at_best(minima: Ranked, spectra: xr.Dataset, ridge: float) -> tuple[Array, Array]:
    at = minima.ranks == minima.best_rank[:, None]
    return _count(spectra, "negative") == 0, at & minima.own


def _only_rotations(minima: Ranked, spectra: xr.Dataset, ridge: float) -> tuple[Array, Array]:
    same = _count(spectra, "zero") == _count(spectra, "rotations")
    return same, minima.own & (_count(spectra, "negative") == 0)


def _instruments(minima: Ranked, spectra: xr.Dataset, ridge: float) -> tuple[Array, Array]:
    return (_count(spectra, "negative") == 0) == minima.minimum, minima.own


def _origin(minima: Ranked, spectra: xr.Dataset, ridge: float) -> tuple[Array, Array]:
    """Whether all eigenvalues at the origin are 2 lambda."""
    values = spectra["eigenvalues"].values
    apart = np.nanmax(np.abs(values / (2 * ridge) - 1), axis=-1)
    origin = np.broadcast_to(minima.ranks == 0, minima.own.shape)
    return apart < 1e-9, origin


def _minima(depth: int) -> Samples:
    """Certified local minima of each target, the origin among them."""

    def samples(study: Study) -> Sample:
        parts = []
        for ridge in RIDGES:
            minima, spectra = ranked(study, REF, depth, ridge), _spectra(study, depth, ridge)
            sure = (_count(spectra, "negative") == 0) & spectra["certain"].values.astype(bool)
            count = (minima.own & sure).sum(1).astype(float)
            parts.append((f"lambda = {ridge:g},", Sample(count, minima.labels)))
        return joined(parts)

    return samples


def _falling(strictly: bool) -> Samples:
    """Growth of the global rank with depth: from L to L + 1 at most zero, from 2 to 4 below."""

    def samples(study: Study) -> Sample:
        parts = []
        for ridge in RIDGES:
            two, three, four = (ranked(study, REF, L, ridge) for L in (2, 3, 4))
            if strictly:
                growth = four.best_rank - two.best_rank
            else:
                steps = (three.best_rank - two.best_rank, four.best_rank - three.best_rank)
                growth = np.maximum(*steps)
            parts.append((f"lambda = {ridge:g},", Sample(growth.astype(float), two.labels)))
        return joined(parts)

    return samples


def _unique(study: Study) -> Sample:
    """Spread of the values of all searches of L = 2 in widths from the global rank on."""
    found, parts = checked(study, REF), []
    for ridge in RIDGES:
        minima = ranked(study, REF, 2, ridge)
        values = select(found, REF, depth=2, ridge=ridge)["value"].transpose(*AXES).values
        wide = minima.ranks >= minima.best_rank[:, None]
        spread = [np.ptp(v[some]) / v[some].min() for v, some in zip(values, wide, strict=True)]
        kept = np.where(wide.sum(1) > 1, spread, np.nan)
        parts.append((f"lambda = {ridge:g},", Sample(kept, minima.labels)))
    return joined(parts)


ALL = f"{SETTING}, N = 80, noise .3, lambda = .001, .003"
CERTIFIED = f"dense Hessian of width {WIDTH}"
DEEP = "first abstract: local minima appear in deep networks"
SHALLOW = "first abstract: shallow critical points are global minima or strict saddles"
CHECKS: tuple[Check, ...] = (
    claim(
        "G1", "landscape", f"{ALL}, L = 2: critical points of a rank below the global one are "
        f"strict saddles.",
        _points((2,), _below_best), kind="share", low=1, high=1,
        what=f"the {CERTIFIED} has a negative eigenvalue", tolerance="none", evidence=SHALLOW,
    ),
    claim(
        "G2", "landscape", f"{ALL}, L = 2, 3, 4: the lowest critical point found is a minimum.",
        _points((2, 3, 4), _at_best), kind="share", low=1, high=1,
        what=f"the {CERTIFIED} has no negative eigenvalue", tolerance="none", evidence="derived",
    ),
    claim(
        "G3", "landscape", f"{ALL}, L = 2: searches in all widths that admit the global rank end "
        f"at one value.",
        _unique, high=1e-9, what="relative spread", tolerance="other runs had 4e-14, absolute",
        evidence=SHALLOW,
    ),
    *(
        claim(
            id, "landscape", f"{ALL}, L = {L}: there are several local minima of different rank.",
            _minima(L), low=low, what=f"minima certified by the {CERTIFIED}", tolerance=tolerance,
            evidence=evidence,
        )
        for id, L, low, tolerance, evidence in (
            ("G4", 3, 2, "two are several", DEEP),
            ("G5", 4, 2, "two are several", DEEP),
            ("G6", 3, 5, "other runs had 5 to 7", "measured on ten other instances"),
            ("G7", 4, 5, "other runs had 5 to 7", "measured on ten other instances"),
        )
    ),
    claim(
        "G8", "landscape", f"{ALL}, L = 3, 4: the origin is a minimum, with Hessian 2 lambda.",
        _points((3, 4), _origin), kind="share", low=1, high=1,
        what="all eigenvalues are 2 lambda to 1e-9", tolerance="rounding", evidence="derived",
    ),
    claim(
        "G9", "landscape", f"{ALL}, L = 2, 3, 4: minima are isolated but for rotations of the "
        f"hidden layers.",
        _points((2, 3, 4), _only_rotations), kind="share", low=1, high=1,
        what="there are as many zero eigenvalues as rotations that act", tolerance="none",
        evidence="derived for a generic minimum",
    ),
    claim(
        "G10", "landscape", f"{ALL}, L = 3, 4: perturbed weights come back where the Hessian has "
        f"no negative eigenvalue, and nowhere else.",
        _points((3, 4), _instruments), kind="share", low=1, high=1, what="both agree",
        tolerance="none", evidence="two instruments for one statement",
    ),
    claim(
        "G11", "landscape", f"{ALL}, L = 2: perturbed weights come back where the Hessian has no "
        f"negative eigenvalue, and nowhere else.",
        _points((2,), _instruments), kind="share", low=0.98, high=1, what="both agree",
        tolerance="2 %, after 1 of 167 was seen: a way down of 1e-8 of the value escapes them",
        evidence="two instruments for one statement",
    ),
    claim(
        "G12", "landscape", f"{ALL}: the global rank does not grow with depth, from L = 2 to 3 to "
        "4.",
        _falling(strictly=False), high=0, what="largest growth", tolerance="none",
        evidence="first abstract: the low-rank bias grows with depth",
    ),
    claim(
        "G13", "landscape", f"{ALL}: the global rank is lower at L = 4 than at L = 2.",
        _falling(strictly=True), high=-1, what="growth", tolerance="none",
        evidence="first abstract: the low-rank bias grows with depth",
    ),
)  # fmt: skip
