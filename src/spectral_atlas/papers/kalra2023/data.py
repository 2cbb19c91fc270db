"""Data stage: inputs ``x`` (float32), targets ``y`` (float32) and, where there are any, classes.

The generators are named by kind of data and purpose only: mixtures with other spectra, say, have
the same labels and the same underlying normals, so that they differ in nothing else.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float64, Int64

from spectral_atlas.data import idx
from spectral_atlas.data.images import (
    Streams,
    one_hot,
    power_law_mixture,
    random_fields,
    standardised,
)
from spectral_atlas.data.teachers import tanh_teacher
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.data_sections import Fields, Images, RandomLabels, Teacher
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
PAPER = "kalra2023"


def images(config: Images, inputs: Inputs, job: Job) -> xr.Dataset:
    """Standardised samples of a power-law mixture, or images from a folder as flat vectors."""
    K, stream = config.classes, _streams(job, "images")
    if config.folder is None:
        x, label = power_law_mixture(stream, config.samples, config.dimension, K, config.decay)
        name = f"power-law mixture, D={config.dimension}, K={K}, decay={config.decay:g}"
        return _dataset(standardised(x), one_hot(label, K), label, name, config.source)
    pixels, label = idx.load(idx.find(config.folder))
    chosen = stream("choice").permutation(len(pixels))[: config.samples]
    x, label = standardised(pixels[chosen].reshape(len(chosen), -1)), label[chosen]
    name = f"images of a folder, D={x.shape[1]}, K={K}"
    return _dataset(x, one_hot(label, K), label, name, config.source).assign_attrs(
        digest=config.contents
    )


def teacher(config: Teacher, inputs: Inputs, job: Job) -> xr.Dataset:
    """Gaussian inputs, not standardised, and a teacher's outputs of mean square 1."""
    D, H, K = config.dimension, config.hidden, config.outputs
    x, y = tanh_teacher(_streams(job, "teacher"), config.samples, D, H, K)
    return _dataset(x, y, None, f"tanh teacher, D={D}, H={H}, K={K}", "teacher")


def random_labels(config: RandomLabels, inputs: Inputs, job: Job) -> xr.Dataset:
    """Gaussian inputs, not standardised, and uniform labels that know nothing of them."""
    n, D, K = config.samples, config.dimension, config.outputs
    stream = _streams(job, "random labels")
    x = stream("inputs").standard_normal((n, D))
    label = stream("labels").integers(K, size=n)
    return _dataset(x, one_hot(label, K), label, f"random labels, D={D}, K={K}", "random labels")


def fields(config: Fields, inputs: Inputs, job: Job) -> xr.Dataset:
    """Standardised random fields."""
    side, channels, K = config.side, config.channels, config.classes
    stream = _streams(job, "fields")
    x, label = random_fields(stream, config.samples, side, channels, K, config.decay)
    name = f"random fields, {side}x{side}x{channels}, K={K}, decay={config.decay:g}"
    return _dataset(standardised(x), one_hot(label, K), label, name, "fields")


def _streams(job: Job, kind: str) -> Streams:
    return partial(generator, job.seed, PAPER, kind)


def _dataset(
    x: Float64[Array, "n ..."],
    y: Float64[Array, "n K"],
    label: Int64[Array, " n"] | None,
    name: str,
    source: str,
) -> xr.Dataset:
    features = ("feature",) if x.ndim == 2 else ("channel", "row", "column")
    data = xr.Dataset(
        {
            "x": (("sample", *features), x.astype(np.float32)),
            "y": (("sample", "output"), y.astype(np.float32)),
        },
        attrs={"name": name, "source": source},
    )
    return data if label is None else data.assign(label=("sample", label))
