"""Spectra: the minimizers of L = (1 - w_1 w_2)^2, and which of them are stable, as measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import Hyperbola
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
ARCH, ONE = linear([1, 1, 1]), np.ones((1, 1))
BRANCHES = (1, -1)
KINDS = ("empty", "point", "interval")
# A margin 2 - eta sharpness below this is rounding: the flattest minimizer is then all there is.
ROUNDING = 1e-12


def hyperbola(config: Hyperbola, inputs: Inputs, job: Job) -> xr.Dataset:
    """Dense Hessians along both branches, and where their sharpness crosses 2 / eta.

    Nothing here is taken from the formula: the ends of the stable part are roots of
    eta sharpness(w_1) - 2, the flattest minimizer is found by minimization, and the arclength is an
    integral over the measured part.

    Returns
    -------
    Dataset. A minimizer is (w_1, 1 / w_1), ``branch`` is the sign of w_1.

    - over ``branch, point``: ``w`` (.., weight), ``eigenvalues`` (.., index), ascending,
      ``sharpness``, the larger one, ``loss``, which is rounding; points go from the least |w_1| to
      the largest;
    - over ``branch``: ``flattest``, w_1 of the least sharpness, and ``least_sharpness``;
    - over ``learning_rate, branch``: ``kind``, whether strictly stable minimizers are an interval,
      the flattest one alone is at the border (a point, not strictly stable), or there are none: see
      its flag_meanings; ``interval`` (.., end), the measured ends of w_1, ascending, both the same
      for a point; ``arclength``, of the stable part; ``largest_norm``, of |w| there. NaN where
      there are none.
    """
    etas = np.array(config.learning_rates)
    size = np.geomspace(1 / config.extent, config.extent, config.points)
    w = np.stack([np.stack([s * size, s / size], axis=1) for s in BRANCHES])
    operator = linear_map_hessian(ARCH, w.reshape(-1, 2), ONE, ONE)
    eigenvalues = np.linalg.eigvalsh(operator.dense()).reshape(w.shape)
    shape = (len(etas), len(BRANCHES))
    kind = np.zeros(shape, dtype=np.int8)
    ends, arclength, norm = (np.full((*shape, *more), np.nan) for more in ((2,), (), ()))
    flattest = [_flattest(sign) for sign in BRANCHES]
    for (i, k), _ in np.ndenumerate(kind):
        sign, (at, least) = BRANCHES[k], flattest[k]
        margin = 2 - etas[i] * least
        kind[i, k] = 1 if abs(margin) <= ROUNDING else 2 * (margin > 0)
        if kind[i, k]:
            u = _ends(sign, at, config.learning_rates[i]) if kind[i, k] == 2 else np.array([at, at])
            ends[i, k] = np.sort(sign * np.exp(u))
            arclength[i, k] = quad(lambda v: np.hypot(np.exp(v), np.exp(-v)), *u, epsabs=1e-12)[0]
            norm[i, k] = np.hypot(np.exp(u), np.exp(-u)).max()
    at_rate = ("learning_rate", "branch")
    return xr.Dataset(
        {
            "w": (("branch", "point", "weight"), w, {"long_name": "minimizer"}),
            "eigenvalues": (
                ("branch", "point", "index"), eigenvalues, {"long_name": "Hessian eigenvalues"}
            ),
            "sharpness": (
                ("branch", "point"), eigenvalues[..., -1], {"long_name": "largest eigenvalue"}
            ),
            "loss": (
                ("branch", "point"), (1 - w[..., 0] * w[..., 1]) ** 2, {"long_name": "loss"}
            ),
            "flattest": (
                "branch",
                [sign * np.exp(u) for sign, (u, _) in zip(BRANCHES, flattest, strict=True)],
                {"long_name": "w_1 of the flattest minimizer"},
            ),
            "least_sharpness": (
                "branch", [s for _, s in flattest], {"long_name": "sharpness of the flattest"}
            ),
            "kind": (
                at_rate, kind,
                {
                    "long_name": "stable minimizers",
                    "flag_values": list(range(len(KINDS))),
                    "flag_meanings": " ".join(KINDS),
                },
            ),
            "interval": ((*at_rate, "end"), ends, {"long_name": "w_1 at the ends"}),
            "arclength": (at_rate, arclength, {"long_name": "length of the stable part"}),
            "largest_norm": (at_rate, norm, {"long_name": "largest |w| of the stable part"}),
        },
        coords={"learning_rate": etas, "branch": list(BRANCHES), "end": ["low", "high"]},
    )  # fmt: skip


def _sharpness(sign: int) -> Callable[[float], float]:
    """Of the minimizer with w_1 = sign e^u, from its dense Hessian."""

    def at(u: float) -> float:
        w = sign * np.array([[np.exp(u), np.exp(-u)]])
        return float(np.linalg.eigvalsh(linear_map_hessian(ARCH, w, ONE, ONE).dense()[0])[-1])

    return at


def _flattest(sign: int) -> tuple[float, float]:
    """(u, sharpness) where the sharpness is least."""
    found = minimize_scalar(_sharpness(sign), bracket=(-0.5, 0.4), tol=1e-12)
    return float(found.x), float(found.fun)


def _ends(sign: int, flattest: float, eta: float) -> Float[Array, " 2"]:
    """The two u, on either side of the flattest, at which eta sharpness = 2."""
    sharpness = _sharpness(sign)

    def excess(u: float) -> float:
        return eta * sharpness(u) - 2

    found = []
    for direction in (-1.0, 1.0):
        step = direction
        while excess(flattest + step) <= 0:
            step *= 2
        found.append(brentq(excess, flattest, flattest + step, xtol=1e-14, rtol=1e-14))
    return np.array(found)
