"""Sharpness after equal times c tau = K: where it bends down, and how sharply (S)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.kalra2023 import saturation_curves as curves
from spectral_atlas.papers.kalra2023.claims.kinds import in_order
from spectral_atlas.papers.kalra2023.claims.regimes import OTHERS
from spectral_atlas.papers.kalra2023.claims.samples import Sample, Sampler, all_of
from spectral_atlas.papers.kalra2023.claims.study import FEWEST, Nets, Study

Array = np.ndarray
UV_WIDTHS = (8, 32, 128, 512, 4096)
UV_LAST = 3.0  # there is more structure near k = 3.7
STEP = curves.SPACING  # of the differences; half of it has too much noise for a few runs
WIDEST = 1.2  # gap, relative to the step
FIRST, LAST = 0.5, 3.25  # c of the differences' middle points
NETS = ((4, 256), (4, 128), (4, 64))
SETTING = "ReLU FCN, power-law mixture (D = 64, N = 512, K = 10), squared error, c tau = 50"
CHI = "r = lambda_tau / lambda_0, differences over 1/4 or a little more on either side"


def derivatives(
    c: Float[Array, " C"], r: Float[Array, "*runs C"], h: float, first: float, last: float
) -> tuple[Float[Array, " M"], Float[Array, "*runs M"], Float[Array, "*runs M"]]:
    """Those c from `first` to `last` that have points `h` away or more; chi and chi' there.

    Raises
    ------
    Unmeasured
        If there are hardly any, or gaps much wider than `h`.
    """
    slope, curvature = curves.differences(c, r, h)
    near = (c > first - 1e-9) & (c < last + 1e-9)
    inside = near & np.isfinite(slope).reshape(-1, c.size).any(axis=0)
    if inside.sum() < FEWEST:
        raise Unmeasured(f"{inside.sum()} c from {first:g} to {last:g} have neighbours at +-{h:g}")
    if (gap := np.diff(c[near]).max()) > WIDEST * h:
        raise Unmeasured(f"c in steps of up to {gap:.2g}, at most {WIDEST * h:g} needed")
    return c[inside], -slope[..., inside], -curvature[..., inside]


def _uv(study: Study, width: int) -> tuple[Array, Array, Array]:
    ds = study.dataset("runs/uv")
    if width not in ds["sat_width"].values:
        raise Unmeasured(f"no saturation at w = {width}")
    c = ds["sat_multiple"].values
    h = float(np.diff(c).min())
    if h > 0.05 + 1e-9:
        raise Unmeasured(f"k in steps of {h:g}, at most .05 needed")
    r = ds["sat_trace"].sel(sat_width=width).values
    return derivatives(c, r, h, 0.0, UV_LAST)


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
    x, _, bend = derivatives(c, r.mean(axis=0), STEP, FIRST, LAST)
    return float(x[np.argmax(bend)])


def steepest(depth: int, width: int) -> Sampler:
    """The largest chi of each run's own curve."""

    def sample(study: Study) -> Sample:
        c, r, label = _ratios(study, depth, width)
        return Sample(label, derivatives(c, r, STEP, FIRST, LAST)[1].max(axis=1))

    return sample


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
    others = [_bend(c, np.delete(r, i, axis=0)) for i in range(len(r))]
    return _bend(c, r), f"{label}; without one run each: {', '.join(f'{v:g}' for v in others)}"


CHECKS: tuple[Check, ...] = (
    _uv_bend,
    _uv_sharper,
    _bends,
    in_order(
        "S4", "fig8",
        f"{SETTING}, d = 4: {CHI}; the transition is smoother in narrow nets, max chi of a run "
        f"falls from w = 256 to 128 to 64.",
        all_of(*(steepest(*shape) for shape in NETS)),
        evidence=f"{OTHERS}: .39, .19, .14 for means over runs",
    ),
)  # fmt: skip
