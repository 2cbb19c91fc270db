"""Sections of the configuration: what is minimized or trained with an L2 term on the weights."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from spectral_atlas.papers.jacot2021.sections import Depth, EachOnce, Positive, Seed, Width

Ridge = Annotated[float, Field(gt=0, le=10)]
Rank = Annotated[int, Field(ge=0, le=200)]


class Minima(EachOnce):
    """Minima of C(A) + lambda |theta|^2 by rank."""

    data: Literal["completion", "full"] = Field("completion", description="which matrices")
    depths: list[Depth] = Field(min_length=1, description="L")
    ridges: list[Ridge] = Field(min_length=1, description="lambda")
    ranks: list[Rank] = Field(min_length=1, description="ranks that are searched")
    targets: list[Seed] = Field(min_length=1, description="target seeds")
    noise: float = Field(0.0, ge=0, description="standard deviation, on observed entries")
    starts: int = Field(1, ge=1, le=100, description="random starts for each rank, beside others")
    extra_width: int = Field(
        2, ge=1, le=100, description="neurons beyond the rank in the test of stability"
    )
    parts: int = Field(1, ge=1, le=1000, description="jobs that share the targets")

    @field_validator("ridges", "ranks")
    @classmethod
    def _ascend(cls, values: list[float]) -> list[float]:
        if sorted(values) != values:
            raise ValueError("must be in increasing order")
        return values

    @model_validator(mode="after")
    def _enough_targets(self) -> Self:
        if self.parts > len(self.targets):
            raise ValueError(
                f"parts = {self.parts}: must be at most {len(self.targets)}, the number of targets"
            )
        return self

    def part(self, index: int) -> Minima:
        """Every `parts`-th target, from number ``index`` on."""
        mine = self.targets[index :: self.parts]
        return self.model_copy(update={"targets": mine, "parts": 1})


class Identity(EachOnce):
    """Ridge descent, along which |theta|^2 is compared with L sum s_i^(2/L)."""

    depths: list[Depth] = Field(min_length=1, description="L")
    width: Width = Field(15, description="w")
    ridge: Ridge = Field(description="lambda")
    targets: list[Seed] = Field(min_length=1, description="target seeds")
    learning_rate: float = Field(0.1, gt=0, description="eta")
    steps: int = Field(ge=1, description="updates, before the minimum is polished")


class Thresholds(EachOnce):
    """One observed singular value a, C = c (s - a)^2: where minima appear and where they win."""

    depths: list[Annotated[int, Field(ge=2, le=8)]] = Field(min_length=1, description="L")
    ridges: list[Ridge] = Field(min_length=1, description="lambda")
    curvature: float = Field(0.01, gt=0, description="c; 1 / n^2 for an n x n matrix")
    largest: float = Field(4.0, gt=0, description="a runs from 0 to this")
    points: int = Field(400, ge=10, le=100_000, description="number of values of a")


class Basin(EachOnce):
    """Ridge descent from both sides of the boundary of the origin's basin."""

    depths: list[Annotated[int, Field(ge=3, le=8)]] = Field(min_length=1, description="L")
    ridges: list[Ridge] = Field(min_length=1, description="lambda")
    factors: list[Positive] = Field(min_length=2, description="start at this times r_b")
    targets: list[Seed] = Field(min_length=1, description="target seeds")
    learning_rate: float = Field(0.1, gt=0, description="eta")
    max_steps: int = Field(ge=1, description="updates at most")
