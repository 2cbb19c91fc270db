"""Configuration of the figures of Kalra & Barkeshli: training sets and studies."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.papers.kalra2023.data_sections import Fields, Images, RandomLabels, Teacher
from spectral_atlas.papers.kalra2023.sections import (
    DATA,
    Early,
    Estimators,
    Long,
    Measured,
    Saturation,
)
from spectral_atlas.papers.kalra2023.uses import STUDIES
from spectral_atlas.papers.kalra2023.uv_sections import UV
from spectral_atlas.papers.kalra2023.work import Shape

IDX_SIDE = 28


class Data(Section):
    """Training sets."""

    images: Images = Field(description="what most networks learn")
    isotropic: Images = Field(description="the same without a power law")
    steep: Images = Field(description="the same with a steeper one")
    teacher: Teacher = Field(description="outputs of a random network")
    teacher_scalar: Teacher = Field(description="one output")
    random_labels: RandomLabels = Field(description="for whole trainings")
    fields: Fields = Field(description="for Myrtle networks")
    fields_large: Fields = Field(description="for ResNets")

    def shapes(self) -> dict[str, Shape]:
        """The shape of each."""
        found: dict[str, Shape] = {}
        for name in DATA:
            section = getattr(self, name)
            outputs = section.outputs if hasattr(section, "outputs") else section.classes
            if isinstance(section, Fields):
                sample: tuple[int, ...] = (section.channels, section.side, section.side)
            elif isinstance(section, Images) and section.source == "idx":
                sample = (IDX_SIDE**2,)
            else:
                sample = (section.dimension,)
            found[name] = Shape(section.samples, sample, outputs)
        return found


class EarlyStudies(Section):
    """Critical constants of the first steps."""

    fcn: Early = Field(description="phase diagram, fully connected networks")
    fcn_deep: Early = Field(description="the same, deeper")
    fcn_deeper: Early = Field(description="the same, deeper still")
    myrtle: Early = Field(description="phase diagram, Myrtle networks")
    resnet: Early = Field(description="phase diagram, ResNets")
    trajectories: Early = Field(description="loss and sharpness step by step")
    output: Early = Field(description="networks whose output at initialization is changed")
    cross_entropy: Early = Field(description="cross-entropy in place of the squared error")
    data_sets: Early = Field(description="other training sets")
    variants: Early = Field(description="activations, batch sizes, parameterizations, linear nets")
    authors: Early = Field(description="the same with the authors' measurements of the sharpness")


class Kalra(Section):
    """Phase diagram of early training dynamics in deep neural networks."""

    data: Data = Field(description="training sets")
    early: EarlyStudies = Field(description="critical constants of the first steps")
    regimes: Long = Field(description="whole trainings: the four regimes")
    saturation: Saturation = Field(description="sharpness after equal times")
    saturation_variants: Saturation = Field(description="the same for other data, nets and losses")
    estimators: Estimators = Field(description="estimates of the sharpness against certified ones")
    uv: UV = Field(description="the uv model")

    def study(self, path: str) -> Measured:
        """A section with networks."""
        owner, _, name = path.rpartition(".")
        found: Measured = getattr(getattr(self, owner) if owner else self, name)
        return found

    @model_validator(mode="after")
    def _studies_fit(self) -> Self:
        shapes = self.data.shapes()
        for path, allowed in STUDIES.items():
            study = self.study(path)
            study._learn_shapes(shapes)
            for number, models in enumerate(study.models):
                where = f"{path}.models[{number}]"
                if models.data not in allowed:
                    names = " or ".join(allowed)
                    raise ValueError(f"{where}.data = {models.data}: must be {names}")
                n = shapes[models.data].samples
                if models.batch is not None and models.batch > n:
                    raise ValueError(
                        f"{where}.batch = {models.batch}: must be at most data.{models.data}."
                        f"samples = {n}"
                    )
        return self
