"""The sharpness as the authors' notebooks measure it: to replay them, not to trust it.

Twenty power iterations from one fixed vector, then the Rayleigh quotient; at the start on the first
4096 samples, later on the next minibatch of the SGD stream. Their notebooks differ in one point:
there the minibatch that is measured on is one that SGD then skips.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from spectral_atlas.papers.kalra2023.members import PAPER
from spectral_atlas.papers.kalra2023.sharpness import Measurement, hessians
from spectral_atlas.rng import generator
from spectral_atlas.spectra.power_iteration import power_iteration_rayleigh
from spectral_atlas.training.ensembles import select

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.members import Members
    from spectral_atlas.spectra.torch_hessian import HessianOperator
    from spectral_atlas.training.descent import Samples

Array = np.ndarray
POWER_STEPS = 20
PRODUCTS = POWER_STEPS + 1  # the last one is the Rayleigh quotient's
AT_START = 4096  # samples


class AuthorsMeter:
    """Stands in for `sharpness.SharpnessMeter`.

    Parameters
    ----------
    members : Members
    samples : Samples
        Training set and the minibatches of each step, and of one more: the last sharpness is
        measured on the minibatch that would come next.
    """

    def __init__(self, members: Members, samples: Samples) -> None:
        self.members, self.samples = members, samples
        self.n_samples = min(AT_START, len(members.x))
        rng = generator(members.job_seed, PAPER, "power iteration")
        self.first = rng.standard_normal(members.n_params)
        whole = hessians(members, members.parameters, self.n_samples)
        values = power(whole, np.tile(self.first, (len(members.seeds), 1)))
        spent = np.full(len(values), PRODUCTS)
        self.start = Measurement(values, np.full(len(values), np.nan), spent)

    def track(self) -> AuthorsTrack:
        """A trajectory, measured at t = 1, 2, ... in turn."""
        return AuthorsTrack(self)


class AuthorsTrack:
    """Measures once a step, from t = 1 on; `products` each of `n_samples` samples."""

    def __init__(self, meter: AuthorsMeter) -> None:
        self.meter = meter
        self.products = np.zeros(len(meter.members.seeds), dtype=np.int64)
        self.n_samples = meter.samples.batch_size
        self.step = np.ones(len(self.products), dtype=np.int64)

    def measure(
        self, parameters: Mapping[str, Tensor], rows: Tensor, tolerance: float
    ) -> tuple[Float[Array, " A"], Float[Array, " A"]]:
        """Estimates of the members `rows`; there is no bound, hence zeros. Tolerance is unused."""
        meter, values = self.meter, []
        for i, row in enumerate(rows.tolist()):
            one = select(parameters, torch.tensor([i]))
            orders = meter.samples.orders
            t = self.step[row]
            chosen = slice(None) if orders is None else orders[row, t % orders.shape[1]]
            values.append(power(hessians(meter.members, one, chosen), meter.first[None])[0])
            self.step[row] += 1
            self.products[row] += PRODUCTS
        return np.array(values), np.zeros(len(values))


def power(operator: HessianOperator, start: Float[Array, "B P"]) -> Float[Array, " B"]:
    """The Rayleigh quotient after 20 power iterations."""

    def product(V: Array) -> Array:
        return operator(operator.native(V)).double().cpu().numpy()

    return power_iteration_rayleigh(product, start, PRODUCTS)
