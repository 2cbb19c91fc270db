"""The structured blocks against automatic differentiation, at a trained checkpoint of full size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray as xr

import spectral_atlas.spectra.softmax_regression as softmax_regression
import spectral_atlas.spectra.two_layer_relu as two_layer_relu
from spectral_atlas.papers.benarous2024.study import Study

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.config import Agreement
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray


def agreement(config: Agreement, inputs: Inputs, job: Job) -> xr.Dataset:
    """Largest deviation of an entry, over the largest entry, for one block of each kind.

    Parameters
    ----------
    inputs : data and runs of one study of each model; the last checkpoint of run 0 is taken.

    Returns
    -------
    Dataset with ``deviation`` (block), and the blocks' names.
    """
    torch.set_num_threads(1)
    found: dict[str, float] = {}
    for name in {ref.split("/")[1] for ref in inputs}:
        study = Study.load(inputs[f"data/{name}"], job)
        samples, labels = study.test_set(0)
        rows = slice(config.samples)
        compare = _softmax if "x" in inputs[f"runs/{name}"] else _two_layer
        last = inputs[f"runs/{name}"].isel(run=0, time=-1)
        found |= compare(last, samples[rows], labels[rows])
    names = sorted(found)
    return xr.Dataset(
        {"deviation": ("block", [found[name] for name in names])}, coords={"block": names}
    )


def _softmax(run: xr.Dataset, Y: Array, labels: Array) -> dict[str, float]:
    x = run["x"].values
    tY, ty, tx = torch.tensor(Y), torch.tensor(labels), torch.tensor(x)

    def loss(part: torch.Tensor, c: int, Y: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows = torch.cat([tx[:c], part[None], tx[c + 1 :]])
        return torch.nn.functional.cross_entropy(Y @ rows.T, y)

    H00 = torch.func.hessian(loss)(tx[0], 0, tY, ty)

    def both(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        rows = torch.cat([first[None], second[None], tx[2:]])
        return torch.nn.functional.cross_entropy(tY @ rows.T, ty)

    H01 = torch.func.jacrev(torch.func.grad(both, argnums=0), argnums=1)(tx[0], tx[1])

    def gradients(c: int) -> torch.Tensor:
        single = torch.func.grad(lambda part, Y, y: loss(part, c, Y[None], y[None]))
        return torch.func.vmap(single, in_dims=(None, 0, 0))(tx[c], tY, ty)

    g0, g1 = gradients(0), gradients(1)
    n = len(Y)
    block, matrix = softmax_regression.hessian_block, softmax_regression.gradient_matrix_block
    return {
        "hessian x1 x1": _deviation(block(Y, x, 0, 0), H00),
        "hessian x1 x2": _deviation(block(Y, x, 0, 1), H01),
        "gradient x1 x1": _deviation(matrix(Y, labels, x, 0, 0), g0.T @ g0 / n),
        "gradient x1 x2": _deviation(matrix(Y, labels, x, 0, 1), g0.T @ g1 / n),
    }


def _two_layer(run: xr.Dataset, X: Array, y: Array) -> dict[str, float]:
    W, v = run["W"].values, run["v"].values
    i = int(np.abs(v).argmax())
    tX, ty, tW, tv = (torch.tensor(a) for a in (X, y.astype(float), W, v))

    def loss(w: torch.Tensor, v: torch.Tensor, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows = torch.cat([tW[:i], w[None], tW[i + 1 :]])
        f = torch.relu(X @ rows.T) @ v
        return torch.nn.functional.binary_cross_entropy_with_logits(f, y)

    at = (tW[i], tv, tX, ty)
    (Hww, Hwv), (_, Hvv) = torch.func.hessian(loss, argnums=(0, 1))(*at)
    single = torch.func.grad(lambda w, v, X, y: loss(w, v, X[None], y[None]), argnums=(0, 1))
    gw, gv = torch.func.vmap(single, in_dims=(None, None, 0, 0))(*at)
    n, fwd = len(X), two_layer_relu.forward(X, y, W, v)
    return {
        "hessian W W": _deviation(two_layer_relu.neuron_block(fwd, i, i), Hww),
        "hessian v v": _deviation(two_layer_relu.readout_block(fwd), Hvv),
        "hessian W v": _deviation(two_layer_relu.cross_block(fwd, i, 0), Hwv[:, 0]),
        "gradient W W": _deviation(
            two_layer_relu.neuron_block(fwd, i, i, "gradient"), gw.T @ gw / n
        ),
        "gradient v v": _deviation(two_layer_relu.readout_block(fwd, "gradient"), gv.T @ gv / n),
    }


def _deviation(block: Array, exact: torch.Tensor) -> float:
    return float(np.abs(block - exact.numpy()).max() / np.abs(exact.numpy()).max())
