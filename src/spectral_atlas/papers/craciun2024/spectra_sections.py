"""Sections of the configuration of Craciun & Ghoshdastidar: what is measured."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.craciun2024.rules import check_named_once
from spectral_atlas.papers.craciun2024.sections import Name, Positive, Rates, Seed


class EdgeSpectra(Section):
    """Full Hessians along paths."""

    values: int = Field(6, ge=1, le=1000, description="largest eigenvalues that are kept")


class WideSpectra(Section):
    """Sharpness by Lanczos."""

    values: int = Field(3, ge=1, le=50, description="largest eigenvalues")
    tolerance: float = Field(1e-6, gt=1e-13, lt=1e-2, description="bound over largest eigenvalue")


class Hyperbola(Section):
    """Hessians of L = (1 - w_1 w_2)^2 along its minimizers."""

    learning_rates: Rates = Field(description="eta")
    extent: float = Field(gt=1, description="w_1 from 1 / extent to extent, both signs")
    points: int = Field(ge=3, le=100_000, description="minimizers of one sign, log-spaced")


class StableSet(Section):
    """How far stable minimizers reach."""

    net: Name = Field(description="a network of two layers, among those of the data")
    learning_rates: Rates = Field(description="eta")
    restarts: int = Field(ge=1, le=1000, description="starts of each maximization")
    stretches: Rates = Field(description="t of W_2 = diag(1, t) in the network 1-2-2-1")
    narrow: Rates = Field(description="e of the minimizers of 2-2-1 whose least eigenvalue is 2e^2")


class JacobianNet(Section):
    """One network whose Jacobians are drawn."""

    net: Name = Field(description="among those of the data")
    learning_rate: Positive = Field(description="eta")


class Jacobian(Section):
    """det(I - eta H): where the gradient-descent map is singular."""

    learning_rates: Rates = Field(description="eta, for L = (1 - w_1 w_2)^2")
    box: float = Field(3.0, gt=0, description="points are in [-box, box]^2")
    side: int = Field(ge=2, le=5000, description="points of the map along each axis")
    points: int = Field(ge=1, le=10**9, description="uniform points, for the shares below epsilon")
    epsilons: Rates = Field(description="thresholds of |det|")
    nets: list[JacobianNet] = Field(min_length=1, description="networks with weights N(0, 1)")
    draws: int = Field(ge=1, le=10**8, description="parameters drawn for each network")
    singular_rates: Rates = Field(description="eta, for the singular example on the line")

    @model_validator(mode="after")
    def _each_net_once(self) -> Self:
        check_named_once("nets", "net", [one.net for one in self.nets])
        return self


class Orbits(Section):
    """Orbits of period two among the ends of `runs.nets`."""

    orbits: int = Field(20, ge=1, le=10_000, description="whose multipliers are computed")
    gap: float = Field(1e-8, gt=0, lt=1e-3, description="|theta_T - theta_{T-2}| of an orbit")


class NonlinearSpectra(Section):
    """Hessians where nonlinear networks come to rest."""

    values: int = Field(3, ge=1, le=60, description="largest eigenvalues that are kept")


class Manifold(Section):
    """Spectra at random minimizers."""

    points: int = Field(ge=1, le=10_000, description="minimizers of each network")
    std: float = Field(1.0, gt=0, description="of the weights that are drawn freely")
    seed: Seed = Field(0, description="of these")
