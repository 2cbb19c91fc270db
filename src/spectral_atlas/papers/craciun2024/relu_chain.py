"""Gradient descent on the chain ReLU(t_2 ReLU(t_1 x)) with data (x, x), run as a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectral_atlas.papers.craciun2024.theory import hessian
from spectral_atlas.spectra.gd_map import orbit_multipliers

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Bifurcation

Array = np.ndarray
NORMALIZATIONS = {"half": 0.5, "full": 1.0}
ENDINGS = ("minimum", "period_two", "dead", "unsettled", "diverged")
MINIMUM, PERIOD_TWO, DEAD, UNSETTLED, DIVERGED = range(5)
FLAGS = {"flag_values": list(range(len(ENDINGS))), "flag_meanings": " ".join(ENDINGS)}
SHARE = 1e-6  # of the last step: what an orbit of period two may be open by
SETTLED = 1e-9  # largest change, over one update or two, of a run that has settled


def trajectories(config: Bifurcation) -> xr.Dataset:
    """Descend from one start with each learning rate and normalization.

    The loss is the mean over samples of the squared error, times 1/2 ("half", with which the
    follow-up's figure comes out) or 1 ("full", as it is printed there): for positive t
    c (1 - t_1 t_2)^2 times that factor, c the mean of x^2, and eta_C = 1 / c or 1 / (2 c).

    Returns
    -------
    Dataset with dimensions ``normalization, rate, step, parameter``: ``trajectory``, from the start
    on; ``loss`` (normalization, rate, step); ``gradient_norm``, likewise; ``ending``
    (normalization, rate), see its flag_meanings: a minimum, an orbit of period two, dead (no
    gradient and not a minimum), neither of them, or diverged; ``cycle`` (normalization, rate,
    phase, parameter), the last two parameters, the smaller t_1 t_2 first, equal at rest;
    ``multiplier`` (normalization, rate, mode), eigenvalues of the Jacobian there, composed for an
    orbit, the largest modulus first, NaN for other endings. Coordinates ``rate_eta`` (rate),
    ``critical_step`` (normalization).
    """
    eta, factor = np.array(config.learning_rates), np.array(list(NORMALIZATIONS.values()))
    t = np.broadcast_to(config.start, (len(factor), len(eta), 2)).astype(np.float64)
    path, losses, gradients = [], [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(config.steps + 1):
            loss, gradient = loss_and_gradient(t, config.inputs)
            path.append(t)
            losses.append(factor[:, None] * loss)
            gradients.append(factor[:, None, None] * gradient)
            t = t - eta[:, None] * gradients[-1]
    trajectory, grad = np.stack(path, axis=2), np.stack(gradients, axis=2)
    loss = np.stack(losses, axis=2)
    ending = _endings(trajectory, loss, grad)
    cycle = trajectory[:, :, -2:]
    order = np.argsort(cycle.prod(-1), axis=-1, kind="stable")
    cycle = np.take_along_axis(cycle, order[..., None], axis=2)
    dims = ("normalization", "rate")
    about: dict[str, tuple[tuple[str, ...], Array, dict[str, object]]] = {
        "trajectory": ((*dims, "step", "parameter"), trajectory, {"long_name": "(t_1, t_2)"}),
        "loss": ((*dims, "step"), loss, {"long_name": "loss"}),
        "gradient_norm": (
            (*dims, "step"),
            np.linalg.norm(grad, axis=-1),
            {"long_name": "|gradient|"},
        ),
        "ending": (dims, ending, {"long_name": "where the run ends", **FLAGS}),
        "cycle": ((*dims, "phase", "parameter"), cycle, {"long_name": "last two parameters"}),
        "multiplier": (
            (*dims, "mode"),
            _multipliers(ending, trajectory, eta, factor * mean_square(config.inputs)),
            {"long_name": "eigenvalues of the map's Jacobian where the run ends"},
        ),
    }
    c = mean_square(config.inputs)
    coords = {
        "normalization": list(NORMALIZATIONS),
        "rate_eta": ("rate", eta, {"long_name": "eta"}),
        "critical_step": ("normalization", 1 / (2 * factor * c), {"long_name": "eta_C"}),
        "step": np.arange(config.steps + 1),
    }
    return xr.Dataset(about, coords=coords)


def mean_square(inputs: Sequence[float]) -> float:
    """c, the mean of x^2."""
    return float(np.mean(np.square(inputs)))


def loss_and_gradient(
    t: Float[Array, "*n 2"], inputs: Sequence[float]
) -> tuple[Float[Array, "*n"], Float[Array, "*n 2"]]:
    """Mean squared error of the chain on (x, x), and its gradient by backpropagation.

    ReLU has the derivative 0 at 0. Outputs with t_1 <= 0 or t_2 <= 0 are 0 for x > 0, and do not
    move: those parameters are dead.
    """
    x = np.asarray(inputs)
    first, second = t[..., :1] * x, t[..., 1:]
    hidden = np.maximum(first, 0)
    output = np.maximum(second * hidden, 0)
    error = 2 * (output - x) / len(x) * (second * hidden > 0)
    back = error * second * (first > 0)
    gradient = np.stack([(back * x).sum(-1), (error * hidden).sum(-1)], axis=-1)
    return ((output - x) ** 2).mean(-1), gradient


def _endings(path: Array, loss: Array, gradient: Array) -> Int[Array, "normalization rate"]:
    with np.errstate(invalid="ignore"):
        once, twice = (np.abs(path[:, :, -1] - path[:, :, -1 - n]).max(-1) for n in (1, 2))
    found = np.full(once.shape, UNSETTLED)
    found[(twice < SETTLED) & (once >= SETTLED) & (twice < SHARE * once)] = PERIOD_TWO
    found[(once < SETTLED) & (loss[..., -1] < SETTLED)] = MINIMUM
    found[(gradient[:, :, -1] == 0).all(-1) & (loss[..., -1] >= SETTLED)] = DEAD
    found[~np.isfinite(path[:, :, -1]).all(-1)] = DIVERGED
    return found


def _multipliers(ending: Array, path: Array, eta: Array, scale: Array) -> Array:
    """Of minima and period-2 orbits, in t > 0, where the loss is scale (1 - t_1 t_2)^2."""
    out = np.full((*ending.shape, 2), np.nan)
    for at in np.ndindex(ending.shape):
        period = {MINIMUM: 1, PERIOD_TWO: 2}.get(int(ending[at]))
        if period is None:
            continue
        H = scale[at[0]] * hessian(*path[at][-period:].T)
        out[at] = orbit_multipliers(H, float(eta[at[1]])).real  # real: symmetric on the diagonal
    return out
