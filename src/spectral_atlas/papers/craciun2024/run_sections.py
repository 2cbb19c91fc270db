"""Sections of the configuration of Craciun & Ghoshdastidar: ensembles and orbits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.craciun2024.rules import check_named_once
from spectral_atlas.papers.craciun2024.sections import Name, Once, Positive, Rates, Widths


class Ensemble(Section):
    """How long ensembles run, and when a run is at rest."""

    steps: int = Field(ge=10, le=10_000_000, description="T, updates")
    window: int = Field(200, ge=2, description="last parameters that are looked at")
    still: float = Field(
        1e-8, gt=0, lt=1e-3, description="at rest: every |gradient| of the window is below this"
    )
    limit: float = Field(1e6, gt=1, description="diverged: a weight is beyond this")

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if self.window > self.steps:
            raise ValueError(f"window = {self.window}: must be at most steps = {self.steps}")
        return self


class TwoParameter(Ensemble):
    """L = (1 - w_1 w_2)^2 from random starts."""

    learning_rates: Rates = Field(description="eta")
    starts: int = Field(ge=1, le=10_000_000, description="uniform in the square, for every eta")
    box: float = Field(3.0, gt=0, description="the square is [-box, box]^2")


class Basins(Ensemble):
    """The same from a grid of starts."""

    learning_rates: Rates = Field(description="eta")
    side: int = Field(ge=2, le=5000, description="starts along each axis")
    box: float = Field(3.0, gt=0, description="the square is [-box, box]^2")
    nudge: float = Field(1e-10, gt=0, description="starts that end at a saddle are moved by this")


class NetStarts(Section):
    """Random starts of one network."""

    net: Name = Field(description="among those of the data")
    std: float = Field(gt=0, description="standard deviation of every weight")


class NetRuns(Ensemble):
    """Linear networks from random starts, at shares of their critical step."""

    nets: list[NetStarts] = Field(min_length=1, description="which networks")
    shares: Rates = Field(description="eta / eta_C")
    starts: int = Field(ge=1, le=1_000_000, description="for every network and share")
    nudge: float = Field(
        1e-6, gt=0, lt=1e-2, description="runs at rest are moved by this and must come back to rest"
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        check_named_once("nets", "net", [one.net for one in self.nets])
        return self

    def _cautions(self) -> list[str]:
        if max(self.shares) <= 1.6:
            return []
        return [
            f"shares = {max(self.shares):g}: beyond 1.6 networks of three layers and more linger "
            "near the saddle at 0, so that more steps are needed to tell where they end"
        ]


class Nonlinear(Ensemble):
    """One hidden layer with biases, mean squared error."""

    activations: Annotated[list[Literal["tanh", "elu"]], Once] = Field(
        min_length=1, description="of the neurons"
    )
    width: int = Field(20, ge=1, le=1000, description="K, neurons")
    learning_rates: Rates = Field(description="eta")
    starts: int = Field(ge=1, le=100_000, description="for every activation and eta")
    nudge: float = Field(
        1e-6, gt=0, lt=1e-2, description="runs at rest are moved by this and must come back to rest"
    )


class Critical(Section):
    """Flattest minimizers by constrained minimization, beside the formula for their sharpness."""

    restarts: int = Field(4, ge=1, le=100, description="starts of each minimization")
    random_widths: Annotated[list[Widths], Once] = Field(
        description="networks that get random S and W*"
    )
    random_problems: int = Field(ge=0, le=10_000, description="for each of these")

    @model_validator(mode="after")
    def _represented(self) -> Self:
        for k, widths in enumerate(self.random_widths):
            if min(widths) < (rank := min(widths[0], widths[-1])):
                raise ValueError(
                    f"random_widths[{k}] = {widths}: hidden layers must be at least {rank} wide, "
                    "the rank of W*"
                )
        return self


class Bifurcation(Section):
    """The map x -> x + a x (1 - x^2) of the diagonal w_1 = w_2, a = eta / eta_C."""

    lowest: float = Field(0.7, gt=0, description="least a")
    highest: float = Field(1.62, gt=0, le=3, description="largest a")
    values: int = Field(ge=2, le=100_000, description="values of a")
    transient: int = Field(ge=0, le=10_000_000, description="updates before orbits are kept")
    kept: int = Field(ge=16, le=100_000, description="points of an orbit that are kept")
    periods: Annotated[list[Annotated[int, Field(ge=1, le=16)]], Once] = Field(
        min_length=1, description="k of the k-periodic points"
    )
    inputs: list[Positive] = Field(
        min_length=1, description="x of the points (x, x) that the ReLU chain learns"
    )
    start: list[Positive] = Field(min_length=2, max_length=2, description="t_1, t_2")
    learning_rates: Rates = Field(description="eta of the two trajectories")
    steps: int = Field(ge=10, le=1_000_000, description="updates of the trajectories")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest = {self.lowest}: must be below highest = {self.highest}")
        return self


class Minibatch(Section):
    """SGD with batches of one of two samples, along the minimizers t_1 t_2 = 1."""

    inputs: list[Positive] = Field(
        min_length=2, max_length=2, description="x of the two points (x, x)"
    )
    learning_rates: Rates = Field(description="eta")
    probabilities: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        description="of drawing the first sample, one for each eta"
    )
    extent: float = Field(gt=1, description="t_1 from 1 / extent to extent")
    points: int = Field(ge=3, le=100_000, description="minimizers, log-spaced")
    starts: int = Field(ge=1, le=100_000, description="descents beside each of some minimizers")
    every: int = Field(ge=1, description="which ones: every so many")
    steps: int = Field(ge=10, le=10_000_000, description="updates of these")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.probabilities) != len(self.learning_rates):
            raise ValueError(
                f"probabilities: {len(self.probabilities)} given, must be "
                f"{len(self.learning_rates)}, one for each learning rate"
            )
        if self.every > self.points:
            raise ValueError(f"every = {self.every}: must be at most points = {self.points}")
        if self.inputs[0] == self.inputs[1]:
            raise ValueError(f"inputs = {self.inputs}: must differ, else SGD is gradient descent")
        return self
