"""Minimizers that are stable for SGD and for gradient descent (H6 to H13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.study import Study

Array = np.ndarray
FILE = "runs/minibatch"
LEFT, RIGHT = (0.15, 0.5), (0.3, 0.58)  # eta, probability of the first sample
WINDOW = 2.5  # what the follow-up's figure shows of t_1, presumably
Part = tuple[float, float]  # an interval of t_1
Piece = tuple[tuple[float, float], Part, Sequence[Part]]  # panel, where to look, what is there


def mirrored(part: Part) -> Part:
    """The image under t_1 -> 1 / t_1, the other weight's interval."""
    return 1 / part[1], 1 / part[0]


EVERYWHERE, ISLAND, BESIDE = (0.0, np.inf), (2.551, 3.031), (1.4315, 2.1886)
GD_PARTS: tuple[Piece, ...] = (
    (LEFT, EVERYWHERE, [(0.5352, 1.8683)]), (RIGHT, EVERYWHERE, [(0.8228, 1.2154)]),
)  # fmt: skip
SGD_PARTS: tuple[Piece, ...] = (
    (LEFT, (1 / WINDOW, WINDOW), [(0.6778, 1.4753)]),
    (RIGHT, EVERYWHERE, [mirrored(BESIDE), BESIDE]),
)
ISLANDS: tuple[Piece, ...] = (
    (LEFT, (WINDOW, np.inf), [ISLAND]), (LEFT, (0.0, 1 / WINDOW), [mirrored(ISLAND)]),
)  # fmt: skip


def panel_of(study: Study, panel: tuple[float, float]) -> xr.Dataset:
    """One learning rate and probability; Unmeasured where they, or the samples, are others."""
    found = study.dataset(FILE)
    if not np.allclose(found.attrs["inputs"], (0.9, 2.5)):
        raise Unmeasured(f"other samples, {found.attrs['inputs']}, in {FILE}")
    eta, p = panel
    same = np.isclose(found["rate_eta"].values, eta) & np.isclose(found["probability"].values, p)
    if not same.any():
        raise Unmeasured(f"no eta = {eta:g} with p = {p:g} in {FILE}")
    return found.isel(rate=int(np.flatnonzero(same)[0]))


def stable_parts(t_1: Array, exponent: Array) -> Array:
    """All intervals (part, end) with a negative exponent, interpolated in ln t_1.

    An end that lies beyond the last minimizer is NaN.
    """
    u, y = np.log(t_1), exponent
    inside = y < 0
    at = np.flatnonzero(inside[1:] != inside[:-1])
    ends = np.exp(u[at] - y[at] * (u[at + 1] - u[at]) / (y[at + 1] - y[at]))
    before, after = ([np.nan] if len(y) and inside[k] else [] for k in (0, -1))
    return np.concatenate([before, ends, after]).reshape(-1, 2)


def _parts(pieces: Sequence[Piece], name: str) -> Samples:
    """How far the ends of all stable intervals are; NaN where there are more or fewer."""

    def samples(study: Study) -> Sample:
        values, labels, remarks = [], [], []
        for panel, (low, high), wanted in pieces:
            every = panel_of(study, panel)
            t, y = every["t_1"].values, every[name].values
            if len(t) < 400 or t[0] > 1 / 3.5 or t[-1] < 3.5:
                raise Unmeasured(f"too few minimizers in {FILE}")
            inside = (t > low) & (t < high)
            parts = stable_parts(t[inside], y[inside])
            ends = np.array(wanted).ravel()
            same = parts.size == ends.size
            values.append(np.abs(parts.ravel() - ends) if same else np.full(ends.size, np.nan))
            labels += [f"{end:.4f} at eta = {panel[0]:g}" for end in ends]
            if not same:
                remarks.append(f"eta = {panel[0]:g}: {np.round(parts, 4).tolist()}")
        return Sample(np.concatenate(values), labels, "; ".join(remarks))

    return samples


def _stable(found: xr.Dataset, name: str) -> Array:
    return np.asarray(found[f"{name}_exponent"].values < 0)


def _subset(window: float) -> Samples:
    """Whether each SGD-stable minimizer is GD-stable, and some GD-stable one is not SGD-stable."""

    def samples(study: Study) -> Sample:
        found = panel_of(study, LEFT)
        t = found["t_1"].values
        shown = (t > 1 / window) & (t < window)
        sgd, gd = _stable(found, "sgd")[shown], _stable(found, "gd")[shown]
        if not (gd & ~sgd).any():
            return Sample(np.zeros(1), ["not a proper subset"])
        t = t[shown][sgd]
        return Sample(gd[sgd].astype(float), [f"t_1 = {one:.4g}" for one in t])

    return samples


