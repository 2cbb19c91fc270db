"""Spectra: sharpness of wide networks along their descents, by Lanczos with certified bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectral_atlas.networks.linear_maps import end_to_end
from spectral_atlas.papers.craciun2024.problems import PAPER
from spectral_atlas.papers.craciun2024.wide import WideProblem
from spectral_atlas.rng import generator
from spectral_atlas.spectra.eigenpairs import Eigenpairs, top_eigenpairs
from spectral_atlas.spectra.linear_map_hessian import LinearMapHessian, linear_map_hessian
from spectral_atlas.spectra.starts import warm_start
from spectral_atlas.training.linear_map_descent import train_linear_maps
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.spectra_sections import WideSpectra
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
HELD = 2**23  # numbers in the parameters that are held at once
BASIS = 24  # vectors kept before a restart: more leave the cache, and cost more than they save
# What is added to eigenvectors of the last checkpoint. Negative eigenvalues are a dense cluster of
# several copies each: there the old vector alone would stop at one that is no longer the smallest.
NOISE, NOISE_SMALLEST = 1e-3, 0.1
SMALLEST = 1e-4  # tolerance of the smallest one: it takes ten times the products at 1e-6


def wide_spectra(config: WideSpectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """Both ends of the Hessian's spectrum at every checkpoint of every run.

    Returns
    -------
    Dataset with dimensions ``run, checkpoint, value``: ``eigenvalues``, the largest, from the top,
    and ``bound`` on the error of each; ``smallest``, the smallest one, and ``smallest_bound``;
    ``converged``, whether all bounds are within tolerance; ``products`` with the Hessian spent on
    the largest, and ``smallest_products`` (0 where the matrix was formed); ``ratio``, learning rate
    times largest over 2; ``loss`` of the parameters that were measured, which is the one in the
    runs up to the rounding of |A - W*| unless another machine made those. NaN, not converged and 0
    products behind the end of a run that diverged. ``checkpoint_step`` (checkpoint) as in the runs:
    early steps one by one, so that sharpness that alternates from step to step is not sampled
    evenly later on. Residuals are at most ``tolerance`` (``smallest_tolerance``; attributes) times
    the largest |eigenvalue|.
    """
    runs = inputs["runs/wide"].load()
    names = ("widths", "singular_values", "scales")
    task = WideProblem.of(*(np.atleast_1d(runs.attrs[name]).tolist() for name in names))
    steps, eta = runs["checkpoint_step"].values, float(runs["learning_rate"])
    shape, count = (runs.sizes["run"], len(steps)), min(config.values, task.arch.n_params)
    top, bound = (np.full((*shape, count), np.nan) for _ in range(2))
    low, low_bound, loss = (np.full(shape, np.nan) for _ in range(3))
    spent, converged = np.zeros((2, *shape), dtype=np.int64), np.zeros(shape, dtype=bool)
    with Progress("spectra of wide networks", shape[0] * shape[1], job.log) as progress:
        for m, seed in enumerate(runs["run"].values.tolist()):
            tracks = (
                Track(generator(job.seed, PAPER, "wide top", seed), count, config.tolerance),
                Track(generator(job.seed, PAPER, "wide low", seed), 1, SMALLEST, largest=False),
            )
            for k, theta in enumerate(replay(task, task.start(job.seed, seed), eta, steps)):
                progress.update(1)
                if not np.isfinite(theta).all():
                    continue
                operator = linear_map_hessian(task.arch, theta[None], task.target, task.weights)
                high, small = (track.measure(operator) for track in tracks)
                A = end_to_end(task.arch.unflatten(theta))
                loss[m, k] = np.sum((A - task.target) ** 2)
                top[m, k], bound[m, k] = high.values[0], high.bounds[0]
                low[m, k], low_bound[m, k] = small.values[0, 0], small.bounds[0, 0]
                spent[:, m, k] = high.products[0], small.products[0]
                converged[m, k] = high.converged.all() and small.converged.all()
    at = ("run", "checkpoint")
    return xr.Dataset(
        {
            "eigenvalues": ((*at, "value"), top, {"long_name": "largest Hessian eigenvalues"}),
            "bound": ((*at, "value"), bound, {"long_name": "bound on their error"}),
            "smallest": (at, low, {"long_name": "smallest Hessian eigenvalue"}),
            "smallest_bound": (at, low_bound, {"long_name": "bound on its error"}),
            "converged": (at, converged, {"long_name": "all within tolerance"}),
            "products": (at, spent[0], {"long_name": "products, largest eigenvalues"}),
            "smallest_products": (at, spent[1], {"long_name": "products, smallest eigenvalue"}),
            "ratio": (at, top[..., 0] * eta / 2, {"long_name": "sharpness over 2 / eta"}),
            "loss": (at, loss, {"long_name": "loss"}),
            "checkpoint_step": runs["checkpoint_step"],
        },
        coords={"run": runs["run"], "value": np.arange(1, count + 1)},
        attrs={"tolerance": config.tolerance, "smallest_tolerance": SMALLEST},
    )


def replay(
    task: WideProblem, theta0: Float[Array, " P"], eta: float, steps: Int[Array, " C"]
) -> Iterator[Float[Array, " P"]]:
    """The parameters of a descent at increasing steps, a few held at a time.

    Each group goes on from the last parameters of the one before, to the same bits as one descent.
    NaN from where the descent diverged.
    """
    group, theta, at = max(1, HELD // task.arch.n_params), theta0, 0
    for first in range(0, len(steps), group):
        wanted = steps[first : first + group] - at
        if not np.isfinite(theta).all():
            yield from np.full((len(wanted), len(theta)), np.nan)
            continue
        last = int(wanted[-1])
        kept = train_linear_maps(
            task.arch, theta[None], eta, last, task.target, task.weights,
            check_every=max(last, 1), keep_at=wanted,
        ).kept[0]  # fmt: skip
        yield from kept
        theta, at = kept[-1], at + last


class Track:
    """One end of the spectrum along a descent: each solve starts where the last one ended."""

    def __init__(
        self, rng: np.random.Generator, count: int, tolerance: float, *, largest: bool = True
    ) -> None:
        self.rng, self.count, self.tolerance, self.largest = rng, count, tolerance, largest
        self.vectors: Array | None = None

    def measure(self, operator: LinearMapHessian) -> Eigenpairs:
        """The wanted eigenpairs of an operator with one member."""
        noise = NOISE if self.largest else NOISE_SMALLEST
        old = self.vectors
        found = top_eigenpairs(
            operator,
            self.count,
            self.rng if old is None else warm_start(self.rng, old, noise),
            which="LA" if self.largest else "SA",
            tolerance=self.tolerance,
            basis=max(BASIS, 4 * self.count),
            on_unconverged="flag",
            on_nonfinite="flag",
        )
        self.vectors = found.vectors
        return found
