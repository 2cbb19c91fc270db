"""Runs: gradient descent of ensembles, for every figure that shows a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.jacot2021.members import Member, coordinates, members
from spectral_atlas.papers.jacot2021.problems import ENTRIES, data_of, problem, stacked
from spectral_atlas.papers.jacot2021.theory import kernel_scale
from spectral_atlas.training.linear_map_descent import MapPaths, train_linear_maps
from spectral_atlas.training.path_recorder import RecordRules
from spectral_atlas.training.progress import Progress

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.sections import Descent
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
RECORDED = ("member", "record")
MOST = 400  # records of a path, more where it oscillates


def descend(config: Descent, inputs: Inputs, job: Job) -> xr.Dataset:
    """Train every member of the grid and keep its path.

    Returns
    -------
    Dataset with dimensions ``member, record, row, column``. Along the path, NaN (``step`` -1) after
    a member's end: ``step``; ``map``, A_theta; ``train_cost``, C(A); ``gradient_norm`` and
    ``squared_norm``, of theta. For each member: its numbers as coordinates, ``learning_rate``,
    ``last_step``, ``diverged_at`` (-1: never), ``displacement`` |theta_end - theta_0|,
    ``first_norm`` |theta_0|, ``end_layers`` (|W_1|^2 + |W_L|^2)^(1/2) at the start, and
    ``stopped`` and ``settled``, whether the cost fell below the share and the gradient below the
    norm asked for.
    """
    data = data_of(inputs, "completion")
    chosen = members(config, int(data.attrs["observed"]))
    problems = [
        problem(data, m.target, observed=m.observed, noise=config.noise, scale=config.scale)
        for m in chosen
    ]
    parts = []
    with Progress("descent", config.max_steps * len(chosen), job.log) as progress:
        for group in _same_shape(chosen):
            mine = [chosen[i] for i in group]
            parts.append(_train(config, mine, [problems[i] for i in group], job.seed, progress))
    joined = xr.concat(parts, "member", join="outer", fill_value={"step": -1})
    zero = [float(p.cost(np.zeros_like(p.target))) for p in problems]
    return joined.assign(cost_at_zero=("member", np.array(zero))).assign_attrs(
        noise=config.noise,
        ridge=config.ridge,
        scale=config.scale,
        stop_share=config.stop_share,
        stop_gradient=config.stop_gradient,
        max_steps=config.max_steps,
    )


def _same_shape(chosen: list[Member]) -> list[list[int]]:
    """Indices of members of one depth and width; `networks` lists them one after the other."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, member in enumerate(chosen):
        groups.setdefault((member.depth, member.width), []).append(i)
    return list(groups.values())


def learning_rate(largest: float, depth: int, width: int, gamma: float, n_observed: int) -> float:
    """The configured rate, or N / (8 Theta) where the tangent kernel asks for less."""
    return min(largest, float(n_observed / (8 * kernel_scale(depth, width, gamma))))


def _train(
    config: Descent,
    chosen: list[Member],
    problems: list[MatrixCompletion],
    root: int,
    progress: Progress,
) -> xr.Dataset:
    observed, weights = stacked(problems)
    arch = chosen[0].architecture(*problems[0].target.shape)
    theta0 = np.stack([member.start(root, arch) for member in chosen])
    rates = np.array(
        [
            learning_rate(config.learning_rate, m.depth, m.width, m.gamma, p.n_observed)
            for m, p in zip(chosen, problems, strict=True)
        ]
    )
    zero = np.array([p.cost(np.zeros_like(p.target)) for p in problems])
    paths = train_linear_maps(
        arch,
        theta0,
        rates,
        np.full(len(chosen), config.max_steps),
        observed,
        weights,
        ridge=config.ridge,
        stop_below=config.stop_share * zero,
        stop_gradient=config.stop_gradient,
        check_every=config.check_every,
        rules=RecordRules(most=MOST),
        progress=progress,
    )
    found = path_dataset(paths, arch, theta0)
    last = found["train_cost"].values[np.arange(len(chosen)), paths.n_records - 1]
    found["learning_rate"] = ("member", rates)
    found["stopped"] = ("member", last < config.stop_share * zero)
    slope = found["gradient_norm"].values[np.arange(len(chosen)), paths.n_records - 1]
    found["settled"] = ("member", slope < config.stop_gradient)
    return found.assign_coords(coordinates(chosen))


def path_dataset(paths: MapPaths, arch: DeepLinear, theta0: Float[Array, "M P"]) -> xr.Dataset:
    """What `train_linear_maps` kept, as a dataset."""
    layers = arch.unflatten(theta0)
    ends = np.sqrt((layers[0] ** 2).sum((-2, -1)) + (layers[-1] ** 2).sum((-2, -1)))
    values: dict[str, Any] = {
        "step": (RECORDED, paths.step, {"long_name": "step"}),
        "map": ((*RECORDED, *ENTRIES), paths.maps, {"long_name": "A_theta"}),
        "train_cost": (RECORDED, paths.train_cost, {"long_name": "C(A), observed entries"}),
        "gradient_norm": (RECORDED, paths.gradient_norm),
        "squared_norm": (RECORDED, paths.squared_norm, {"long_name": "|theta|^2"}),
        "n_records": ("member", paths.n_records),
        "last_step": ("member", paths.last_step),
        "diverged_at": ("member", paths.diverged_at),
        "displacement": ("member", np.linalg.norm(paths.theta - theta0, axis=1)),
        "first_norm": ("member", np.linalg.norm(theta0, axis=1)),
        "end_layers": ("member", ends),
    }
    return xr.Dataset(values, coords={"record": np.arange(paths.step.shape[1])})
