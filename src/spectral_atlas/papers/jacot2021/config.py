"""Configuration of the figures of Jacot, Ged, Gabriel, Simsek & Hongler."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.jacot2021.ridge_sections import Basin, Identity, Minima, Thresholds
from spectral_atlas.papers.jacot2021.rules import check
from spectral_atlas.papers.jacot2021.sections import (
    Descent,
    FirstPath,
    Greedy,
    Included,
    IncludedSaddles,
    Matrices,
    Networks,
    Plane,
)


class Data(Section):
    """Matrices of low rank."""

    completion: Matrices = Field(description="matrix completion: some entries are observed")
    full: Matrices = Field(description="all entries are observed")


class Runs(Section):
    """Descents, the greedy algorithm, minima of the regularized loss."""

    saddle_to_saddle: Descent = Field(description="small starts: plateaus, from saddle to saddle")
    initializations: Descent = Field(description="the same from many starts")
    shares: Descent = Field(description="the same with fewer and more observed entries")
    regimes: Descent = Field(description="shallow and deep networks over gamma")
    lazy: Descent = Field(description="gamma = 1 - 1/L: networks as linear models")
    escape: Descent = Field(description="how long the origin holds, over widths and gamma")
    distances: Descent = Field(description="how far a start is from saddles and minima")
    ridge_gd: Descent = Field(description="descent of the regularized loss")
    first_path: FirstPath = Field(description="the path of width 1 out of the origin")
    greedy: Greedy = Field(description="the greedy low-rank algorithm")
    plane: Plane = Field(description="paths projected onto a plane")
    minima_noisy: Minima = Field(description="minima by rank, noisy entries")
    minima_clean: Minima = Field(description="minima by rank, no noise")
    minima_full: Minima = Field(description="minima by rank, all entries observed")
    landscape: Minima = Field(description="minima by rank, for their Hessians")
    identity: Identity = Field(description="|theta|^2 against the Schatten quasi-norm")
    thresholds: Thresholds = Field(description="one singular value: when a minimum appears, wins")
    basin: Basin = Field(description="how far the origin's basin reaches")


class Spectra(Section):
    """Hessians and tangent kernels."""

    saddles: IncludedSaddles = Field(description="at the saddles of the greedy algorithm")
    landscape: Included = Field(description="at the critical points of the regularized loss")
    kernels: Networks = Field(description="tangent kernels at initialization")


class Jacot(Section):
    """Deep linear networks: low-rank biases of small initialization and of L2 regularization."""

    data: Data = Field(description="what is to be completed")
    runs: Runs = Field(description="what is trained or minimized")
    spectra: Spectra = Field(description="what is measured at the results")

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        check(self.data, self.runs, self.spectra)
        return self

    def _cautions(self) -> list[str]:
        """Runs that observe fewer entries than their data do."""
        needed = self.data.completion._degrees_of_freedom()
        return [
            f"runs.{name}.observed = {min(section.observed)}: fewer than the {needed} degrees of "
            f"freedom of the matrix, so they cannot determine it"
            for name in type(self.runs).model_fields
            if getattr(section := getattr(self.runs, name), "observed", None)
            and min(section.observed) < needed
        ]
