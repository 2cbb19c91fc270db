"""From a section of the configuration to an ensemble of networks with their training set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spectral_atlas.networks.fully_connected import FullyConnected
from spectral_atlas.networks.initialization import stacked
from spectral_atlas.networks.myrtle import Myrtle
from spectral_atlas.networks.outputs import Centred, Scaled, zero_last
from spectral_atlas.networks.residual import ResNet
from spectral_atlas.rng import generator
from spectral_atlas.training.descent import Samples
from spectral_atlas.training.ensembles import NetworkEnsemble

if TYPE_CHECKING:
    import xarray as xr

    from spectral_atlas.papers.kalra2023.sections import Measured, Models
    from spectral_atlas.stage import Inputs, Job

PAPER = "kalra2023"


def half_mean_square(outputs: Tensor, targets: Tensor) -> Tensor:
    """1/2 of the mean of (f - y)^2 over samples and outputs."""
    return 0.5 * functional.mse_loss(outputs, targets)


@dataclass(frozen=True)
class Members:
    """Networks of one width with different seeds, where they start and what they learn.

    Attributes
    ----------
    models : Models
    width : int
    seeds : (R,)
    module : torch.nn.Module
    ensemble : NetworkEnsemble
    parameters : {name: (R, *shape)}, at initialization
    x, y : training set
    flops_per_sample : int, of a forward pass
    job_seed : int
    """

    models: Models
    width: int
    seeds: np.ndarray
    module: nn.Module
    ensemble: NetworkEnsemble
    parameters: dict[str, Tensor]
    x: Tensor
    y: Tensor
    flops_per_sample: int
    job_seed: int

    @property
    def name(self) -> str:
        """For the log."""
        m = self.models
        words = [m.network, m.data, f"d={m.depth}", f"w={self.width}", m.loss, m.output]
        return " ".join(words)

    @property
    def n_params(self) -> int:
        """P."""
        return sum(prod(self.parameters[n].shape[1:]) for n in self.ensemble.trained)

    def samples(self, steps: int, shown: int | None = None) -> Samples:
        """Full batches, or minibatches without repetition within an epoch, in each seed's order."""
        batch, n = self.models.batch, len(self.x)
        if batch is None or batch >= n:
            return Samples(self.x, self.y, shown=shown)
        epochs = -(-steps // (n // batch))
        orders = []
        for seed in self.seeds:
            rng = generator(self.job_seed, PAPER, "order", int(seed))
            whole = [rng.permutation(n)[: n - n % batch].reshape(-1, batch) for _ in range(epochs)]
            orders.append(np.concatenate(whole)[:steps])
        indices = torch.from_numpy(np.stack(orders)).to(self.x.device)
        return Samples(self.x, self.y, indices, shown)

    def rows(self) -> dict[str, Any]:
        """What tells the runs apart, for the coordinates of a file."""
        m = self.models
        each = {
            "data": m.data,
            "network": m.network,
            "activation": m.activation,
            "parameterization": m.parameterization,
            "output": m.output,
            "loss_name": m.loss,
            "depth": m.depth,
            "width": self.width,
            "alpha": m.alpha,
            "output_exponent": m.output_exponent,
            "weight_variance": m.weight_variance,
            "batch": 0 if m.batch is None else m.batch,
            "parameters": self.n_params,
        }
        rows = {name: np.full(len(self.seeds), value) for name, value in each.items()}
        return {**rows, "seed": self.seeds}


def each(config: Measured, inputs: Inputs, job: Job) -> Iterator[Members]:
    """The ensembles of a section, one for each architecture, width and variant."""
    for group in config.models:
        for width in group.widths:
            yield build(group, width, inputs[f"data/{group.data}"], job.seed, config.device)


def build(models: Models, width: int, data: xr.Dataset, seed: int, device: str) -> Members:
    """The networks of one width.

    Initial weights are named by architecture and seed: variants of the output, losses and data sets
    of one shape start from the same weights.

    Raises
    ------
    ValueError
        If the device is not there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = cuda: torch finds no CUDA device here; use device: cpu")
    x = torch.from_numpy(data["x"].values.astype(np.float32)).to(device)
    classes = models.loss == "cross_entropy"
    y = data["label"].values if classes else data["y"].values.astype(np.float32)
    network = _network(models, width, tuple(x.shape[1:]), data.sizes["output"])
    outputs = data.sizes["output"]
    what = f"{models.network} d={models.depth} w={width} {tuple(x.shape[1:])} -> {outputs}"
    seeds = np.arange(models.first_seed, models.first_seed + models.seeds)
    module: Any = network if models.alpha == 1.0 else Scaled(network, models.alpha)
    module = Centred(module) if models.output == "centred" else module
    drawn = [module.draw(generator(seed, PAPER, "weights", what, int(s))) for s in seeds]
    parameters = stacked(drawn)
    if models.output == "zero":
        parameters = zero_last(parameters, module.last)
    loss = functional.cross_entropy if classes else half_mean_square
    return Members(
        models=models,
        width=width,
        seeds=seeds,
        module=module.to(device),
        ensemble=NetworkEnsemble(module, loss),
        parameters={name: p.to(device) for name, p in parameters.items()},
        x=x,
        y=torch.from_numpy(np.asarray(y)).to(device),
        flops_per_sample=network.flops_per_sample,
        job_seed=seed,
    )


def _network(models: Models, width: int, shape: tuple[int, ...], outputs: int) -> Any:
    if models.network == "fcn":
        return FullyConnected(
            prod(shape),
            outputs,
            models.depth,
            width,
            activation=models.activation,
            parameterization=models.parameterization,
            output_exponent=models.output_exponent,
            weight_variance=models.weight_variance,
        )
    kind = Myrtle if models.network == "myrtle" else ResNet
    return kind(models.depth, width, shape[-1], shape[0], outputs)
