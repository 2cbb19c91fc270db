"""Runs: SGD on two samples, one a step, beside the minimizers t_1 t_2 = 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.craciun2024.follow_up import gd_exponent, sgd_exponent
from spectral_atlas.papers.craciun2024.problems import PAPER
from spectral_atlas.papers.craciun2024.theory import hessian
from spectral_atlas.rng import generator
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import Minibatch
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
NUDGE = 1e-3  # distance of the starts from their minimizer
NEAR = 0.1  # a run that is farther than this from its minimizer has left
ARRIVED = 1e-6  # distance from the minimizers at the end
BETWEEN = 64  # updates between looks at which runs have left
FLAGS = {"flag_values": [0, 1, 2], "flag_meanings": "returned left undecided"}
RETURNED, LEFT, UNDECIDED = range(3)


def minibatch(config: Minibatch, inputs: Inputs, job: Job) -> xr.Dataset:
    """Exponents along the minimizers, by formula and measured, and descents beside some of them.

    A sample (x, x) has the loss (x - ReLU(t_2 ReLU(t_1 x)))^2 / 2; all runs are in t > 0, where
    that is x^2 (1 - t_1 t_2)^2 / 2. SGD draws the first sample with ``probability`` at each step,
    GD descends the mean loss with these weights.

    Returns
    -------
    Dataset with dimensions ``rate, point, near, start``. Coordinates ``rate_eta`` and
    ``probability`` (rate); ``t_1`` (point), log-spaced minimizers (t_1, 1 / t_1), and ``s``
    (point), t_1^2 + t_1^-2; ``near_t_1`` and ``near_s`` (near), every so many of these.

    Exponents (rate, point): ``gd_exponent`` mu and ``sgd_exponent`` lambda, the formulas;
    ``gd_measured``, the logarithm of what the Jacobian of a step of GD multiplies the direction
    across the minimizers by; ``sgd_measured``, the growth per step under ``steps`` random samples,
    mean over ``starts`` sequences of its own for each point, and ``sgd_error``, its standard error.

    Runs (rate, near, start), ``steps`` updates from points at the distance 1e-3 of the minimizer in
    random directions, the same for both: ``gd_ending`` and ``sgd_ending``, see flag_meanings. A run
    has left once it is farther than 0.1 from its minimizer, and is not followed further; it has
    returned if it has not left and is within 1e-6 of the minimizers t_1 t_2 = 1 at the end.
    ``gd_moved`` and ``sgd_moved``: how far from its minimizer a run ends, NaN if it has left; one
    that has returned may be at another, stable minimizer. Shares over starts (rate, near):
    ``gd_returned`` and ``sgd_returned``, ``gd_left`` and ``sgd_left``.
    """
    t = np.geomspace(1 / config.extent, config.extent, config.points)
    near = t[:: config.every]
    parts = []
    for eta, p in zip(config.learning_rates, config.probabilities, strict=True):
        exponents = _exponents(t, eta, p, config, job)
        endings = _descents(near, eta, p, config, job)
        parts.append(xr.Dataset(exponents | endings))
    s, near_s = t**2 + t**-2, near**2 + near**-2
    coords = {
        "rate_eta": ("rate", config.learning_rates, {"long_name": "eta"}),
        "probability": ("rate", config.probabilities, {"long_name": "of the first sample"}),
        "t_1": ("point", t, {"long_name": "t_1"}),
        "s": ("point", s, {"long_name": "t_1^2 + t_2^2"}),
        "near_t_1": ("near", near, {"long_name": "t_1"}),
        "near_s": ("near", near_s, {"long_name": "t_1^2 + t_2^2"}),
    }
    attrs = {
        "inputs": list(config.inputs),
        "steps": config.steps,
        "starts": config.starts,
        "nudge": NUDGE,
        "left_beyond": NEAR,
        "returned_within": ARRIVED,
    }
    return xr.concat(parts, "rate").assign_coords(coords).assign_attrs(attrs)


Variables = dict[str, tuple[tuple[str, ...], Array, dict[str, Any]]]


def _exponents(t: Array, eta: float, p: float, config: Minibatch, job: Job) -> Variables:
    s = t**2 + t**-2
    first, second = (across(t, eta * x**2) for x in config.inputs)
    rng = generator(job.seed, PAPER, "minibatch", "exponents", _name(eta, p))
    # The factors commute, so their product is that of so many firsts and so many seconds.
    firsts = rng.binomial(config.steps, p, (len(t), config.starts))
    with np.errstate(divide="ignore"):
        one, other = (np.log(np.abs(factor))[:, None] for factor in (first, second))
        mean = np.log(np.abs(p * first + (1 - p) * second))
    growth = (firsts * one + (config.steps - firsts) * other) / config.steps
    error = growth.std(axis=1, ddof=1) / config.starts**0.5 if config.starts > 1 else np.nan * s
    return {
        "gd_exponent": (("point",), gd_exponent(s, eta, config.inputs, p), {"long_name": "mu"}),
        "sgd_exponent": (
            ("point",),
            sgd_exponent(s, eta, config.inputs, p),
            {"long_name": "lambda"},
        ),
        "gd_measured": (("point",), mean, {"long_name": "mu, from the Hessian"}),
        "sgd_measured": (("point",), growth.mean(1), {"long_name": "lambda, measured"}),
        "sgd_error": (("point",), error, {"long_name": "standard error of lambda"}),
    }


def across(t: Float[Array, " n"], rate: float) -> Float[Array, " n"]:
    """n^T (I - rate H) n at (t, 1/t), H the Hessian of (1 - t_1 t_2)^2 / 2 and n its normal there.

    n is an eigenvector.
    """
    normal = np.stack([1 / t, t], axis=-1) / np.sqrt(t**2 + t**-2)[:, None]
    return 1 - rate / 2 * np.einsum("ni,nij,nj->n", normal, hessian(t, 1 / t), normal)


def _descents(near: Array, eta: float, p: float, config: Minibatch, job: Job) -> Variables:
    names = PAPER, "minibatch"
    angle = generator(job.seed, *names, "starts", _name(eta, p)).uniform(
        0, 2 * np.pi, (len(near), config.starts)
    )
    minimizers = np.stack([near, 1 / near])[:, :, None]
    start = minimizers + NUDGE * np.stack([np.cos(angle), np.sin(angle)])
    found: Variables = {}
    for method in ("gd", "sgd"):
        rng = generator(job.seed, *names, method, _name(eta, p)) if method == "sgd" else None
        with Progress(f"{method} at eta = {eta:g}", config.steps * angle.size, job.log) as progress:
            ending, moved = descend(
                start, minimizers, eta, config.inputs, p, config.steps, rng, progress
            )
        runs = {"long_name": f"how {method.upper()} runs end", **FLAGS}
        found[f"{method}_ending"] = (("near", "start"), ending, runs)
        about = {"long_name": f"distance of the end of {method.upper()} from the minimizer"}
        found[f"{method}_moved"] = (("near", "start"), moved, about)
        for name, code in (("returned", RETURNED), ("left", LEFT)):
            about = {"long_name": f"share of {method.upper()} runs that {name}"}
            found[f"{method}_{name}"] = (("near",), (ending == code).mean(1), about)
    return found


def descend(
    start: Float[Array, "2 n starts"],
    minimizers: Float[Array, "2 n 1"],
    eta: float,
    inputs: Sequence[float],
    p: float,
    steps: int,
    rng: np.random.Generator | None,
    progress: Progress | None = None,
) -> tuple[Int[Array, "n starts"], Float[Array, "n starts"]]:
    """How runs end, see `FLAGS`, and how far from home; without a generator on the mean loss."""
    rates = eta * np.square(inputs)
    ending = np.full(start.shape[1:], UNDECIDED)
    home = np.broadcast_to(minimizers, start.shape).reshape(2, -1)
    x, y = start.reshape(2, -1).copy()
    alive = np.arange(ending.size)
    for done in range(0, steps, BETWEEN):
        left = np.zeros(len(alive), dtype=bool)
        count = min(BETWEEN, steps - done)
        chosen: list[Bool[Array, " n"]] | None = None
        if rng is not None:  # for all runs, so that none depends on which others have left
            chosen = [rng.random(ending.size)[alive] < p for _ in range(count)]
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(count):
                rate: Array | float = p * rates[0] + (1 - p) * rates[1]
                if chosen is not None:
                    rate = np.where(chosen[step], rates[0], rates[1])
                pull = rate * (1 - x * y)
                x, y = x + pull * y, y + pull * x
                distance = (x - home[0, alive]) ** 2 + (y - home[1, alive]) ** 2
                left |= ~(distance <= NEAR**2)
        ending.flat[alive[left]] = LEFT
        alive, x, y = alive[~left], x[~left], y[~left]
        if progress is not None:
            progress.update(count * ending.size)
    # To first order in the distance, a fraction 1e-6 of which is of no account.
    apart = np.abs(1 - x * y) / np.hypot(x, y)
    ending.flat[alive[apart < ARRIVED]] = RETURNED
    moved = np.full(ending.shape, np.nan)
    moved.flat[alive] = np.hypot(x - home[0, alive], y - home[1, alive])
    return ending, moved


def _name(eta: float, p: float) -> str:
    return f"{eta:.17g} {p:.17g}"
