"""What is classified: the data stage, and the samples behind it.

The file of a study holds the mixture, not its samples: those are drawn anew wherever they are
needed, from generators named by study, purpose and run. Ten million normals take 0.1 s to draw and
1 s to read; the whole stream of one run would be gigabytes. Start, stream and test set of a run
have generators of their own, so that the test set meets no sample of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectral_atlas.data.mixtures import (
    XOR_LABELS,
    GaussianMixture,
    SampleStream,
    correlated_means,
    gaussian_means,
    orthonormal_means,
    xor_means,
)
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import ClassMixture, Mixture
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
PAPER = "benarous2024"
Matrix = Literal["hessian", "gradient"]
MATRICES: tuple[Matrix, ...] = ("hessian", "gradient")  # along `matrix` in all files


def classes(config: ClassMixture, inputs: Inputs, job: Job) -> xr.Dataset:
    """A component for each class; Gaussian means are one draw for all runs."""
    k, d = config.classes, config.dimension
    name = f"{config.means} means, k={k}, d={d}, lambda={config.precision:g}"
    if config.means == "orthonormal":
        means = orthonormal_means(k, d)
    elif config.means == "correlated":
        means = correlated_means(k, d, config.correlation)
        name += f", correlation={config.correlation:g}"
    else:
        means = gaussian_means(generator(job.seed, PAPER, name, "means"), k, d)
    weights = np.ones(k) if config.weights is None else np.array(config.weights, dtype=float)
    return _dataset(means, weights / weights.sum(), np.arange(k), config, name)


def xor(config: Mixture, inputs: Inputs, job: Job) -> xr.Dataset:
    """Components at mu, -mu (label 1) and nu, -nu (label 0) of equal weight; mu, nu orthonormal."""
    name = f"xor, d={config.dimension}, lambda={config.precision:g}"
    means = xor_means(config.dimension)
    return _dataset(means, np.full(4, 0.25), np.array(XOR_LABELS), config, name)


def _dataset(means: Array, weights: Array, labels: Array, config: Mixture, name: str) -> xr.Dataset:
    return xr.Dataset(
        {
            "means": (("component", "feature"), means),
            "weights": ("component", weights, {"long_name": "share of the component"}),
            "label": ("component", labels.astype(np.int64)),
        },
        attrs={
            "precision": config.precision,
            "test_samples": config.test_samples,
            "name": name,
        },
    )


@dataclass(frozen=True)
class Study:
    """A mixture with the random streams of its runs.

    Attributes
    ----------
    mixture : GaussianMixture
    labels : (r,), class of each component
    test_samples : int
    name : str, in the names of the generators
    seed : int, root of the generators
    """

    mixture: GaussianMixture
    labels: Int[Array, " r"]
    test_samples: int
    name: str
    seed: int

    @classmethod
    def load(cls, data: xr.Dataset, job: Job) -> Study:
        """From the file of the data stage."""
        mixture = GaussianMixture(
            data["means"].values, data["weights"].values, float(data.attrs["precision"])
        )
        labels = data["label"].values
        return cls(
            mixture, labels, int(data.attrs["test_samples"]), str(data.attrs["name"]), job.seed
        )

    @classmethod
    def trained(cls, inputs: Inputs, job: Job) -> tuple[Study, xr.Dataset]:
        """The study and its runs, from the one data and the one runs file among the inputs."""
        (data,) = (d for ref, d in inputs.items() if ref.startswith("data/"))
        (runs,) = (d for ref, d in inputs.items() if ref.startswith("runs/"))
        return cls.load(data, job), runs

    def measured(self, samples: str, run: int) -> tuple[Float[Array, "n d"], Int[Array, " n"]]:
        """`test_set` or `train_set`, by name."""
        return self.test_set(run) if samples == "test" else self.train_set(run)

    @property
    def d(self) -> int:
        """Dimension of the samples."""
        return int(self.mixture.means.shape[1])

    def generator(self, *names: str | int) -> np.random.Generator:
        """The random stream of this study that belongs to a path of names."""
        return generator(self.seed, PAPER, self.name, *names)

    def stream(self, run: int, *names: str | int) -> SampleStream:
        """The samples of SGD, from the first; ``names`` tell apart several ensembles of a study."""
        return self._samples("stream", *names, run)

    def test_set(self, run: int) -> tuple[Float[Array, "n d"], Int[Array, " n"]]:
        """Held-out samples and their labels, fixed for each run."""
        Y, component = self._samples("test", run).draw(self.test_samples)
        return Y, self.labels[component]

    def test_shares(self, run: int) -> Float[Array, " r"]:
        """Share of each component among the held-out samples."""
        component = self._samples("test", run).draw_components(self.test_samples)
        counts = np.bincount(component, minlength=len(self.labels))
        return np.asarray(counts / len(component))

    def train_set(self, run: int) -> tuple[Float[Array, "n d"], Int[Array, " n"]]:
        """As many samples from the start of the stream that SGD has seen, and their labels."""
        Y, component = self.stream(run).draw(self.test_samples)
        return Y, self.labels[component]

    def _samples(self, *names: str | int) -> SampleStream:
        return SampleStream(
            self.mixture, self.generator(*names, "component"), self.generator(*names, "noise")
        )
