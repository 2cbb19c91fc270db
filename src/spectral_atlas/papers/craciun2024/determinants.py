"""Determinants of I - eta H from dense Hessians, at many parameters; shares that are near 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.problems import PAPER, Problem
from spectral_atlas.rng import generator
from spectral_atlas.spectra.gd_map import log_determinant
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

Array = np.ndarray
Variables = dict[str, Any]
CHUNK = 2**17  # points, or numbers in Hessians, that are held at once
ROUNDING = 1e-10  # of the largest singular value: what counts as zero
CHECKED = 4096  # draws for what is looked at more closely


@dataclass(frozen=True)
class Loss:
    """L = sum_ij weights_ij (A_ij - observed_ij)^2 of one network."""

    arch: DeepLinear
    observed: Float[Array, "o i"]
    weights: Float[Array, "o i"]

    @classmethod
    def of(cls, problem: Problem) -> Loss:
        """That of a network and its data, with W_1 in the eigenbasis of S."""
        observed, weights, _ = problem.in_eigenbasis()
        return cls(problem.arch, observed, weights)

    def hessians(self, theta: Float[Array, "B P"]) -> Float[Array, "B P P"]:
        """Dense Hessians."""
        return linear_map_hessian(self.arch, theta, self.observed, self.weights).dense()

    def determinants(self, theta: Float[Array, "B P"], eta: float) -> Float[Array, "2 B"]:
        """Sign and log |det| of I - eta H."""
        found = np.empty((2, len(theta)))
        group = max(1, CHUNK // self.arch.n_params**2)
        for first in range(0, len(theta), group):
            some = slice(first, first + group)
            found[:, some] = log_determinant(self.hessians(theta[some]), eta)
        return found


def chunks(total: int, size: int = CHUNK) -> Iterator[int]:
    """Sizes of the pieces that a total is worked through in."""
    for first in range(0, total, size):
        yield min(size, total - first)


def below(size: Float[Array, " n"], epsilons: Sequence[float]) -> Int[Array, " epsilon"]:
    """How many are below each threshold."""
    return np.array([np.count_nonzero(size < epsilon) for epsilon in epsilons])


def shares(name: str, dim: str, counts: Array, total: int, what: str) -> Variables:
    """Variables ``name`` and ``name_error`` (dim, epsilon): shares of `total` independent draws."""
    share = counts / total
    error = np.sqrt(share * (1 - share) / total)
    dims = (dim, "epsilon")
    return {
        name: (dims, share, {"long_name": f"P({what} < epsilon)"}),
        f"{name}_error": (dims, error, {"long_name": "binomial standard error"}),
    }


def gaussian(
    problems: Sequence[Problem],
    rates: Sequence[float],
    epsilons: Sequence[float],
    draws: int,
    seed: int,
) -> Variables:
    """Networks with all weights N(0, 1), and at theta = 0; ``net_...`` and ``origin_...``."""
    counts = np.zeros((len(problems), len(epsilons)), dtype=np.int64)
    signs = np.zeros((2, len(problems)), dtype=np.int64)  # negative, zero
    smallest, origin = np.full(len(problems), np.inf), np.empty((2, len(problems)))
    for k, (problem, eta) in enumerate(zip(problems, rates, strict=True)):
        loss, rng = Loss.of(problem), generator(seed, PAPER, "jacobian", problem.name)
        size = loss.arch.n_params
        origin[:, k] = loss.determinants(np.zeros((1, size)), eta)[:, 0]
        for n in chunks(draws, CHECKED):
            sign, log = loss.determinants(rng.standard_normal((n, size)), eta)
            gap = np.exp(log)
            counts[k] += below(gap, epsilons)
            signs[:, k] += np.count_nonzero(sign < 0), np.count_nonzero(sign == 0)
            smallest[k] = min(smallest[k], gap.min())
    values = {
        "net_smallest": (smallest, "smallest |det|"),
        "net_negative": (signs[0] / draws, "share of draws with det < 0"),
        "net_exact_zeros": (signs[1], "draws with det exactly 0"),
        "origin_sign": (origin[0].astype(np.int8), "sign of det at theta = 0"),
        "origin_log_determinant": (origin[1], "log |det| at theta = 0"),
    }
    return shares("net_share", "net", counts, draws, "|det|") | {
        name: ("net", value, {"long_name": about}) for name, (value, about) in values.items()
    }


def coincidences(problems: Sequence[Problem], seed: int) -> Variables:
    """Rates at which two layers are singular at theta = 0: H has +-2 sigma_i(W* S) there."""
    found = [_coincidences(p, seed) if p.arch.depth == 2 else np.empty((5, 0)) for p in problems]
    most = max(values.shape[1] for values in found)
    padded = np.full((5, len(problems), most), np.nan)
    for k, values in enumerate(found):
        padded[:, k, : values.shape[1]] = values
    about = {
        "rate": "1 / (2 sigma_i(W* S))",
        "gap": "least |1 - eta lambda| at theta = 0",
        "sign": "sign of det at theta = 0",
        "log_determinant": "log |det| at theta = 0",
        "elsewhere": "smallest |det| at random parameters",
    }
    return {
        f"coincidence_{name}": (("net", "singular"), values, {"long_name": text})
        for (name, text), values in zip(about.items(), padded, strict=True)
    }


def _coincidences(problem: Problem, seed: int) -> Float[Array, "5 singular"]:
    loss, rng = Loss.of(problem), generator(seed, PAPER, "coincidence", problem.name)
    sigma = np.linalg.svd(problem.target @ problem.S, compute_uv=False)
    zero = np.zeros((1, loss.arch.n_params))
    eigenvalues = np.linalg.eigvalsh(loss.hessians(zero)[0])
    theta = rng.standard_normal((CHECKED, loss.arch.n_params))
    rows = []
    for eta in 1 / (2 * sigma[sigma > ROUNDING * sigma[0]]):
        sign, log = loss.determinants(zero, eta)[:, 0]
        least = np.exp(loss.determinants(theta, eta)[1].min())
        rows.append((eta, np.abs(1 - eta * eigenvalues).min(), sign, log, least))
    return np.array(rows).T
