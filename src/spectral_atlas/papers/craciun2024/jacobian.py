"""Spectra: det(I - eta H), zero where the gradient-descent map is singular."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024 import follow_up, theory
from spectral_atlas.papers.craciun2024.determinants import (
    CHECKED,
    Loss,
    Variables,
    below,
    chunks,
    coincidences,
    gaussian,
    shares,
)
from spectral_atlas.papers.craciun2024.problems import PAPER, linear, load
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import Jacobian
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
TWO = Loss(linear([1, 1, 1]), np.ones((1, 1)), np.ones((1, 1)))
LINE, GRID, SENT = 4.0, 1601, (2.5, 3.5)  # of the example on the line


def jacobian(config: Jacobian, inputs: Inputs, job: Job) -> xr.Dataset:
    """Determinants on a square, at random points, of networks, and of an example on the line.

    Returns
    -------
    Dataset. Shares are of independent draws; ``..._error`` is the binomial standard error.

    - L = (1 - w_1 w_2)^2 on a grid, from dense Hessians: ``sign`` and ``log_determinant``, of the
      absolute value, (learning_rate, w2, w1);
    - at ``points`` (attribute) uniform points of the square, the same ones for every rate, from the
      closed form: ``share`` with |det| < epsilon and ``share_error`` (learning_rate, epsilon);
      ``smallest`` |det| (learning_rate); ``closed_form_error`` (learning_rate), the largest
      difference from dense Hessians, over 1 + |det|, at the first ``checked`` (attribute) points;
    - networks with all weights N(0, 1), (net), with coordinates ``net_rate`` and ``net_depth``, of
      ``draws`` (attribute), from dense Hessians: ``net_share`` and ``net_share_error``
      (net, epsilon), ``net_smallest`` |det|, ``net_negative``, the share with det < 0, and
      ``net_exact_zeros``, how many were exactly 0; at theta = 0 ``origin_sign`` and
      ``origin_log_determinant``;
    - two layers at the rates 1 / (2 sigma_i(W* S)), where the determinant vanishes at theta = 0,
      (net, singular), NaN for deeper networks: ``coincidence_rate``; ``coincidence_gap``, the least
      |1 - eta lambda| at 0; ``coincidence_sign`` and ``coincidence_log_determinant`` at 0;
      ``coincidence_elsewhere``, the smallest |det| at 4096 parameters with weights N(0, 1);
    - the example on the line: ``singular_loss`` (theta); ``singular_map`` (singular_rate, theta),
      G(theta); ``singular_interval`` (end), with |theta| > 2 on all of it, and ``singular_image``
      (singular_rate, end) of it; ``singular_share`` and ``singular_share_error``
      (singular_rate, epsilon), |G'| < epsilon for ``points`` theta uniform on (-4, 4).
    """
    data, seed = inputs["data/nets"].load(), job.seed
    etas, epsilons = config.learning_rates, config.epsilons
    axis = np.linspace(-config.box, config.box, config.side)
    w1, w2 = np.meshgrid(axis, axis)
    grid = np.stack([w1.ravel(), w2.ravel()], axis=1)
    sign, log = np.stack([TWO.determinants(grid, eta) for eta in etas], axis=1)
    shape, where = (len(etas), *w1.shape), ("learning_rate", "w2", "w1")
    problems = [load(data, net.net) for net in config.nets]
    rates = [net.learning_rate for net in config.nets]
    return xr.Dataset(
        {
            "sign": (
                where,
                sign.reshape(shape).astype(np.int8),
                {"long_name": "sign of det(I - eta H)"},
            ),
            "log_determinant": (
                where,
                log.reshape(shape),
                {"long_name": "log |det(I - eta H)|"},
            ),
            **_square(config, seed),
            **gaussian(problems, rates, epsilons, config.draws, seed),
            **coincidences(problems, seed),
            **_line(config, seed),
        },
        coords={
            "learning_rate": etas,
            "w1": axis,
            "w2": axis,
            "epsilon": epsilons,
            "net": [p.name for p in problems],
            "net_rate": ("net", rates, {"long_name": "learning rate"}),
            "net_depth": ("net", [p.arch.depth for p in problems], {"long_name": "layers"}),
            "singular_rate": config.singular_rates,
            "end": ["low", "high"],
        },
        attrs={
            "points": config.points,
            "draws": config.draws,
            "checked": min(CHECKED, config.points),
            "box": config.box,
        },
    )


def _square(config: Jacobian, seed: int) -> Variables:
    """Uniform points of the square."""
    rng, n = generator(seed, PAPER, "jacobian", "square"), len(config.learning_rates)
    counts = np.zeros((n, len(config.epsilons)), dtype=np.int64)
    smallest, error = np.full(n, np.inf), np.full(n, np.nan)
    for size in chunks(config.points):
        w = rng.uniform(-config.box, config.box, (size, 2))
        first = np.isnan(error).any()
        for k, eta in enumerate(config.learning_rates):
            det = theory.determinant(w[:, 0], w[:, 1], eta)
            if first:
                sign, log = TWO.determinants(w[:CHECKED], eta)
                exact = sign * np.exp(log)
                error[k] = np.max(np.abs(det[:CHECKED] - exact) / (1 + np.abs(exact)))
            gap = np.abs(det)
            counts[k] += below(gap, config.epsilons)
            smallest[k] = min(smallest[k], gap.min())
    dim, about = "learning_rate", "closed form against dense Hessians"
    return {
        **shares("share", dim, counts, config.points, "|det|"),
        "smallest": (dim, smallest, {"long_name": "smallest |det|"}),
        "closed_form_error": (dim, error, {"long_name": about}),
    }


def _line(config: Jacobian, seed: int) -> Variables:
    """The example whose map is singular at eta = 1/2."""
    rng, rates = generator(seed, PAPER, "jacobian", "line"), np.array(config.singular_rates)
    counts = np.zeros((len(rates), len(config.epsilons)), dtype=np.int64)
    for size in chunks(config.points):
        curvature = follow_up.singular_curvature(rng.uniform(-LINE, LINE, size))
        for k, eta in enumerate(rates):
            counts[k] += below(np.abs(1 - eta * curvature), config.epsilons)
    theta = np.linspace(-LINE, LINE, GRID)
    sent = follow_up.singular_map(np.linspace(*SENT, GRID), rates[:, None])
    image = np.stack([sent.min(axis=1), sent.max(axis=1)], axis=1)
    loss, moved = follow_up.singular_loss(theta), follow_up.singular_map(theta, rates[:, None])
    return {
        "theta": ("theta", theta, {"long_name": "theta"}),
        "singular_loss": ("theta", loss, {"long_name": "L(theta)"}),
        "singular_map": (("singular_rate", "theta"), moved, {"long_name": "G(theta)"}),
        "singular_interval": ("end", np.array(SENT), {"long_name": "an interval"}),
        "singular_image": (("singular_rate", "end"), image, {"long_name": "where a step sends it"}),
        **shares("singular_share", "singular_rate", counts, config.points, "|G'|"),
    }
