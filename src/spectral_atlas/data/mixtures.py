"""Gaussian mixtures, their usual means, and endless streams of samples from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

Array = np.ndarray

XOR_LABELS = (1, 1, 0, 0)  # of the components of `xor_means`
_BLOCK = 32_768  # numbers drawn at a time: what follows finds them in the cache


@dataclass(frozen=True)
class GaussianMixture:
    """Y = mean_c + Z / sqrt(precision), with component c of probability weights[c], Z ~ N(0, I).

    Attributes
    ----------
    means : (r, d)
    weights : (r,), at least 0, of sum 1
    precision : inverse variance of each coordinate around its mean

    Raises
    ------
    ValueError
        If shapes do not fit or a number is outside its range.
    """

    means: Float64[Array, "r d"]
    weights: Float64[Array, " r"]
    precision: float

    def __post_init__(self) -> None:
        for name in ("means", "weights"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        object.__setattr__(self, "precision", float(self.precision))
        shapes = f"means {self.means.shape}, weights {self.weights.shape}"
        if self.means.ndim != 2 or 0 in self.means.shape or self.weights.shape != (self.r,):
            raise ValueError(f"{shapes}: must be (r, d) and (r,) with r, d >= 1")
        if not np.isfinite(self.means).all():
            raise ValueError("means: must be finite")
        if not (self.weights >= 0).all() or abs(self.weights.sum() - 1) > 1e-9:
            raise ValueError(f"weights {self.weights.tolist()}: must be >= 0 and sum to 1")
        if not 0 < self.precision < np.inf:
            raise ValueError(f"precision = {self.precision}: must be finite and > 0")

    @property
    def r(self) -> int:
        """Number of components."""
        return self.means.shape[0]

    @property
    def d(self) -> int:
        """Dimension of a sample."""
        return self.means.shape[1]


class SampleStream:
    """Independent samples of a mixture, one after the other.

    Parameters
    ----------
    mixture : GaussianMixture
    component_rng, noise_rng : numpy.random.Generator
        Two different ones, for nobody else's use: then the sequence of samples does not depend on
        how it is cut into draws.

    Raises
    ------
    ValueError
        If both generators are one.
    """

    def __init__(
        self,
        mixture: GaussianMixture,
        component_rng: np.random.Generator,
        noise_rng: np.random.Generator,
    ) -> None:
        if component_rng.bit_generator is noise_rng.bit_generator:
            raise ValueError("component_rng and noise_rng: must be two different generators")
        self.mixture, self.component_rng, self.noise_rng = mixture, component_rng, noise_rng
        # Rounding must give the last number of [0, 1) neither to nobody nor to a weight of 0.
        self._edges = np.cumsum(mixture.weights)
        self._edges[np.flatnonzero(mixture.weights)[-1] :] = np.inf
        used = np.flatnonzero(mixture.means.any(axis=0))
        self._used = slice(used[0], used[-1] + 1) if used.size else slice(0, 0)
        self._means = np.ascontiguousarray(mixture.means[:, self._used])

    def draw(self, n: int) -> tuple[Float64[Array, "n d"], Int64[Array, " n"]]:
        """The next n samples, and the components that they are from."""
        Y, component = np.empty((n, self.mixture.d)), np.empty(n, dtype=np.int64)
        self.draw_into(Y, component)
        return Y, component

    def draw_components(self, n: int) -> Int64[Array, " n"]:
        """The components of the next n samples, without the samples: of a stream not drawn from."""
        found: Array = self._edges.searchsorted(self.component_rng.random(n), side="right")
        return found.astype(np.int64)

    def draw_into(self, Y: Float64[Array, "n d"], component: Int64[Array, " n"]) -> None:
        """`draw` into given arrays, contiguous or not."""
        n, d = Y.shape
        component[:] = self.draw_components(n)
        scale = 1 / np.sqrt(self.mixture.precision)
        rows = max(1, min(n, _BLOCK // d))
        shift = np.empty((rows, self._means.shape[1]))
        scratch = None if Y.flags.c_contiguous else np.empty((rows, d))
        for start in range(0, n, rows):
            block = Y[start : start + rows]
            noise = block if scratch is None else scratch[: len(block)]
            self.noise_rng.standard_normal(out=noise)
            np.multiply(noise, scale, out=block)
            means = shift[: len(block)]
            # Not mode="raise", which would write to a buffer first.
            self._means.take(component[start : start + rows], axis=0, out=means, mode="clip")
            block[:, self._used] += means


def orthonormal_means(k: int, d: int) -> Float64[Array, "k d"]:
    """The unit vectors e_1 ... e_k.

    Raises
    ------
    ValueError
        Unless 1 <= k <= d.
    """
    _check_size(k, d)
    return np.eye(k, d)


def gaussian_means(rng: np.random.Generator, k: int, d: int) -> Float64[Array, "k d"]:
    """Independent means N(0, I / d), of norm about 1.

    Raises
    ------
    ValueError
        Unless 1 <= k <= d.
    """
    _check_size(k, d)
    return rng.standard_normal((k, d)) / np.sqrt(d)


def correlated_means(k: int, d: int, correlation: float) -> Float64[Array, "k d"]:
    """Unit vectors with one common inner product, in the span of the first k coordinates.

    Their first k coordinates are the symmetric square root of the Gram matrix
    (1 - correlation) I + correlation 1 1^T; at correlation 0 they are e_1 ... e_k.

    Raises
    ------
    ValueError
        Unless 1 <= k <= d and 0 <= correlation < 1.
    """
    _check_size(k, d)
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation = {correlation}: must be >= 0 and < 1")
    across, along = np.sqrt(1 - correlation), np.sqrt(1 + (k - 1) * correlation)
    means = across * np.eye(k, d)
    means[:, :k] += (along - across) / k
    return means


def xor_means(d: int) -> Float64[Array, "4 d"]:
    """The means mu, -mu, nu, -nu with mu = e_1 and nu = e_2; their labels are `XOR_LABELS`.

    Raises
    ------
    ValueError
        If d < 2.
    """
    if d < 2:
        raise ValueError(f"d = {d}: must be an integer >= 2")
    mu, nu = np.eye(2, d)
    return np.stack([mu, -mu, nu, -nu])


def _check_size(k: int, d: int) -> None:
    if not 1 <= k <= d:
        raise ValueError(f"k = {k}, d = {d}: must be integers with 1 <= k <= d")
