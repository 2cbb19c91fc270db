"""Spectra: full Hessians where runs come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectral_atlas.networks.two_layer import TwoLayer, hessian
from spectral_atlas.papers.craciun2024.along import eigenvalues
from spectral_atlas.papers.craciun2024.problems import load
from spectral_atlas.training.endings import OUTCOMES

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.run_sections import NetRuns
    from spectral_atlas.papers.craciun2024.spectra_sections import NonlinearSpectra
    from spectral_atlas.stage import Inputs, Job

GROUP = 2000  # Hessians of nonlinear networks that are held at once


def rest(config: NetRuns, inputs: Inputs, job: Job) -> xr.Dataset:
    """Ends of the Hessian's spectrum at the last parameters of runs that came to rest.

    Returns
    -------
    Dataset with dimensions ``net, share, start``: ``sharpness``, the largest eigenvalue, and
    ``smallest``; NaN where a run did not come to rest. ``learning_rate`` (net, share), and
    ``ratio``, the sharpness times the learning rate over 2.
    """
    data, runs = inputs["data/nets"].load(), inputs["runs/nets"].load()
    still = [OUTCOMES.index(name) for name in ("minimum", "saddle")]
    shape = tuple(runs.sizes[d] for d in ("net", "share", "start"))
    found = np.full((2, *shape), np.nan)
    for k, name in enumerate(runs["net"].values.tolist()):
        problem = load(data, name)
        observed, weights, _ = problem.in_eigenbasis()
        resting = np.isin(runs["outcome"].values[k], still)
        theta = runs[f"theta_{name}"].values[resting]
        values = eigenvalues(problem.arch, theta, observed, weights)
        found[0, k][resting], found[1, k][resting] = values[:, -1], values[:, 0]
    rates = runs["critical_step"].values[:, None] * runs["share"].values
    dims = ("net", "share", "start")
    return xr.Dataset(
        {
            "sharpness": (dims, found[0], {"long_name": "largest Hessian eigenvalue"}),
            "smallest": (dims, found[1], {"long_name": "smallest Hessian eigenvalue"}),
            "learning_rate": (("net", "share"), rates, {"long_name": "eta"}),
            "ratio": (
                dims,
                found[0] * rates[..., None] / 2,
                {"long_name": "sharpness over 2 / eta"},
            ),
        },
        coords={"net": runs["net"], "share": runs["share"]},
    )


def nonlinear(config: NonlinearSpectra, inputs: Inputs, job: Job) -> xr.Dataset:
    """The same for nonlinear networks, from the closed form of their Hessian.

    Returns
    -------
    Dataset with dimensions ``activation, learning_rate, start, value``: ``eigenvalues``, the
    largest first, ``smallest``, and ``ratio``, the largest times the learning rate over 2; NaN
    where a run did not come to rest.
    """
    data, runs = inputs["data/points"].load(), inputs["runs/nonlinear"].load()
    x, y = data["x"].values[:, None], data["y"].values
    dims = ("activation", "learning_rate", "start")
    shape = tuple(runs.sizes[d] for d in dims)
    count = min(config.values, runs.sizes["weight"])
    top, low = np.full((*shape, count), np.nan), np.full(shape, np.nan)
    for k, activation in enumerate(runs["activation"].values.tolist()):
        net = TwoLayer(1, int(runs.attrs["width"]), activation)
        resting = runs["outcome"].values[k] == 0
        theta = runs["theta"].values[k][resting]
        values = [
            np.linalg.eigvalsh(hessian(net, theta[i : i + GROUP], x, y))
            for i in range(0, len(theta), GROUP)
        ]
        if values:
            joined = np.concatenate(values)
            top[k][resting], low[k][resting] = joined[:, ::-1][:, :count], joined[:, 0]
    ratio = top[..., 0] * runs["learning_rate"].values[:, None] / 2
    return xr.Dataset(
        {
            "eigenvalues": ((*dims, "value"), top, {"long_name": "largest Hessian eigenvalues"}),
            "smallest": (dims, low, {"long_name": "smallest Hessian eigenvalue"}),
            "ratio": (dims, ratio, {"long_name": "sharpness over 2 / eta"}),
        },
        coords={
            "activation": runs["activation"],
            "learning_rate": runs["learning_rate"],
            "value": np.arange(1, count + 1),
        },
    )
