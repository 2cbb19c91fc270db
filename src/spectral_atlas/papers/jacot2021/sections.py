"""Sections of the configuration of Jacot, Ged, Gabriel, Simsek & Hongler: what they hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spectral_atlas.config import Section, each_once

COUNTS = 0.3  # `plateaus.STANDS_OUT`
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Depth = Annotated[int, Field(ge=2, le=8)]
Width = Annotated[int, Field(ge=1, le=10_000)]


def _number_or_ntk(value: Any) -> Any:
    """One message where the union would give one for each of its types."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "ntk" and not (number and 0 < value <= 10):
        raise ValueError("must be ntk or a number above 0, at most 10")
    return value


Gamma = Annotated[
    Annotated[float, Field(gt=0, le=10)] | Literal["ntk"], BeforeValidator(_number_or_ntk)
]


class EachOnce(Section):
    """A section whose lists name every value once."""

    @field_validator("*", mode="after")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        return each_once(value) if isinstance(value, list) else value


class Matrices(EachOnce):
    """Matrices A* of low rank, the order in which their entries are observed, and noise."""

    rows: int = Field(10, ge=2, le=100, description="n_L")
    columns: int = Field(10, ge=2, le=100, description="n_0")
    rank: int = Field(3, ge=1, description="rank of A*")
    spectrum: list[Positive] | None = Field(
        None,
        description="singular values of A*, largest first, with random singular vectors; default: "
        "A* is the product of two Gaussian factors",
    )
    observed: int = Field(description="N, entries that are observed; the others are the test set")
    target_seeds: list[Seed] = Field(min_length=1, description="one matrix for each")
    mask_seed: Seed = Field(0, description="of the order in which entries are observed")
    noise_seed: Seed = Field(0, description="of the noise, where a run adds any")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rank > (smaller := min(self.rows, self.columns)):
            raise ValueError(
                f"rank = {self.rank}: must be at most {smaller}, the smaller side of a "
                f"{self.rows} x {self.columns} matrix"
            )
        if self.spectrum is not None and len(self.spectrum) != self.rank:
            raise ValueError(
                f"spectrum: {len(self.spectrum)} singular values given, must be rank = {self.rank}"
            )
        if self.spectrum is not None and sorted(self.spectrum, reverse=True) != self.spectrum:
            raise ValueError("spectrum: must be in decreasing order")
        size = self.rows * self.columns
        if not 1 <= self.observed <= size:
            raise ValueError(
                f"observed = {self.observed}: must be from 1 to {size}, the entries of a "
                f"{self.rows} x {self.columns} matrix"
            )
        return self

    def _degrees_of_freedom(self) -> int:
        return self.rank * (self.rows + self.columns - self.rank)

    def _cautions(self) -> list[str]:
        found, needed = [], self._degrees_of_freedom()
        if self.observed < needed:
            found.append(
                f"observed = {self.observed}: a {self.rows} x {self.columns} matrix of rank "
                f"{self.rank} has {needed} degrees of freedom, so fewer entries than {needed} "
                "cannot determine it"
            )
        if self.spectrum is not None and min(self.spectrum) <= COUNTS:
            found.append(
                f"spectrum = {self.spectrum}: singular values up to {COUNTS:g} do not count for "
                "the rank of a path"
            )
        return found


class Networks(EachOnce):
    """All combinations of the lists."""

    depths: list[Depth] = Field(min_length=1, description="L, number of weight matrices")
    widths: list[Width] = Field(min_length=1, description="w of the hidden layers")
    gammas: list[Gamma] = Field(
        min_length=1,
        description="entries start as N(0, w^-gamma); ntk: 1 - 1/L. Where depths have different "
        "limits, combinations with gamma < 1 - 1/L are left out",
    )
    initialization_seeds: list[Seed] = Field([0], min_length=1, description="one start for each")

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        lowest = min(1 - 1 / L for L in self.depths)
        if all(g != "ntk" and g < lowest - 1e-12 for g in self.gammas):
            raise ValueError(
                f"gammas = {self.gammas}: one at least must be 1 - 1/L = {lowest:g} or more"
            )
        return self


class Descent(Networks):
    """Gradient descent on the mean squared error of the observed entries."""

    targets: list[Seed] = Field(min_length=1, description="target seeds, among those of the data")
    observed: list[Annotated[int, Field(ge=1)]] | None = Field(
        None, min_length=1, description="N; default: that of the data"
    )
    noise: float = Field(0.0, ge=0, description="standard deviation, on observed entries")
    ridge: float = Field(0.0, ge=0, description="lambda of C(A) + lambda |theta|^2")
    scale: float = Field(1.0, gt=0, description="factor on A*")
    learning_rate: float = Field(
        0.2,
        gt=0,
        description="eta; N / (8 Theta) where that is smaller, Theta = L w^((1-gamma)(L-1)) being "
        "the tangent kernel at the start",
    )
    max_steps: int = Field(ge=1, le=100_000_000, description="updates at most")
    stop_share: float = Field(
        1e-6, ge=0, lt=1, description="end once the training cost is below this share of C(0)"
    )
    stop_gradient: float = Field(
        0.0, ge=0, description="or once the gradient of the loss is shorter than this"
    )
    check_every: int = Field(5, ge=1, description="updates between two looks at the network")


class FirstPath(EachOnce):
    """The path of width 1 that leaves the origin in the optimal direction."""

    depths: list[Depth] = Field(min_length=1, description="L")
    targets: list[Seed] = Field(min_length=1, description="target seeds")
    epsilon: float = Field(0.1, gt=0, lt=1, description="every layer starts with this norm")
    learning_rate: float = Field(0.02, gt=0, description="eta, small: the law is of gradient flow")


class Greedy(EachOnce):
    """The greedy low-rank algorithm A_{epsilon, T, eta}."""

    depths: list[Depth] = Field(min_length=1, description="L")
    targets: list[Seed] = Field(min_length=1, description="target seeds")
    epsilons: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        min_length=1, description="norm of a new neuron's weights in each layer"
    )
    learning_rate: float = Field(0.2, gt=0, description="eta")
    steps: int | None = Field(
        None,
        ge=1,
        description="T; default: for each stage what the law of escape times asks for",
    )
    tolerance: float = Field(1e-8, gt=0, lt=0.1, description="end once C(A) is below this")


class Plane(EachOnce):
    """One run of `saddle_to_saddle`, projected onto a plane of parameter space."""

    target: Seed = Field(description="target seed")
    gammas: list[Gamma] = Field(min_length=1, description="among those of saddle_to_saddle")
    epsilon: float = Field(gt=0, description="which greedy paths; among those of greedy")


class Included(Section):
    """Hessians at points that are included into networks of one width."""

    width: Annotated[int, Field(ge=1, le=100)] = Field(description="w, for dense Hessians")
    tolerance: float = Field(
        1e-6, gt=0, lt=0.1, description="eigenvalues count as zero up to this times the largest"
    )


class IncludedSaddles(Included):
    """The same at the ends of greedy paths."""

    epsilon: float = Field(gt=0, description="which greedy paths; among those of greedy")
