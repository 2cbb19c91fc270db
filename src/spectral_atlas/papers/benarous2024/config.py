"""Configuration of the figures of Ben Arous, Gheissari, Huang & Jagannath.

A study has sections of one name: ``data`` says what is classified, ``train`` how, ``spectra`` what
is measured along the way, ``effective`` what is predicted for it.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.benarous2024.rules import check
from spectral_atlas.papers.benarous2024.sections import (
    ClassMixture,
    ClassSpectra,
    Effective,
    LayerSpectra,
    Mixture,
    SoftmaxTraining,
    TwoLayerTraining,
    WidthsTraining,
)


class Data(Section):
    """What is classified: k Gaussian components with labels of their own, or an XOR of four."""

    mixture_recalled: ClassMixture = Field(description="parameters as recalled")
    mixture_theorem: ClassMixture = Field(description="large precision, as the theorems ask")
    mixture_moderate: ClassMixture = Field(description="in between")
    mixture_limit: ClassMixture = Field(description="long runs, against the fixed point")
    mixture_unequal: ClassMixture = Field(description="variant: unequal shares")
    mixture_correlated: ClassMixture = Field(description="variant: correlated means")
    mixture_gaussian: ClassMixture = Field(description="variant: Gaussian means")
    xor_recalled: Mixture = Field(description="parameters as recalled")
    xor_theorem: Mixture = Field(description="large precision, as the theorems ask")
    xor_four: Mixture = Field(description="four neurons: how many means are learned")
    xor_four_recalled: Mixture = Field(description="four neurons, parameters as recalled")
    xor_four_theorem: Mixture = Field(description="four neurons, large precision")
    xor_widths: Mixture = Field(description="more neurons: how many means are learned")
    xor_widths_moderate: Mixture = Field(description="the same at smaller precision")


class Train(Section):
    """How each study is trained."""

    mixture_recalled: SoftmaxTraining = Field(description="parameters as recalled")
    mixture_theorem: SoftmaxTraining = Field(description="large precision")
    mixture_moderate: SoftmaxTraining = Field(description="in between")
    mixture_limit: SoftmaxTraining = Field(description="long runs")
    mixture_unequal: SoftmaxTraining = Field(description="variant: unequal shares")
    mixture_correlated: SoftmaxTraining = Field(description="variant: correlated means")
    mixture_gaussian: SoftmaxTraining = Field(description="variant: Gaussian means")
    xor_recalled: TwoLayerTraining = Field(description="parameters as recalled")
    xor_theorem: TwoLayerTraining = Field(description="large precision")
    xor_four: TwoLayerTraining = Field(description="four neurons, many runs")
    xor_four_recalled: TwoLayerTraining = Field(description="four neurons, chosen starts")
    xor_four_theorem: TwoLayerTraining = Field(description="four neurons, chosen starts")
    xor_widths: WidthsTraining = Field(description="more neurons, many runs")
    xor_widths_moderate: WidthsTraining = Field(description="the same at smaller precision")


class Spectra(Section):
    """What is measured at the checkpoints."""

    mixture_recalled: ClassSpectra = Field(description="parameters as recalled")
    mixture_recalled_train: ClassSpectra = Field(description="the same on training samples")
    mixture_theorem: ClassSpectra = Field(description="large precision")
    mixture_moderate: ClassSpectra = Field(description="in between")
    mixture_moderate_train: ClassSpectra = Field(description="the same on training samples")
    mixture_limit: ClassSpectra = Field(description="long runs")
    mixture_unequal: ClassSpectra = Field(description="variant: unequal shares")
    mixture_correlated: ClassSpectra = Field(description="variant: correlated means")
    mixture_gaussian: ClassSpectra = Field(description="variant: Gaussian means")
    xor_recalled: LayerSpectra = Field(description="parameters as recalled")
    xor_theorem: LayerSpectra = Field(description="large precision")
    xor_theorem_train: LayerSpectra = Field(description="the same on training samples")
    xor_four: LayerSpectra = Field(description="four neurons, many runs")
    xor_four_recalled: LayerSpectra = Field(description="four neurons, chosen starts")
    xor_four_theorem: LayerSpectra = Field(description="four neurons, chosen starts")


class Predicted(Section):
    """Where the effective theory is solved."""

    mixture_recalled: Effective = Field(description="parameters as recalled")
    mixture_theorem: Effective = Field(description="large precision")
    mixture_moderate: Effective = Field(description="in between")
    xor_recalled: Effective = Field(description="parameters as recalled")
    xor_theorem: Effective = Field(description="large precision")


class Agreement(Section):
    """Structured blocks against automatic differentiation."""

    samples: int = Field(400, ge=1, le=100_000, description="test samples in both")


class BenArous(Section):
    """High-dimensional SGD aligns with emerging outlier eigenspaces."""

    data: Data = Field(description="what is classified")
    train: Train = Field(description="how")
    spectra: Spectra = Field(description="what is measured at the checkpoints")
    effective: Predicted = Field(description="where limiting bulk and outliers are computed")
    agreement: Agreement = Field(description="structured blocks against automatic differentiation")

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        check(self.data, self.train, self.spectra, self.effective)
        return self
