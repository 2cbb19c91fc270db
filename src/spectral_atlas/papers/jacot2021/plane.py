"""Runs: one wide path and the greedy paths on a plane of parameter space.

The plane is spanned by the first saddle and the minimum of the greedy algorithm, included into the
wide network and rotated to where the wide path comes by. The wide path is run again from its start,
which repeats it to the bit, so that its parameters need not be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy.linalg import orthogonal_procrustes

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import end_to_end, include, rotate
from spectral_atlas.papers.jacot2021.greedy_file import GreedyRun
from spectral_atlas.papers.jacot2021.members import Network
from spectral_atlas.papers.jacot2021.plateaus import quietest
from spectral_atlas.papers.jacot2021.problems import data_of, problem
from spectral_atlas.papers.jacot2021.theory import smallest_gamma
from spectral_atlas.training.greedy_low_rank import append_neuron, no_neurons, top_triple
from spectral_atlas.training.linear_map_descent import MapPaths, train_linear_maps

if TYPE_CHECKING:
    from spectral_atlas.data.matrix_completion import MatrixCompletion
    from spectral_atlas.papers.jacot2021.sections import Plane
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
Layers = list[Array]


def plane(config: Plane, inputs: Inputs, job: Job) -> xr.Dataset:
    """Project one run for each gamma.

    Returns
    -------
    Dataset with dimensions ``gamma, record, stage, axis``: ``step`` and ``coordinates`` of the wide
    path, and ``squared_norm``; ``distances`` from it to the end of each stage (the saddles, last
    the minimum); ``saddles``, the coordinates of these, and ``saddle_norms``; ``passed_at``, the
    step at which the wide path was quietest at each; ``greedy``, coordinates of the greedy paths
    along ``greedy_record``. ``axis`` 0 points to the first saddle. Where the wide path never has
    the rank of a saddle, ``passed_at`` is -1, and the saddle is rotated to the end of the path.
    """
    task = problem(data_of(inputs, "completion"), config.target)
    runs = inputs["runs/saddle_to_saddle"]
    depth, width = int(runs["depth"][0]), int(runs["width"][0])
    greedy = GreedyRun.load(inputs["runs/greedy"], depth, config.target, config.epsilon)
    parts = []
    for named in config.gammas:
        gamma = smallest_gamma(depth) if named == "ntk" else float(named)
        mine = (runs["target"] == config.target) & np.isclose(runs["gamma"], gamma)
        mine = mine & (runs["depth"] == depth) & (runs["width"] == width)
        run = runs.isel(member=int(np.flatnonzero(mine)[0]))
        parts.append(_one(run, greedy, task, job.seed).assign_coords(gamma=gamma))
    joined = xr.concat(parts, "gamma", join="outer", fill_value={"step": -1})
    return joined.assign_attrs(
        target=config.target, depth=depth, width=width, epsilon=config.epsilon
    )


def _one(run: xr.Dataset, greedy: GreedyRun, task: MatrixCompletion, root: int) -> xr.Dataset:
    network = Network(*(run[n].item() for n in ("depth", "width", "gamma", "initialization")))
    arch = network.architecture(*task.target.shape)
    theta0 = network.start(root, arch)
    stages = len(greedy.ends)
    passed = _passed(run, stages)
    steps, which = np.unique(np.where(passed < 0, passed[-1], passed), return_inverse=True)
    at_ends = _descend(run, arch, theta0, task, keep_at=steps).kept[0][which]
    ends = [include(end, network.width) for end in greedy.ends]
    turns = [_rotations(arch.unflatten(w), end) for w, end in zip(at_ends, ends, strict=True)]
    saddles = np.stack([arch.flatten(rotate(e, turn)) for e, turn in zip(ends, turns, strict=True)])
    axes = _axes(saddles[0], saddles[-1])
    wide = _descend(run, arch, theta0, task, probes=np.concatenate([axes, saddles]))
    count = int(wide.n_records[0])
    inner, squared = wide.probes[0, :count], wide.squared_norm[0, :count, None]
    paths = _stage_paths(greedy, task, arch, axes, turns)
    return xr.Dataset(
        {
            "step": ("record", wide.step[0, :count]),
            "coordinates": (("record", "axis"), inner[:, :2]),
            "squared_norm": ("record", squared[:, 0]),
            "distances": (
                ("record", "stage"),
                np.sqrt(np.maximum(squared - 2 * inner[:, 2:] + (saddles**2).sum(1), 0)),
            ),
            "saddles": (("stage", "axis"), saddles @ axes.T),
            "saddle_norms": ("stage", np.linalg.norm(saddles, axis=1)),
            "passed_at": ("stage", passed),
            "greedy": (("stage", "greedy_record", "axis"), paths),
        },
        coords={
            "record": np.arange(count),
            "greedy_record": np.arange(paths.shape[1]),
            "stage": np.arange(1, stages + 1),
        },
    )


def _passed(run: xr.Dataset, stages: int) -> Int[Array, " stages"]:
    """Steps at which the wide path is quietest at each saddle, -1 for none, and its last step."""
    step = run["step"].values
    found = [quietest(run, rank) for rank in range(1, stages)]
    last = step[int(run["n_records"]) - 1]
    return np.array([*(-1 if at is None else step[at] for at in found), last])


def _descend(
    run: xr.Dataset, arch: DeepLinear, theta0: Array, task: MatrixCompletion, **kept: Any
) -> MapPaths:
    """The wide path once more, up to where it ended."""
    return train_linear_maps(
        arch,
        theta0[None],
        run["learning_rate"].values[None],
        run["last_step"].values[None],
        task.observed,
        task.weights,
        **kept,
    )


def _axes(first: Array, second: Array) -> Float[Array, "2 P"]:
    """Orthonormal axes: along the first vector, and along what the second has beside it."""
    one = first / np.linalg.norm(first)
    other = second - (second @ one) * one
    return np.stack([one, other / np.linalg.norm(other)])


def _rotations(layers: Layers, end: Layers) -> list[Array]:
    """O_1 ... O_{L-1} that bring a padded point closest to a wide one, layer after layer.

    O_1 minimizes |W_1 - O_1 N_1|, then O_l minimizes |W_l O_{l-1} - O_l N_l|.
    """
    found: list[Array] = []
    for W, N in zip(layers[:-1], end[:-1], strict=True):
        turned = W @ found[-1] if found else W
        found.append(orthogonal_procrustes(N.T, turned.T)[0].T)
    return found


def _stage_paths(
    greedy: GreedyRun,
    task: MatrixCompletion,
    arch: DeepLinear,
    axes: Float[Array, "2 P"],
    turns: list[list[Array]],
) -> Float[Array, "stage record 2"]:
    """Coordinates along the greedy paths, each rotated like its end."""
    rows, columns = task.target.shape
    found, at = [], no_neurons(rows, columns, greedy.depth)
    for k, (rotations, steps) in enumerate(zip(turns, greedy.steps, strict=True), 1):
        _, u, v = top_triple(task.gradient(end_to_end(at)))
        start = append_neuron(at, greedy.epsilon, u, v)
        narrow = DeepLinear.plain(columns, greedy.depth, k, rows)
        back = [rotation.T for rotation in rotations]
        probes = [_narrowed(rotate(arch.unflatten(axis), back), k) for axis in axes]
        paths = train_linear_maps(
            narrow,
            narrow.flatten(start)[None],
            np.array([greedy.learning_rate]),
            np.array([steps]),
            task.observed,
            task.weights,
            probes=np.stack([narrow.flatten(probe) for probe in probes]),
        )
        found.append(paths.probes[0, : int(paths.n_records[0])])
        at = greedy.ends[k - 1]
    longest = max(len(path) for path in found)
    return np.stack(
        [np.pad(p, ((0, longest - len(p)), (0, 0)), constant_values=np.nan) for p in found]
    )


def _narrowed(layers: Layers, width: int) -> Layers:
    """The part of wide layers that acts between the first neurons: the adjoint of `include`."""
    first, *middle, last = layers
    return [first[:width], *(W[:width, :width] for W in middle), last[:, :width]]