def _disjoint(study: Study) -> Sample:
    found = panel_of(study, RIGHT)
    sgd, gd = _stable(found, "sgd"), _stable(found, "gd")
    if not sgd.any() or not gd.any():
        return Sample(np.array([np.nan]), ["one of them is empty"])
    remark = f"{int(gd.sum())} GD-stable, {int(sgd.sum())} SGD-stable"
    both = np.array([float((sgd & gd).sum())])
    return Sample(both, [f"{found.sizes['point']} minimizers"], remark)


def _both(value: Callable[[xr.Dataset], Array]) -> Samples:
    def samples(study: Study) -> Sample:
        values, labels = [], []
        for panel in (LEFT, RIGHT):
            found = panel_of(study, panel)
            values.append(value(found))
            labels += [f"eta = {panel[0]:g} t_1 = {t:.4g}" for t in found["t_1"].values]
        return Sample(np.concatenate(values), labels)

    return samples


def _gd_distance(found: xr.Dataset) -> Array:
    return np.asarray(np.abs(np.exp(found["gd_measured"]) - np.exp(found["gd_exponent"])).values)


def _sgd_distance(found: xr.Dataset) -> Array:
    return np.asarray(np.abs(found["sgd_measured"] - found["sgd_exponent"]) / found["sgd_error"])


CHAIN = "(t_1 t_2 - 1)^2 x^2 / 2, x = .9 and 2.5"
PANELS = "eta = .15 with p = .5 and eta = .3 with p = .58"
READ, DERIVED = "read in the follow-up", "derived"
FIGURE = f"{READ}; ends derived from its formulas by another program"
CHECKS: tuple[Check, ...] = (
    claim(
        "H6", "sgd_stability", f"{CHAIN}, {PANELS}: GD-stable minimizers have t_1 in (.5352, "
        "1.8683) and (.8228, 1.2154), and nowhere else.",
        _parts(GD_PARTS, "gd_measured"), high=1e-3, what="distance of the ends",
        tolerance="+- .001", evidence=FIGURE,
    ),
    claim(
        "H7", "sgd_stability", f"{CHAIN}, {PANELS}: SGD-stable ones have t_1 in (.6778, 1.4753), "
        "as far as 1/2.5 < t_1 < 2.5, and in (1.4315, 2.1886) and its mirror image (1/2.1886, "
        "1/1.4315), and nowhere else.",
        _parts(SGD_PARTS, "sgd_exponent"), high=1e-3, what="distance of the ends",
        tolerance="+- .001", evidence=FIGURE,
    ),
    claim(
        "H8", "sgd_stability", f"{CHAIN}, eta = .15, p = .5, t_1 > 2.5 or < 1/2.5: there is a "
        "second island of SGD-stable minimizers, t_1 in (2.551, 3.031), with its mirror image, and "
        "no other.",
        _parts(ISLANDS, "sgd_exponent"), high=1e-3, what="distance of the ends",
        tolerance="+- .001", evidence="derived; not in the follow-up",
    ),
    claim(
        "H9", "sgd_stability", f"{CHAIN}, eta = .15, p = .5: the SGD-stable minimizers are a "
        "proper subset of the GD-stable ones.",
        _subset(np.inf), kind="share", low=1, high=1, what="an SGD-stable one is GD-stable",
        tolerance="none", evidence=f"{READ}, as it stands",
    ),
    claim(
        "H10", "sgd_stability", f"{CHAIN}, eta = .15, p = .5, 1/2.5 < t_1 < 2.5: the same.",
        _subset(WINDOW), kind="share", low=1, high=1, what="an SGD-stable one is GD-stable",
        tolerance="none", evidence=f"{READ}; weaker than H9, the part that its figure may show",
    ),
    claim(
        "H11", "sgd_stability", f"{CHAIN}, eta = .3, p = .58: no minimizer is stable for both, and "
        "both have stable ones.",
        _disjoint, kind="sum", low=0, high=0, what="minimizers that are stable for both",
        tolerance="none", evidence=READ,
    ),
    claim(
        "H12", "sgd_stability", f"{CHAIN}, {PANELS}: ln |1 - eta (p .81 + (1 - p) 6.25) s| is the "
        "growth per step of descent on the mean loss.",
        _both(_gd_distance), high=1e-9, what="distance of the factors, from Hessians",
        tolerance="rounding", evidence=DERIVED,
    ),
    claim(
        "H13", "sgd_stability", f"{CHAIN}, {PANELS}: p ln |1 - .81 eta s| + (1 - p) ln |1 - 6.25 "
        "eta s| is that of SGD.",
        _both(_sgd_distance), high=4.5, what="distance of the measured growth in standard errors",
        tolerance="4.5 of 800, p = .5 %", evidence="read in the follow-up; the formula derived",
    ),
)  # fmt: skip
