"""Sections of the configuration of Kalra & Barkeshli: what is trained, and what is looked for."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, PrivateAttr, field_validator, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.kalra2023.work import Shape, shares

DataName = Literal[
    "images", "isotropic", "steep", "teacher", "teacher_scalar", "random_labels", "fields",
    "fields_large",
]  # fmt: skip
DATA: tuple[DataName, ...] = get_args(DataName)
FIELDS = ("fields", "fields_large")
UNLABELLED = ("teacher", "teacher_scalar")
DEPTHS = {"myrtle": (5, 7, 10), "resnet": (18, 34)}
Multiple = Annotated[float, Field(gt=0, le=2**20)]


def increasing(values: list[float]) -> list[float]:
    """Refuse numbers that are not in order."""
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError("must increase")
    return values


class Models(Section):
    """Networks that differ in width and seed only."""

    data: DataName = Field("images", description="section of `data` with the training set")
    network: Literal["fcn", "myrtle", "resnet"] = Field("fcn", description="architecture")
    activation: Literal["relu", "tanh", "linear"] = Field("relu", description="of an FCN")
    parameterization: Literal["standard", "neural_tangent"] = Field(
        "standard", description="of an FCN"
    )
    weight_variance: float = Field(
        2.0, gt=0, le=4, description="of an FCN's hidden layers, times fan_in; 2 suits ReLU, 1 tanh"
    )
    depth: int = Field(ge=2, le=1000, description="d, weight matrices; 18 or 34 for a ResNet")
    widths: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(min_length=1, description="w")
    output: Literal["standard", "zero", "centred"] = Field(
        "standard",
        description="output at initialization; zero: last layer is zero; centred: f - f_0",
    )
    alpha: float = Field(1.0, gt=0, description="the output is multiplied by it")
    output_exponent: float = Field(0.0, ge=0, le=2, description="s; an FCN's output over w^s")
    loss: Literal["mse", "cross_entropy"] = Field("mse", description="mse: 1/2 mean (f - y)^2")
    batch: int | None = Field(None, ge=1, description="samples of an SGD step; default: all")
    seeds: int = Field(ge=1, le=10_000, description="initializations, each with its SGD order")
    first_seed: int = Field(0, ge=0, description="number of the first of them")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.network != "fcn":
            allowed = DEPTHS[self.network]
            if self.depth not in allowed:
                names = " or ".join(map(str, allowed))
                raise ValueError(f"depth = {self.depth}: must be {names} for a {self.network}")
            if self.data not in FIELDS:
                raise ValueError(
                    f"data = {self.data}: must be {' or '.join(FIELDS)} for a {self.network}"
                )
            only_fcn = ("activation", "parameterization", "output_exponent", "weight_variance")
            for key in only_fcn:
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise ValueError(f"{key} = {getattr(self, key)}: only an FCN has another")
        if self.loss == "cross_entropy" and self.data in UNLABELLED:
            raise ValueError(f"loss = cross_entropy: data = {self.data} has no labels")
        return self

    @field_validator("widths")
    @classmethod
    def _each_once(cls, widths: list[int]) -> list[int]:
        if len(set(widths)) < len(widths):
            raise ValueError("must not repeat a width")
        return widths

    def _each(self) -> list[Models]:
        """The same, one width each."""
        return [self.model_copy(update={"widths": [w]}) for w in self.widths]


class Measured(Section):
    """A list of networks and how their sharpness is measured."""

    models: list[Models] = Field(min_length=1, description="what is trained")
    tolerance: float = Field(
        0.01, gt=1e-4, lt=0.2, description="residual of a sharpness, relative; 1/10 of it at start"
    )
    sharpness_samples: int | None = Field(
        None, ge=1, description="the sharpness is that of the loss on the first so many samples"
    )
    loss_samples: int | None = Field(
        None, ge=1, description="the training loss is that on the first so many samples"
    )
    divergence: float = Field(1e5, gt=0, description="a loss above it ends a run")
    parts: int = Field(1, ge=1, le=10_000, description="jobs that share the work")
    device: Literal["cpu", "cuda"] = Field("cpu", description="where it is computed")

    _shapes: dict[str, Shape] = PrivateAttr(default_factory=dict)

    def _learn_shapes(self, shapes: dict[str, Shape]) -> None:
        """What the rest of the configuration says of the training sets; estimates need it."""
        self._shapes = shapes

    def _shape_of(self, data: str) -> Shape:
        """The shape of a training set."""
        return self._shapes[data]

    def part(self, index: int) -> Self:
        """The share of one job: networks of about equal cost, seeds of one network together."""
        models = shares(self)[index]
        return self.model_copy(update={"models": models, "parts": 1})

    @model_validator(mode="after")
    def _enough_work(self) -> Self:
        runs = sum(len(group.widths) * group.seeds for group in self.models)
        if self.parts > runs:
            raise ValueError(f"parts = {self.parts}: must be at most the number of runs, {runs}")
        return self


class Early(Measured):
    """Critical constants of early training, and trajectories."""

    steps: int = Field(10, ge=1, le=10_000, description="T")
    grid_step: float = Field(0.1, gt=0, le=2, description="c = 2^(grid_step k), k = 0, 1, ...")
    grid_stop: float = Field(7.0, gt=0, le=20, description="log2 of the largest c")
    method: Literal["bisection", "scan"] = Field(
        "bisection", description="scan: every c of the grid up to the first that diverges"
    )
    protocol: Literal["certified", "authors"] = Field(
        "certified",
        description="how the sharpness is measured; authors: 20 power iterations, after the start "
        "on the next minibatch",
    )
    sharp: bool = Field(True, description="look for c_sharp")
    barrier: bool = Field(False, description="look for c_barrier")
    recorded: list[Multiple] = Field(
        [], description="c at which loss and sharpness are kept step by step"
    )
    recorded_seeds: int | None = Field(
        None, ge=1, description="of the seeds below this number only; default: of all"
    )

    @field_validator("recorded")
    @classmethod
    def _in_order(cls, values: list[float]) -> list[float]:
        return increasing(values)


class Long(Measured):
    """Whole trainings at a few learning rates."""

    multiples: list[Multiple] = Field(min_length=1, description="c")
    steps: int = Field(ge=1, le=10_000_000, description="of gradient descent")
    records: int = Field(
        60, ge=2, le=10_000, description="steps at which the sharpness is measured, evenly in log"
    )

    @field_validator("multiples")
    @classmethod
    def _in_order(cls, values: list[float]) -> list[float]:
        return increasing(values)


class Saturation(Measured):
    """Sharpness after equal times: after tau steps at c = time / tau, for whole tau."""

    time: float = Field(gt=0, le=1e6, description="K = c tau")
    steps: list[Annotated[int, Field(ge=1, le=10_000_000)]] = Field(
        min_length=1, description="tau, from the longest run on; c = time / tau"
    )

    @field_validator("steps")
    @classmethod
    def _longest_first(cls, values: list[int]) -> list[int]:
        if any(b >= a for a, b in pairwise(values)):
            raise ValueError("must decrease")
        return values


class Estimators(Measured):
    """Estimates of the sharpness at initialization beside certified values."""

    lanczos_steps: list[Annotated[int, Field(ge=2, le=1000)]] = Field(
        [6, 12, 30], min_length=1, description="products of plain Lanczos runs"
    )
