"""Sharpness of an ensemble along its training: Lanczos that starts where it last ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from spectral_atlas.papers.kalra2023.members import Members
from spectral_atlas.spectra.eigenpairs import top_eigenpairs
from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
from spectral_atlas.spectra.starts import warm_start
from spectral_atlas.spectra.torch_hessian import HessianOperator

Array = np.ndarray
BASIS = 16  # vectors kept before a restart: one eigenvalue to few digits needs no more
# Of a warm start, beside a unit vector: lets an eigenvector that has overtaken the old one come in.
# Where the output is zero the largest eigenvalue has a copy for each output; they part in the first
# step, and the old eigenvector knows but one of them.
NOISE, NOISE_OF_COPIES = 0.05, 1.0
START_SHARE = 0.1  # of the tolerance, for the sharpness at initialization


@dataclass
class Measurement:
    """(A,) each; products are Hessian-vector products."""

    values: Array
    bounds: Array
    products: Array


def hessians(
    members: Members, parameters: Mapping[str, Tensor], samples: int | slice | Tensor
) -> HessianOperator:
    """The Hessians of some members' losses on the samples named, or on the first so many."""
    chosen = slice(samples) if isinstance(samples, int) else samples
    return EmpiricalRisk(
        members.module,
        members.ensemble.loss,
        (members.x[chosen], members.y[chosen]),
        parameters=parameters,
        dtype=torch.float32,
        on_nonfinite="flag",
    ).hessian()


class SharpnessMeter:
    """lambda^H of the loss on one fixed set of samples.

    Parameters
    ----------
    members : Members
    samples : int or None
        The first so many of the training set; None: all.
    tolerance : float
        Residual, relative to the eigenvalue. The error of the eigenvalue itself is of the order of
        its square, and the bound that is returned is the residual.
    rng : numpy Generator
        Of start vectors.

    Attributes
    ----------
    start : Measurement, at initialization
    n_samples : int, that the sharpness is measured on
    """

    def __init__(
        self, members: Members, samples: int | None, tolerance: float, rng: np.random.Generator
    ) -> None:
        self.members, self.tolerance, self.rng = members, tolerance, rng
        self.n_samples = min(samples or len(members.x), len(members.x))
        self.noise = NOISE if members.models.output == "standard" else NOISE_OF_COPIES
        self.vectors: Tensor | None = None
        self.start = self.measure(members.parameters, None, START_SHARE * tolerance)

    def track(self, members: Tensor | None = None) -> SharpnessTrack:
        """A trajectory's own memory of eigenvectors, which begins with those at initialization.

        For an ensemble of these members, by index; they may repeat. Default: all.
        """
        assert self.vectors is not None
        vectors = self.vectors.clone() if members is None else self.vectors[members]
        return SharpnessTrack(self, vectors)

    def measure(
        self, parameters: Mapping[str, Tensor], vectors: Tensor | None, tolerance: float
    ) -> Measurement:
        """From random vectors, or from given ones, which are overwritten."""
        operator = hessians(self.members, parameters, self.n_samples)
        start = self.rng if vectors is None else warm_start(self.rng, vectors[:, None], self.noise)
        found = top_eigenpairs(
            operator,
            1,
            start,
            tolerance=tolerance,
            basis=min(BASIS, operator.n_params - 1),
            dense_limit=0,  # a matrix costs P products, which would not be counted
            on_unconverged="flag",
            on_nonfinite="flag",
        )
        if vectors is None:
            self.vectors = found.vectors[:, 0]
        else:
            vectors.copy_(found.vectors[:, 0])
        return Measurement(
            np.asarray(found.values[:, 0], dtype=np.float64),
            np.asarray(found.bounds[:, 0], dtype=np.float64),
            np.asarray(found.products),
        )


class SharpnessTrack:
    """Measures along one trajectory; each eigenvector is where the next measurement begins.

    Attributes
    ----------
    products : (R,), with the Hessians of the members, so far
    n_samples : int, that they are taken over
    """

    def __init__(self, meter: SharpnessMeter, vectors: Tensor) -> None:
        self.meter, self.vectors = meter, vectors
        self.products = np.zeros(len(vectors), dtype=np.int64)
        self.n_samples = meter.n_samples

    def measure(
        self, parameters: Mapping[str, Tensor], rows: Tensor, tolerance: float
    ) -> tuple[Float[Array, " A"], Float[Array, " A"]]:
        """Values and bounds of the members `rows`, whose parameters these are."""
        vectors = self.vectors[rows]
        found = self.meter.measure(parameters, vectors, tolerance)
        self.vectors[rows] = vectors
        self.products[rows.cpu().numpy()] += found.products
        return found.values, found.bounds
