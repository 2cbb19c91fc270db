"""Sections of the configuration of the uv model: what they hold."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.kalra2023.sections import increasing

Width = Annotated[int, Field(ge=2, le=1_000_000)]
Multiple = Annotated[float, Field(gt=0, le=100)]


class Study(Section):
    """Base: random starts at several widths."""

    widths: list[Width] = Field(min_length=1, description="w")

    @field_validator("widths", "multiples", check_fields=False)
    @classmethod
    def _in_order(cls, values: list[float]) -> list[float]:
        return increasing(values)


class Grid(Study):
    """Base: an even grid."""

    grid_step: float
    grid_stop: float

    @model_validator(mode="after")
    def _some_grid(self) -> Self:
        if self.grid_stop < self.grid_step:
            raise ValueError(
                f"grid_stop = {self.grid_stop:g}: must be at least grid_step = {self.grid_step:g}"
            )
        return self


class Diverging(Study):
    """Base: runs that may diverge."""

    divergence: float = Field(
        1e5, ge=100, description="a loss above it has diverged; at least twice the largest width"
    )

    @model_validator(mode="after")
    def _catapults_pass(self) -> Self:
        # A loss that comes back peaks below w kappa_0^2 / 8, about w / 2.
        if self.divergence < 2 * self.widths[-1]:
            raise ValueError(
                f"divergence = {self.divergence:g}: must be at least twice the largest width, "
                f"{2 * self.widths[-1]}"
            )
        return self


class Constants(Grid, Diverging):
    """Critical learning rates, on the grids c and k = 2^0, 2^grid_step, ..., 2^grid_stop."""

    runs: int = Field(ge=2, le=20_000, description="random starts for each width")
    steps: int = Field(10, ge=1, le=1000, description="steps T of gradient descent")
    grid_step: float = Field(0.02, ge=0.001, le=1, description="log2 of the ratio of neighbours")
    grid_stop: float = Field(3.5, gt=0, le=10, description="log2 of the last grid value")


class Averages(Study):
    """Means over starts of what the first step does."""

    multiples: list[Multiple] = Field(min_length=1, description="k = eta kappa_0")
    samples: int = Field(ge=100, le=10_000_000, description="random starts for each width")


class Trajectories(Diverging):
    """A few runs in full."""

    multiples: list[Multiple] = Field(min_length=1, description="k = eta kappa_0")
    runs: int = Field(5, ge=1, le=1000, description="random starts for each width")
    steps: int = Field(20, ge=1, le=10_000, description="steps of gradient descent")


class Saturation(Grid):
    """What is left of the sharpness after tau = time / k steps, k = grid_step, 2 grid_step, ..."""

    grid_step: float = Field(0.05, ge=0.001, le=1, description="distance of neighbouring k")
    grid_stop: float = Field(3.95, gt=0, lt=4, description="last k; from 4 on runs diverge")
    time: float = Field(200.0, ge=10, le=10_000, description="k tau")
    runs: int = Field(ge=2, le=20_000, description="random starts for each width")


class UV(Section):
    """The uv model f = v.u / sqrt(w): all of its studies."""

    constants: Constants = Field(description="critical learning rates")
    averages: Averages = Field(description="the first step, against its formulas")
    trajectories: Trajectories = Field(description="runs in full")
    saturation: Saturation = Field(description="sharpness at a fixed k tau")
