"""Configuration of the figures of Craciun & Ghoshdastidar."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.craciun2024.run_sections import (
    Basins,
    Bifurcation,
    Critical,
    Minibatch,
    NetRuns,
    Nonlinear,
    TwoParameter,
)
from spectral_atlas.papers.craciun2024.sections import Chain, Edge, EdgeFresh, Nets, Points, Wide
from spectral_atlas.papers.craciun2024.spectra_sections import (
    EdgeSpectra,
    Hyperbola,
    Jacobian,
    Manifold,
    NonlinearSpectra,
    Orbits,
    StableSet,
    WideSpectra,
)


class Data(Section):
    """Regression data."""

    nets: Nets = Field(description="what linear networks learn")
    regressions: Nets = Field(description="data of many shapes, for spectra at minimizers")
    points: Points = Field(description="what nonlinear networks learn")


class Runs(Section):
    """Descents, and what is minimized."""

    edge: Edge = Field(description="deep linear networks at the edge of stability")
    edge_fresh: EdgeFresh = Field(description="the same from fresh starts")
    chain: Chain = Field(description="a chain of scalars at the edge of stability")
    wide: Wide = Field(description="wide networks at the edge of stability")
    two_parameter: TwoParameter = Field(description="L = (1 - w_1 w_2)^2 from random starts")
    nets: NetRuns = Field(description="matrix networks from random starts")
    basins: Basins = Field(description="L = (1 - w_1 w_2)^2 from a grid of starts")
    nonlinear: Nonlinear = Field(description="tanh and ELU networks from random starts")
    critical: Critical = Field(description="flattest minimizers")
    bifurcation: Bifurcation = Field(description="orbits of the diagonal map")
    minibatch: Minibatch = Field(description="SGD beside minimizers")


class Spectra(Section):
    """Hessians, Jacobians of the gradient-descent map, stable sets."""

    edge: EdgeSpectra = Field(description="full Hessians along the paths to the edge")
    wide: WideSpectra = Field(description="sharpness of wide networks")
    hyperbola: Hyperbola = Field(description="minimizers of L = (1 - w_1 w_2)^2")
    stable_set: StableSet = Field(description="how far stable minimizers reach")
    jacobian: Jacobian = Field(description="det(I - eta H)")
    orbits: Orbits = Field(description="multipliers of orbits of period two")
    nonlinear: NonlinearSpectra = Field(description="Hessians where nonlinear networks rest")
    manifold: Manifold = Field(description="spectra at random minimizers")


class Craciun(Section):
    """Stability and convergence of gradient descent at large learning rates."""

    data: Data = Field(description="what is learned")
    runs: Runs = Field(description="what is trained")
    spectra: Spectra = Field(description="what is measured")

    @model_validator(mode="after")
    def _named_nets(self) -> Self:
        """Every network that is named is one of the data's."""
        known = {net.name: net for net in self.data.nets.nets}
        named = [
            *((f"runs.nets.nets[{i}].net", x.net) for i, x in enumerate(self.runs.nets.nets)),
            *(
                (f"spectra.jacobian.nets[{i}].net", x.net)
                for i, x in enumerate(self.spectra.jacobian.nets)
            ),
            ("spectra.stable_set.net", self.spectra.stable_set.net),
        ]
        for path, name in named:
            if name not in known:
                raise ValueError(f"{path} = {name}: must be one of {', '.join(known)}")
        stable = known[self.spectra.stable_set.net]
        if len(stable.widths) != 3:
            raise ValueError(
                f"spectra.stable_set.net = {stable.name}: must have two layers, has "
                f"{len(stable.widths) - 1}"
            )
        if stable.second_moment is not None and min(stable.second_moment) == 0:
            raise ValueError(
                f"spectra.stable_set.net = {stable.name}: must have a second_moment above 0 "
                "everywhere, its stable minimizers have no bound otherwise"
            )
        return self
