"""Sections of the configuration of Craciun & Ghoshdastidar: problems and runs."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from spectral_atlas.config import Section, each_once
from spectral_atlas.papers.craciun2024.rules import check_layers, check_named_once, check_net

Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Width = Annotated[int, Field(ge=1, le=1000)]
Widths = Annotated[list[Width], Field(min_length=3, max_length=9)]
Once = AfterValidator(each_once)
Rates = Annotated[list[Positive], Field(min_length=1), Once]
Seeds = Annotated[list[Seed], Field(min_length=1), Once]


class Net(Section):
    """A linear network and the regression data that it learns."""

    name: Name = Field(description="by which runs refer to it")
    widths: Widths = Field(description="d_0 (inputs), hidden widths, d_H (outputs)")
    singular_values: list[Positive] | None = Field(
        None, min_length=1, description="W* is a diagonal matrix of these; or give target"
    )
    target: list[list[float]] | None = Field(
        None, min_length=1, description="W* row by row; or give singular_values"
    )
    second_moment: list[Annotated[float, Field(ge=0)]] | None = Field(
        None, description="eigenvalues of S = X X^T, one for each input; default: all 1 (white)"
    )
    samples: int = Field(ge=1, le=10_000, description="n, columns of X")
    noise: float = Field(
        0.0,
        ge=0,
        description="standard deviation of label noise; its part that a linear map could fit is "
        "taken out, so that W* stays optimal",
    )
    rotated: bool = Field(
        False, description="whether the eigenvectors of S are random, not the axes"
    )
    allow_rank_deficient: bool = Field(
        False,
        description="allow data that do not determine the linear map, or a W* of lower rank than "
        "its sides; the minimizers are then another set",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_net(self)
        return self


class Nets(Section):
    """Linear networks with data."""

    nets: list[Net] = Field(min_length=1, description="each with a name of its own")

    @model_validator(mode="after")
    def _names(self) -> Self:
        check_named_once("nets", "name", [net.name for net in self.nets])
        return self


class Points(Section):
    """A few points of the line, for nonlinear networks."""

    x: list[float] = Field(min_length=1, description="inputs")
    y: list[float] = Field(min_length=1, description="labels")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"y: {len(self.y)} labels for {len(self.x)} inputs, must be as many")
        return self


class EdgeStart(Section):
    """One start, drawn by numpy.random.default_rng(numpy_seed) alone, so that others can."""

    name: Annotated[str, Field(pattern=r"^[A-Z]$")] = Field(description="letter in the figure")
    numpy_seed: Seed = Field(description="seed of singular vectors of W* and of the weights")
    scales: list[Positive] = Field(description="layer h has entries N(0, scale_h^2 / d_{h-1})")
    share: float = Field(gt=0, lt=2, description="eta / eta_C")
    steps: int = Field(ge=10, le=200_000, description="updates")


class EdgeBase(Section):
    """What paths to the edge of stability have in common."""

    widths: Widths = Field(description="d_0, ..., d_H")
    singular_values: list[Positive] = Field(min_length=1, description="of W*; data are white")
    slowdown: int = Field(20, ge=2, le=1000, description="the reference runs with eta over this")
    every_step_until: int = Field(300, ge=1, description="every step is a checkpoint up to here")
    every: int = Field(5, ge=1, description="after it, steps between checkpoints")


class Edge(EdgeBase):
    """Descents that end at the edge of stability, from starts that anybody can draw again."""

    starts: list[EdgeStart] = Field(min_length=1, description="one descent each")

    @model_validator(mode="after")
    def _layers(self) -> Self:
        check_named_once("starts", "name", [start.name for start in self.starts])
        for k, start in enumerate(self.starts):
            try:
                check_layers(self.widths, self.singular_values, start.scales)
            except ValueError as error:
                inside = "" if str(error).startswith("singular_values") else f"starts[{k}]."
                raise ValueError(f"{inside}{error}") from None
        return self


class EdgeFresh(EdgeBase):
    """The same from fresh starts."""

    initialization_seeds: Seeds = Field(description="one descent each")
    scales: list[Positive] = Field(description="layer h has entries N(0, scale_h^2 / d_{h-1})")
    share: float = Field(gt=0, lt=2, description="eta / eta_C")
    steps: int = Field(ge=10, le=200_000, description="updates")

    @model_validator(mode="after")
    def _layers(self) -> Self:
        check_layers(self.widths, self.singular_values, self.scales)
        return self


class Chain(Section):
    """A chain of scalars, L = (1 - w_1 ... w_H)^2, from one start."""

    start: list[Positive] = Field(min_length=2, max_length=8, description="w_1, ..., w_H")
    learning_rates: Rates = Field(description="eta")
    stop_loss: float = Field(1e-12, gt=0, lt=1, description="a run ends below this loss")
    max_steps: int = Field(ge=10, le=1_000_000, description="updates at most")
    slowdown: int = Field(20, ge=2, le=1000, description="the reference runs with eta over this")


class Wide(Section):
    """Wide and deep linear networks at the edge of stability."""

    widths: Widths = Field(description="d_0, ..., d_H")
    singular_values: list[Positive] = Field(min_length=1, description="of W*; data are white")
    initialization_seeds: Seeds = Field(description="one descent each")
    scales: list[Positive] = Field(description="layer h has entries N(0, scale_h^2 / d_{h-1})")
    share: float = Field(gt=0, lt=2, description="eta / eta_C")
    steps: int = Field(ge=10, le=200_000, description="updates")
    checkpoints: int = Field(45, ge=2, le=5000, description="sharpness measured, log-spaced steps")

    @model_validator(mode="after")
    def _layers(self) -> Self:
        check_layers(self.widths, self.singular_values, self.scales)
        return self
