"""Sharpness after equal times c tau = K: where it bends down, and how sharply (S)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.kalra2023.claims.regimes import OTHERS
from spectral_atlas.papers.kalra2023.claims.study import FEWEST, Nets, Study

Array = np.ndarray
UV_WIDTHS = (8, 32, 128, 512, 4096)
UV_LAST = 3.0  # there is more structure near k = 3.7
STEP = 0.25  # of the differences; half of it has too much noise for four runs
WIDEST = 1.2  # gap, relative to the step
FIRST, LAST = 0.5, 3.25  # c of the differences' midpoints
NETS = ((4, 256), (4, 128), (4, 64))
SETTING = "ReLU FCN, power-law mixture (D = 64, N = 512, K = 10), squared error, c tau = 50"
CHI = "r = lambda_tau / lambda_0, differences over +-1/4"


def differences(
    c: Float[Array, " C"], r: Float[Array, " C"], h: float, first: float, last: float
) -> tuple[Float[Array, " M"], Float[Array, " M"], Float[Array, " M"]]:
    """Midpoints c, chi = -dr/dc and chi' = -d^2r/dc^2 by central differences over +-h.

    Midpoints are those c from `first` to `last` around which no gap up to +-h is much wider than h;
    r at c - h and c + h is interpolated linearly.
    """
    found = []
    for i in np.flatnonzero((c > first - 1e-9) & (c < last + 1e-9)):
        near = (c[:-1] < c[i] + h - 1e-9) & (c[1:] > c[i] - h + 1e-9)
        inside = c[0] - 1e-9 < c[i] - h and c[i] + h < c[-1] + 1e-9
        if inside and np.diff(c)[near].max() < WIDEST * h:
            a, b = np.interp([c[i] - h, c[i] + h], c, r)
            found.append((c[i], (a - b) / (2 * h), -(a - 2 * r[i] + b) / h**2))
    if len(found) < FEWEST:
        raise Unmeasured(f"{len(found)} c from {first:g} to {last:g} have neighbours at +-{h:g}")
    x, chi, bend = np.array(found).T
    return x, chi, bend


def _uv(study: Study, width: int) -> tuple[Array, Array, Array]:
    ds = study.dataset("runs/uv")
    if width not in ds["sat_width"].values:
        raise Unmeasured(f"no saturation at w = {width}")
    c = ds["sat_multiple"].values
    h = float(np.diff(c).min())
    if h > 0.05 + 1e-9:
        raise Unmeasured(f"k in steps of {h:g}, at most .05 needed")
    r = ds["sat_trace"].sel(sat_width=width).values
    return differences(c, r, h, 0.0, UV_LAST)


def _ratios(study: Study, depth: int, width: int) -> tuple[Array, Array, str]:
    """c up to `LAST` + 2 `STEP`, and r of each run that trained at all of them."""
    rows = study.rows(Nets("runs/saturation", depth, width))
    c = rows["multiple"].values
    kept = c <= LAST + 2 * STEP + 1e-9
    r = (rows["sharpness"] / rows["lambda0"]).transpose("run", "multiple").values[:, kept]
    whole = np.isfinite(r).all(axis=1)
    if whole.sum() < FEWEST:
        raise Unmeasured(f"{whole.sum()} of at least {FEWEST} runs did not diverge")
    lost = f", {(~whole).sum()} that diverged left out" if not whole.all() else ""
    return c[kept], r[whole], f"(d, w) = ({depth}, {width}), {whole.sum()} runs{lost}"


def _bend(c: Array, r: Array) -> float:
    x, _, bend = differences(c, r.mean(axis=0), STEP, FIRST, LAST)
    return float(x[np.argmax(bend)])


def _steepest(c: Array, r: Array) -> float:
    return float(differences(c, r.mean(axis=0), STEP, FIRST, LAST)[1].max())


def jackknife(r: Float[Array, "R C"], of: Array) -> float:
    """Standard error of a statistic from its values without one run each."""
    n = len(r)
    return float(np.sqrt((n - 1) / n * ((of - of.mean()) ** 2).sum()))


def _without_one(c: Array, r: Array, statistic: object) -> Array:
    assert callable(statistic)
    return np.array([statistic(c, np.delete(r, i, axis=0)) for i in range(len(r))])


@check(
    "S1", "fig8",
    f"uv model, k tau = 200, k <= 3: the mean of kappa_tau / kappa_0 bends down most at k = 2, at "
    f"w = {', '.join(map(str, UV_WIDTHS))}.",
    expected="distance of argmax chi' from 2 at most .05 at the worst width", low=0,
    high=0.05 + 1e-9, tolerance="one grid step", evidence=OTHERS,
)  # fmt: skip
def _uv_bend(study: Study) -> tuple[float, str]:
    places = []
    for width in UV_WIDTHS:
        x, _, bend = _uv(study, width)
        places.append(float(x[np.argmax(bend)]))
    shown = ", ".join(f"w = {w}: {p:.2f}" for w, p in zip(UV_WIDTHS, places, strict=True))
    return max(abs(p - 2) for p in places), shown


@check(
    "S2", "fig8",
    "uv model, k tau = 200, k <= 3: the transition at k = 2 gets sharper with w, max chi' grows "
    f"along w = {', '.join(map(str, UV_WIDTHS))}.",
    expected="smallest ratio of neighbouring widths' max chi' over 1", low=1 + 1e-9, high=np.inf,
    tolerance="none; standard errors of 2000 starts are small", evidence=OTHERS,
)  # fmt: skip
def _uv_sharper(study: Study) -> tuple[float, str]:
    tops = [float(_uv(study, w)[2].max()) for w in UV_WIDTHS]
    shown = ", ".join(f"w = {w}: {t:.2f}" for w, t in zip(UV_WIDTHS, tops, strict=True))
    return min(b / a for a, b in pairwise(tops)), shown


@check(
    "S3", "fig8",
    f"{SETTING}, d = 4, w = 256: {CHI}, bends down most near c = 2.",
    expected="argmax chi' of the mean over runs from 1.75 to 2.5", low=1.75, high=2.5,
    tolerance="two differences' steps; the place is not that well defined",
    evidence=f"{OTHERS}: 2.25; nothing is claimed for narrower or deeper nets",
)  # fmt: skip
def _bends(study: Study) -> tuple[float, str]:
    c, r, label = _ratios(study, 4, 256)
    others = _without_one(c, r, _bend)
    return _bend(c, r), f"{label}; without one run each: {', '.join(f'{v:g}' for v in others)}"


@check(
    "S4", "fig8",
    f"{SETTING}, d = 4: {CHI}; the transition is smoother in narrow nets, max chi falls from "
    f"w = 256 to 128 to 64.",
    expected="smallest difference of neighbours over its jackknife standard error at least 2",
    low=2, high=np.inf, tolerance="one-sided level of .023 for each of two differences",
    evidence=f"{OTHERS}: .39, .19, .14",
)  # fmt: skip
def _smoother(study: Study) -> tuple[float, str]:
    tops, parts = [], []
    for depth, width in NETS:
        c, r, label = _ratios(study, depth, width)
        top, error = _steepest(c, r), jackknife(r, _without_one(c, r, _steepest))
        tops.append((top, error))
        parts.append(f"{label}: {top:.3f} +- {error:.2g}")
    z = [(a - b) / max(np.hypot(s, t), 1e-12) for (a, s), (b, t) in pairwise(tops)]
    return float(min(z)), "; ".join(parts)


CHECKS: tuple[Check, ...] = (_uv_bend, _uv_sharper, _bends, _smoother)
