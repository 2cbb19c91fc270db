"""Configuration of the figures of Ben Arous, Gheissari, Huang & Jagannath.

A study has sections of one name: ``data`` says what is classified, ``train`` how, ``spectra`` what
is measured along the way, ``effective`` what is predicted for it.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.benarous2024.sections import (
    ClassMixture,
    ClassSpectra,
    Effective,
    LayerSpectra,
    Measured,
    Mixture,
    SoftmaxTraining,
    Training,
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
    def _steps_are_stable(self) -> Self:
        for name in Train.model_fields:
            training, data = getattr(self.train, name), getattr(self.data, name)
            limits = {"2 dimension / ridge": 2 * data.dimension / max(training.ridge, 1e-300)}
            if not isinstance(training, SoftmaxTraining):
                # A sample changes v_i +- W_i X / |X| by the factor 1 -+ delta |X| (s - y).
                length = (1 + data.dimension / data.precision) ** 0.5
                limits["2 dimension / sqrt(1 + dimension / precision)"] = (
                    2 * data.dimension / length
                )
            rule, limit = min(limits.items(), key=lambda item: item[1])
            if training.step >= limit:
                raise ValueError(
                    f"train.{name}.step = {training.step:g}: must be less than {rule} = "
                    f"{limit:.4g}, or SGD overflows"
                )
        return self

    @model_validator(mode="after")
    def _times_are_checkpoints(self) -> Self:
        sections = [(f"spectra.{n}", getattr(self.spectra, n)) for n in Spectra.model_fields]
        sections += [(f"effective.{n}", getattr(self.effective, n)) for n in Predicted.model_fields]
        for where, section in sections:
            training: Training = getattr(self.train, where.split(".")[1].removesuffix("_train"))
            known = training.checkpoints
            if getattr(section, "sample_ratios", None) and section.ratio_time is None:
                raise ValueError(f"{where}.ratio_time: missing; sample_ratios need it")
            # The whole spectrum is kept of what is measured.
            for key in ("ratio_time", "times", "density_times", "all_classes_times"):
                for time in _times(section, key):
                    if time not in known:
                        listed = ", ".join(f"{t:g}" for t in known)
                        raise ValueError(f"{where}.{key}: must be among {listed}, {time:g} is not")
                known = _times(section, key) if key == "times" and section.times else known
        return self

    @model_validator(mode="after")
    def _smaller_sets_exist(self) -> Self:
        for name in Spectra.model_fields:
            section, data = getattr(self.spectra, name), name.removesuffix("_train")
            available = getattr(self.data, data).test_samples / getattr(self.data, data).dimension
            for ratio in getattr(section, "sample_ratios", ()):
                if ratio > available:
                    raise ValueError(
                        f"spectra.{name}.sample_ratios: {ratio:g} must be at most test_samples / "
                        f"dimension = {available:g}"
                    )
        return self

    @model_validator(mode="after")
    def _drawn_layers_are_measured(self) -> Self:
        for name in ("xor_recalled", "xor_theorem", "xor_theorem_train"):
            if not getattr(self.spectra, name).neuron_runs:
                raise ValueError(f"spectra.{name}.neuron_runs = 0: must be 1 at least, for figures")
        return self

    @model_validator(mode="after")
    def _train_samples_exist(self) -> Self:
        for name in ("mixture_recalled", "mixture_moderate", "xor_theorem"):
            training, data = getattr(self.train, name), getattr(self.data, name)
            steps = training.checkpoints[-1] * data.dimension / training.step
            if steps < data.test_samples:
                raise ValueError(
                    f"train.{name}.checkpoints: {steps:g} steps draw fewer samples than "
                    f"test_samples = {data.test_samples}, which spectra.{name}_train needs"
                )
        return self


def _times(section: Measured | Effective, key: str) -> list[float]:
    """The times under a key that may hold one, several or none."""
    found = getattr(section, key, None)
    return [] if found is None else found if isinstance(found, list) else [found]
