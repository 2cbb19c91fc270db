"""All entries observed: minima follow from single singular values (H12 to H15)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, joined
from spectral_atlas.papers.jacot2021.claims.generalize import DEPTHS
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.ranked import checked, ranked, ridges
from spectral_atlas.papers.jacot2021.claims.study import RANK, Study, select
from spectral_atlas.papers.jacot2021.theory import (
    lambda_critical,
    lambda_global,
    stationary_values,
)

Array = np.ndarray
FULL = "runs/minima_full"
SPECTRUM = (10.0, 6.0, 3.0)
FEWEST = 2  # targets of one spectrum are one problem, turned
CURVATURE = 0.01  # the weight of an entry, one of a hundred


def _spectrum_of_data(study: Study) -> Array:
    """Singular values of A*, (target, 3), of the targets in the file; Unmeasured if others."""
    data = study.data("full", 100).sel(target=study.dataset(FULL)["target"].values)
    found = np.linalg.svd(data["matrix"].values, compute_uv=False)[:, :RANK]
    if not np.allclose(found, SPECTRUM):
        raise Unmeasured("data/full has other singular values")
    return np.asarray(found)


def _window(cells: tuple[tuple[int, float], ...]) -> Samples:
    """Whether rank 2 is global, and a local minimum of rank 3 tests better."""

    def samples(study: Study) -> Sample:
        _spectrum_of_data(study)
        parts = []
        for L, ridge in cells:
            found = ranked(study, FULL, L, ridge, FEWEST)
            ratio = found.ratio()
            held = (found.best_rank == RANK - 1) & (ratio < 1)
            shown = f"ratio {np.nanmedian(ratio):.3f}" if np.isfinite(ratio).any() else ""
            parts.append(("", Sample(held, found.labels, shown)))
        return joined(parts)

    return samples


def _predicted(study: Study) -> Sample:
    """Whether the global rank, and whether rank 3 has a minimum, are as derived for every ridge."""
    spectra, parts = _spectrum_of_data(study), []
    for L in DEPTHS:
        for ridge in ridges(study, FULL):
            found = ranked(study, FULL, L, ridge, FEWEST)
            rank = (ridge < lambda_global(spectra, CURVATURE, L)).sum(1)
            there = ridge < lambda_critical(spectra[:, -1], CURVATURE, L)
            (at,) = np.flatnonzero(found.ranks == RANK)
            held = (found.best_rank == rank) & (found.minimum[:, at] == there)
            parts.append((f"L = {L}, lambda = {ridge:g},", Sample(held, found.labels)))
    return joined(parts)


def _shrunk(study: Study) -> Sample:
    """Largest relative distance of singular values from the roots, over ranks 1 to 3."""
    spectra, whole, parts = _spectrum_of_data(study), checked(study, FULL, FEWEST), []
    for L in DEPTHS:
        for ridge in ridges(study, FULL):
            found = ranked(study, FULL, L, ridge, FEWEST)
            maps = select(whole, FULL, depth=L, ridge=ridge)["map"].transpose("target", "rank", ...)
            s = np.linalg.svd(maps.values, compute_uv=False)[..., :RANK]
            upper = stationary_values(spectra, ridge, CURVATURE, L)[1]
            gap = np.zeros(len(spectra))
            for r in range(1, RANK + 1):
                (at,) = np.flatnonzero(found.ranks == r)
                far = np.abs(s[:, at, :r] / upper[:, :r] - 1).max(1)
                gap = np.where(found.minimum[:, at], np.fmax(gap, far), gap)
            parts.append((f"L = {L}, lambda = {ridge:g},", Sample(gap, found.labels)))
    return joined(parts)


ALL_SEEN = "10 x 10 matrices with singular values 10, 6, 3, all entries observed, no noise"
CHECKS: tuple[Check, ...] = (
    *(
        claim(
            id, "generalize", f"{ALL_SEEN}, L = {L}, lambda = {ridge:g}, where 3 has a minimum "
            f"that is not global: rank 2 is global and rank 3 generalizes better.",
            _window(((L, ridge),)), kind="share", low=1, high=1, what="it is so", tolerance="none",
            evidence="derived, entry by entry; measured on ten other instances",
        )
        for id, L, ridge in (("H12", 3, 0.0188), ("H13", 4, 0.017))
    ),
    claim(
        "H14", "generalize", f"{ALL_SEEN}, L = 3, 4, all lambda: the global rank, and whether rank "
        f"3 has a minimum, follow from the thresholds of one singular value.",
        _predicted, kind="share", low=1, high=1, what="both are as derived", tolerance="none",
        evidence="derived: all singular values are shrunk on their own",
    ),
    claim(
        "H15", "generalize", f"{ALL_SEEN}, L = 3, 4, all lambda: singular values of the minima are "
        f"the derived ones.",
        _shrunk, high=1e-6, what="largest relative distance", tolerance="of the minimization",
        evidence="derived: upper roots of a = s + (lambda / c) s^-(1 - 2/L)",
    ),
)  # fmt: skip
