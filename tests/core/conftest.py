"""A paper that exists only in tests: its config, its stage functions, its place in the registry."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import Field

from spectral_atlas import config, cost, keys, plan
from spectral_atlas.config import Section
from spectral_atlas.cost import Estimate
from spectral_atlas.registry import Figure, Node, Paper

THIS = sys.modules[__name__].__name__


class Sweep(Section):
    """One row for each rate; parts take every n-th rate."""

    rates: list[float] = Field(min_length=1)
    offset: float = 0.0
    parts: int = Field(1, ge=1)

    def part(self, index: int) -> Sweep:
        """Rates of one part."""
        if not 0 <= index < self.parts:
            raise IndexError(f"part {index} of {self.parts}")
        return Sweep(rates=self.rates[index :: self.parts], offset=self.offset)


class Uncut(Section):
    """A section that knows no parts."""

    rates: tuple[float, ...] = (1.0,)


class Config(Section):
    """The paper's config."""

    data: Uncut = Uncut()
    sweep: Sweep


def data(config: Uncut, inputs: Any, job: Any) -> xr.Dataset:
    return xr.Dataset({"x": ("sample", np.arange(3.0))})


def sweep(config: Sweep, inputs: Any, job: Any) -> xr.Dataset:
    rates = np.array(config.rates)
    x = inputs["data/base"]["x"].values
    return xr.Dataset(
        {
            "loss": (("step", "run"), np.outer(x, rates) + job.seed, {"long_name": "a loss"}),
            "outcome": ("run", (rates > 1).astype(np.int8), {"flag_meanings": "low high"}),
            "kind": ("run", np.array(["low" if r < 1 else "higher" for r in rates])),
            "final": ("run", np.where(rates > 1, np.nan, rates)),
        },
        coords={"rate": ("run", rates), "step": np.arange(3), "scale": np.nan},
        attrs={"offset": config.offset, "levels": [1, 2]},
    )


def mean(config: Uncut, inputs: Any, job: Any) -> xr.Dataset:
    return inputs["runs/sweep"][["final"]].mean("run")


def estimate(ref: str, section: Any) -> Estimate | None:
    if ref != "runs/sweep":
        return None
    return Estimate(3.6e12 * sum(section.rates), 1e6 * len(section.rates), 0.5)


NODES = (
    Node("data", "base", f"{THIS}:data", "data"),
    Node("runs", "sweep", f"{THIS}:sweep", "sweep", ("data/base",), threads=3, along="run"),
    Node("spectra", "sweep", f"{THIS}:mean", "data", ("runs/sweep",)),
)
PAPER = Paper(
    key="toy",
    title="A toy",
    citation="nobody",
    config=f"{THIS}:Config",
    nodes=NODES,
    figures=(Figure("fig1", "Fig", "none", "spectral_atlas.rng:generator", ("runs/sweep",)),),
    claims="spectral_atlas.rng:generator",
    claim_inputs=("spectra/sweep",),
    cost=f"{THIS}:estimate",
)
Register = Callable[..., None]
MakePlan = Callable[..., plan.Plan]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Call with papers: they are the registry until the test ends."""
    project_code = keys.code

    def code(reference: str, *packages: tuple[str, ...]) -> dict[str, Any]:
        """The import graph knows the project only."""
        if reference.startswith("spectral_atlas."):
            return project_code(reference, *packages)
        return {"function": reference, "modules": {}, "versions": {"toys": "1.0"}}

    def use(*found: Paper) -> None:
        known = {paper.key: paper for paper in found}
        for module in (config, cost, plan):
            monkeypatch.setattr(module, "papers", lambda: known)
        config.model.cache_clear()

    monkeypatch.setattr(keys, "code", code)
    yield use
    config.model.cache_clear()


@pytest.fixture
def toy() -> Paper:
    return PAPER


@pytest.fixture
def toy_plan(register: Register) -> MakePlan:
    """Call with the keys of the toy's section: the plan of the toy alone."""
    register(PAPER)

    def make(seed: int = 7, **section: Any) -> plan.Plan:
        section = {"rates": [0.5, 1.0, 2.0, 4.0, 8.0]} | section
        return plan.Plan(config.parse({"seed": seed, "toy": {"sweep": section}}))

    return make
