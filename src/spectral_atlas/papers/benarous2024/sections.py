"""Sections of the configuration of Ben Arous, Gheissari, Huang & Jagannath: what they hold."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from spectral_atlas.config import Section

Time = Annotated[float, Field(ge=0)]
COLLAPSE = 0.125  # from this ridge on, the only fixed point of the XOR network is zero


def increasing(times: list[float]) -> list[float]:
    """Refuse times that are not in order."""
    if not times or any(b <= a for a, b in pairwise(times)):
        raise ValueError("must be numbers that increase, one at least")
    return times


class Mixture(Section):
    """Samples Y = mean + Z / sqrt(precision), Z standard normal in R^dimension."""

    dimension: int = Field(ge=2, le=20_000, description="d")
    precision: float = Field(gt=0, description="lambda, inverse variance of a coordinate")
    test_samples: int = Field(
        ge=1, le=1_000_000, description="held-out samples of each seed, at least the dimension"
    )

    @model_validator(mode="after")
    def _enough_test_samples(self) -> Self:
        if self.test_samples < self.dimension:
            raise ValueError(
                f"test_samples = {self.test_samples} must be at least dimension = {self.dimension}"
            )
        return self


class ClassMixture(Mixture):
    """One Gaussian component for each of k classes."""

    classes: int = Field(ge=2, le=1000, description="k")
    means: Literal["orthonormal", "gaussian", "correlated"] = Field(
        "orthonormal",
        description="orthonormal: unit vectors; gaussian: N(0, I/d); correlated: unit vectors with "
        "equal inner products",
    )
    correlation: float = Field(
        0.0, ge=0, lt=1, description="inner product of two means, where they are correlated"
    )
    weights: list[Annotated[float, Field(ge=0)]] | None = Field(
        None, description="share of each class, up to a common factor; default: all equal"
    )

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if self.classes > self.dimension:
            raise ValueError(
                f"classes = {self.classes} must be at most dimension = {self.dimension}"
            )
        if self.weights is not None and len(self.weights) != self.classes:
            raise ValueError(
                f"weights: {len(self.weights)} given, must be one for each of {self.classes} "
                "classes"
            )
        if self.weights is not None and sum(self.weights) <= 0:
            raise ValueError("weights: one at least must be positive")
        if self.correlation and self.means != "correlated":
            raise ValueError(
                f"correlation = {self.correlation:g} must be 0 where means are {self.means}"
            )
        return self


class Training(Section):
    """One-pass SGD with steps delta = step / d, to the last checkpoint in rescaled time l delta."""

    step: float = Field(1.0, gt=0, description="d times the learning rate delta")
    ridge: float = Field(ge=0, description="beta")
    checkpoints: list[Time] = Field(min_length=1, description="rescaled times that are kept")

    @field_validator("checkpoints")
    @classmethod
    def _in_order(cls, times: list[float]) -> list[float]:
        return increasing(times)


class SoftmaxTraining(Training):
    """Multi-class logistic regression from x^c ~ N(0, I/d)."""

    seeds: int = Field(3, ge=1, le=1000, description="runs, each with its own samples and start")


class TwoLayerTraining(Training):
    """Two-layer ReLU networks from W_i ~ N(0, I/d), v ~ N(0, I)."""

    ridge: float = Field(gt=0, lt=COLLAPSE, description="beta; from 1/8 on all weights decay to 0")
    neurons: int = Field(ge=1, le=1000, description="K")
    runs: int = Field(ge=1, le=100_000, description="runs, each with its own samples and start")
    per_count: int = Field(
        0,
        ge=0,
        le=100,
        description="if positive, only the first so many runs whose neurons start in the basins of "
        "1, 2, 3 and 4 of the means, found among the first `runs` starts",
    )

    @model_validator(mode="after")
    def _enough_neurons(self) -> Self:
        if self.per_count and self.neurons < 4:
            raise ValueError(f"neurons = {self.neurons} must be at least 4 where per_count is used")
        return self


class WidthsTraining(Training):
    """How many of the four means are learned, against the number of neurons."""

    ridge: float = Field(gt=0, lt=COLLAPSE, description="beta; from 1/8 on all weights decay to 0")
    neurons: list[Annotated[int, Field(ge=1, le=1000)]] = Field(min_length=1, description="K")
    runs: int = Field(ge=1, le=100_000, description="runs for each K")

    @field_validator("neurons")
    @classmethod
    def _each_once(cls, neurons: list[int]) -> list[int]:
        if len(set(neurons)) < len(neurons):
            raise ValueError("must not repeat a number of neurons")
        return neurons


class Measured(Section):
    """On which samples, and when."""

    samples: Literal["test", "train"] = Field(
        "test",
        description="test: the held-out samples; train: as many from the start of the SGD stream",
    )
    times: list[Time] | None = Field(
        None, description="which of the training's checkpoints; default: all"
    )
    density_times: list[Time] = Field(
        [], description="checkpoints at which the whole spectrum is kept"
    )
    shown_coordinates: int = Field(30, ge=1, description="coordinates in the heatmaps")

    @field_validator("times", "all_classes_times", check_fields=False)
    @classmethod
    def _in_order(cls, times: list[float] | None) -> list[float] | None:
        return times if times is None else increasing(times)

    @field_validator("density_times")
    @classmethod
    def _any_in_order(cls, times: list[float]) -> list[float]:
        return increasing(times) if times else times


class ClassSpectra(Measured):
    """Blocks of the classes; those of class 1 for every seed."""

    all_classes_seeds: int = Field(
        0, ge=0, description="seeds for which the blocks of all classes are measured"
    )
    all_classes_times: list[Time] | None = Field(
        None, description="and the checkpoints at which they are; default: all measured ones"
    )
    off_diagonal: bool = Field(
        False, description="measure the block of classes 1 and 2 too, at the last time"
    )
    beyond: int = Field(5, ge=1, description="eigenvalues that are kept beyond the first k")
    sample_ratios: list[Annotated[float, Field(ge=1)]] = Field(
        [], description="M / d of smaller sample sets, the first of the others"
    )
    ratio_time: Time | None = Field(
        None, description="checkpoint at which the smaller sample sets are measured"
    )


class LayerSpectra(Measured):
    """The second layer's block for every run, the blocks of the neurons for the first runs."""

    neuron_runs: int = Field(
        0, ge=0, description="runs for which the first layer's blocks are measured"
    )


class Effective(Section):
    """Monte Carlo over the few directions that the weights depend on."""

    draws: int = Field(20_000, ge=100, le=1_000_000, description="samples")
    times: list[Time] = Field(min_length=1, description="checkpoints at which it is solved")
    sample_ratios: list[Annotated[float, Field(ge=1)]] = Field(
        [], description="M / d of smaller sample sets, the first of the others"
    )
    ratio_time: Time | None = Field(
        None, description="checkpoint at which the smaller sample sets are predicted"
    )

    @field_validator("times")
    @classmethod
    def _in_order(cls, times: list[float]) -> list[float]:
        return increasing(times)
