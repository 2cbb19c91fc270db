"""Spectra: Hessians at saddles and minima, and tangent kernels at initialization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import (
    balanced_factors,
    end_to_end,
    include,
    tangent_kernel,
)
from spectral_atlas.papers.jacot2021.greedy_file import GreedyRun
from spectral_atlas.papers.jacot2021.members import coordinates, networks
from spectral_atlas.papers.jacot2021.problems import PAPER, data_of, problem
from spectral_atlas.papers.jacot2021.theory import kernel_scale
from spectral_atlas.rng import generator
from spectral_atlas.spectra.extremes import extreme_eigenvalues
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian, rotation_modes

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.sections import Included, IncludedSaddles, Networks
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)


def saddles(config: IncludedSaddles, inputs: Inputs, job: Job) -> xr.Dataset:
    """Hessians of C at the origin and at the end of every stage of the greedy algorithm.

    Returns
    -------
    Dataset with dimensions ``member, stage, index``; ``stage`` 0 is the origin, the last of a
    member its minimum. See `_measured` for the variables; a member is a ``depth``, a ``target`` and
    an ``epsilon``.
    """
    data, greedy = data_of(inputs, "completion"), inputs["runs/greedy"]
    parts = []
    for i in range(greedy.sizes["member"]):
        one = greedy.isel(member=i)
        names = {name: one[name].item() for name in ("depth", "target", "epsilon")}
        if not np.isclose(names["epsilon"], config.epsilon):
            continue
        run = GreedyRun.load(greedy, **names)
        task = problem(data, names["target"])
        origin = [np.zeros_like(layer) for layer in run.ends[0]]
        points = [include(end, config.width) for end in (origin, *run.ends)]
        found = _measured(points, task, 0.0, config.tolerance, job.seed)
        own = {name: ("member", [value]) for name, value in names.items()}
        parts.append(found.rename(point="stage").expand_dims("member").assign_coords(own))
    joined = xr.concat(parts, "member", join="outer", fill_value={"certain": False})
    return joined.assign_attrs(width=config.width)


def landscape(config: Included, inputs: Inputs, job: Job) -> xr.Dataset:
    """Hessians of C + lambda |theta|^2 at the balanced factors of every A that was found.

    Returns
    -------
    Dataset with dimensions ``target, depth, ridge, rank, index``; see `_measured`. Where a rank has
    no minimum of its own, its row is about the one of lower rank.
    """
    runs = inputs["runs/landscape"]
    data = data_of(inputs, str(runs.attrs["data"]))
    targets = []
    for target in runs["target"].values:
        task = problem(data, int(target), noise=float(runs.attrs["noise"]))
        depths = []
        for L in runs["depth"].values:
            maps = runs["map"].sel(target=target, depth=L)
            ridges = [
                _measured(
                    [balanced_factors(A, int(L), config.width) for A in maps.sel(ridge=r).values],
                    task,
                    float(r),
                    config.tolerance,
                    job.seed,
                ).rename(point="rank")
                for r in runs["ridge"].values
            ]
            depths.append(xr.concat(ridges, "ridge"))
        targets.append(xr.concat(depths, "depth", join="outer"))
    joined = xr.concat(targets, "target", join="outer")
    names = ("target", "depth", "ridge", "rank")
    return joined.assign_coords({n: runs[n] for n in names}).assign_attrs(width=config.width)


def _measured(
    points: list[list[Array]], task: MatrixCompletion, ridge: float, tolerance: float, seed: int
) -> xr.Dataset:
    """Spectra at several points of one architecture.

    ``eigenvalues``, all of them, ascending; ``bound``, on the error of each; ``negative``, ``zero``
    and ``positive``, how many lie below, within and above ``limit``, the tolerance in units of the
    largest; ``certain``, whether no eigenvalue is within its bound of the limit; ``smallest`` and
    ``largest`` once more by Lanczos, with ``lanczos_bound``; ``rotations``, the zero modes that the
    symmetry accounts for; ``gradient_norm``, zero at a critical point; ``slope``, s_1(dC/dA), and
    ``slope_rank``, the rank of dC/dA.
    """
    arch = _architecture(points[0])
    theta = np.stack([arch.flatten(layers) for layers in points])
    operator = linear_map_hessian(arch, theta, task.observed, task.weights, ridge)
    values = np.stack([np.linalg.eigvalsh(H) for H in operator.dense()])
    largest = np.abs(values).max(1)
    bound = arch.n_params * EPS * largest
    limit = tolerance * largest + bound
    ends = extreme_eigenvalues(
        operator, generator(seed, PAPER, "hessians"), dense_limit=0, on_unconverged="flag"
    )
    G = task.gradient(np.stack([end_to_end(layers) for layers in points]))
    slopes = np.linalg.svd(G, compute_uv=False)
    near = np.abs(np.abs(values) - limit[:, None]) <= bound[:, None]
    per_point: dict[str, Any] = {
        "bound": bound,
        "limit": limit,
        "negative": (values < -limit[:, None]).sum(1),
        "zero": (np.abs(values) <= limit[:, None]).sum(1),
        "positive": (values > limit[:, None]).sum(1),
        "certain": ~near.any(1) | (largest == 0),
        "smallest": ends.smallest,
        "largest": ends.largest,
        "lanczos_bound": np.maximum(ends.bound_smallest, ends.bound_largest),
        "rotations": [rotation_modes(layers) for layers in points],
        "gradient_norm": [
            _gradient_norm(layers, g, ridge) for layers, g in zip(points, G, strict=True)
        ],
        "slope": slopes[:, 0],
        "slope_rank": (slopes > 1e-6 * slopes[:, :1].max()).sum(1),
    }
    return xr.Dataset(
        {
            "eigenvalues": (("point", "index"), values),
            **{name: ("point", value) for name, value in per_point.items()},
        },
        coords={"point": np.arange(len(points)), "index": np.arange(arch.n_params)},
    )


def _architecture(layers: list[Array]) -> DeepLinear:
    return DeepLinear(tuple(W.shape for W in layers), outputs=len(layers[-1]))


def _gradient_norm(layers: list[Array], G: Array, ridge: float) -> float:
    """|grad| of C + ridge |theta|^2: layer l is W_{>l}^T G W_{<l}^T + 2 ridge W_l."""
    total = 0.0
    for k, W in enumerate(layers):
        above = end_to_end(layers[k + 1 :]) if k + 1 < len(layers) else np.eye(len(G))
        below = end_to_end(layers[:k]) if k else np.eye(G.shape[1])
        total += float(((above.T @ G @ below.T + 2 * ridge * W) ** 2).sum())
    return total**0.5


def kernels(config: Networks, inputs: Inputs, job: Job) -> xr.Dataset:
    """Tangent kernels at the start, in units of Theta = L w^((1-gamma)(L-1)).

    Returns
    -------
    Dataset with dimensions ``network, index``: ``eigenvalues``, ascending, in units of Theta, which
    is ``scale``; ``deviation``, |K / Theta - I|_F / |I|_F.
    """
    data = data_of(inputs, "completion")
    shape = (data.sizes["row"], data.sizes["column"])
    chosen = networks(config)
    values, deviation, scales = [], [], []
    for network in chosen:
        arch = network.architecture(*shape)
        K = tangent_kernel(arch.unflatten(network.start(job.seed, arch)))
        scale = float(kernel_scale(network.depth, network.width, network.gamma))
        values.append(np.linalg.eigvalsh(K) / scale)
        deviation.append(_deviation(K / scale))
        scales.append(scale)
    return xr.Dataset(
        {
            "eigenvalues": (("network", "index"), np.stack(values)),
            "deviation": ("network", deviation),
            "scale": ("network", scales),
        },
        coords=coordinates(chosen, "network"),
    )


def _deviation(K: Float[Array, "n n"]) -> float:
    identity = np.eye(len(K))
    return float(np.linalg.norm(K - identity) / np.linalg.norm(identity))
