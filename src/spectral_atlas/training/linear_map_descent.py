"""Full-batch gradient descent of ensembles of deep linear maps A = W_L ... W_1, float64.

The loss is C(A) + ridge |theta|^2 with C(A) = sum_ij weights_ij (A_ij - observed_ij)^2, and all
layers move at once: W_l <- W_l - eta (W_{>l}^T (dC/dA) W_{<l}^T + 2 ridge W_l).

Members are trained one after the other, since the steps of wide layers fill a core with BLAS
already: a member's numbers are the same bits in any company.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.training._linear_map_path import Ends, Path, follow
from spectral_atlas.training._linear_map_step import Step
from spectral_atlas.training.path_recorder import PathRecorder, RecordRules
from spectral_atlas.training.progress import Progress

Array = np.ndarray


@dataclass(frozen=True)
class MapPaths:
    """Records of M paths; R is the largest number of them, D that of probes, K of kept steps.

    Attributes
    ----------
    n_records : (M,)
        Of a row only so many entries are filled; behind them are NaN, in `step` -1.
    step : (M, R), updates made before the record
    maps : (M, R, o, i), A
    train_cost : (M, R), C(A), without the ridge
    gradient_norm : (M, R), |dC/dtheta + 2 ridge theta|
    squared_norm : (M, R), |theta|^2
    probes : (M, R, D), inner products of theta with the given vectors
    theta : (M, P), the last parameters
    last_step : (M,), the updates that led to them
    diverged_at : (M,)
        The first check at which |A|^2 was not finite, which has no record; else -1.
    kept : (M, K, P), parameters at the steps asked for; NaN where a path ended before
    """

    n_records: Int64[Array, " M"]
    step: Int64[Array, "M R"]
    maps: Float64[Array, "M R o i"]
    train_cost: Float64[Array, "M R"]
    gradient_norm: Float64[Array, "M R"]
    squared_norm: Float64[Array, "M R"]
    probes: Float64[Array, "M R D"]
    theta: Float64[Array, "M P"]
    last_step: Int64[Array, " M"]
    diverged_at: Int64[Array, " M"]
    kept: Float64[Array, "M K P"]

    @property
    def diverged(self) -> Bool[Array, " M"]:
        """Whether a member diverged."""
        return self.diverged_at >= 0


def train_linear_maps(
    arch: DeepLinear,
    theta0: Float[Array, "M P"],
    learning_rate: float | Float[Array, " M"],
    n_steps: int | Int[Array, " M"],
    observed: Float[Array, "*#M o i"],
    weights: Float[Array, "*#M o i"],
    *,
    ridge: float | Float[Array, " M"] = 0.0,
    stop_below: float | Float[Array, " M"] = 0.0,
    stop_gradient: float | Float[Array, " M"] = 0.0,
    check_every: int = 5,
    rules: RecordRules | None = None,
    probes: Float[Array, "*#M D P"] | None = None,
    keep_at: Sequence[int] | Int[Array, " K"] = (),
    progress: Progress | None = None,
) -> MapPaths:
    """Train M deep linear maps and record their paths.

    Parameters
    ----------
    arch : DeepLinear
        At least two layers, no readout.
    theta0 : (M, P), flat initial parameters
    learning_rate : float > 0, or one for each member
    n_steps : int >= 0, or one for each member
        Updates made unless the path ends before.
    observed, weights : (o, i), or one for each member, (M, o, i)
        The targets, and their weights >= 0 in C; 0 where nothing is observed.
    ridge : float >= 0, or one for each member
    stop_below, stop_gradient : float, or one for each member
        A path ends at a check of C(A) < stop_below or of a gradient norm < stop_gradient.
    check_every : int >= 1
        Costs, norms and records are looked at every so many steps, at step 0 and at the end.
    rules : RecordRules, optional
        Which checks are kept; the scale of a move is |observed|_F over the observed entries.
    probes : (D, P) or (M, D, P), optional
        Vectors whose inner products with theta are recorded.
    keep_at : increasing steps >= 0
        At which all parameters are kept; they need be no checks.
    progress : Progress, optional
        Told about every member-step, and at a path's early end about those that are left out.

    Returns
    -------
    MapPaths

    Raises
    ------
    ValueError
        If shapes do not fit, a number is out of its range, or the network has one layer or a
        readout.

    Notes
    -----
    A step costs 6 min(o, i) operations a weight of a hidden layer, and at least some 3 us. A check
    costs half a step of width 100, or five of width 1; a probe as much as reading theta once more.
    """
    if arch.depth < 2 or arch.readout:
        raise ValueError(f"arch = {arch}: must have two layers or more, and no readout")
    theta0 = np.asarray(theta0, dtype=np.float64)
    if theta0.ndim != 2 or theta0.shape[1] != arch.n_params:
        raise ValueError(f"theta0 {theta0.shape}: must be (members, {arch.n_params})")
    M, shape = len(theta0), (arch.shapes[-1][0], arch.d)
    rates = _each("learning_rate", learning_rate, M, low=np.finfo(float).tiny)
    ridges = _each("ridge", ridge, M)
    steps = _each("n_steps", n_steps, M)
    costs = _each("stop_below", stop_below, M)
    gradients = _each("stop_gradient", stop_gradient, M)
    observed = _each("observed", observed, M, shape, low=-np.inf)
    weights = _each("weights", weights, M, shape)
    if check_every < 1:
        raise ValueError(f"check_every = {check_every}: must be >= 1")
    keep = np.asarray(keep_at, dtype=np.int64)
    if keep.ndim != 1 or (np.diff(keep, prepend=-1) <= 0).any():
        raise ValueError(f"keep_at = {keep_at}: must be increasing steps >= 0")
    vectors = np.empty((0, arch.n_params)) if probes is None else np.asarray(probes)
    D = vectors.shape[-2] if vectors.ndim > 1 else 0
    vectors = _each("probes", vectors, M, (D, arch.n_params), low=-np.inf)

    paths = []
    for m in range(M):
        scale = float(np.linalg.norm(observed[m][weights[m] > 0])) or 1.0
        step = Step(arch, theta0[m], float(rates[m]), observed[m], weights[m], float(ridges[m]))
        recorder = PathRecorder(rules or RecordRules(), scale)
        ends = Ends(int(steps[m]), float(costs[m]), float(gradients[m]))
        paths.append(follow(step, recorder, ends, check_every, vectors[m], keep, progress))
    return _padded(paths, shape, D, (len(keep), arch.n_params))


def _each(
    name: str, value: object, M: int, shape: tuple[int, ...] = (), *, low: float = 0.0
) -> Array:
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in (shape, (M, *shape)):
        raise ValueError(f"{name} {array.shape}: must be {shape} or {(M, *shape)}")
    if not (np.isfinite(array) & (array >= low)).all():
        bound = {0.0: " and >= 0", -np.inf: ""}.get(low, " and > 0")
        raise ValueError(f"{name} = {value}: must be finite{bound}")
    return np.broadcast_to(array, (M, *shape))


def _padded(
    paths: Sequence[Path], shape: tuple[int, int], D: int, kept: tuple[int, int]
) -> MapPaths:
    M, counts = len(paths), np.array([len(path.records) for path in paths], dtype=np.int64)
    R = int(counts.max(initial=0))

    def padded(name: str, inner: tuple[int, ...] = ()) -> Array:
        out = np.full((M, R, *inner), np.nan)
        for row, path in zip(out, paths, strict=True):
            for at, record in enumerate(path.records):
                row[at] = getattr(record, name)
        return out

    step = padded("step")
    return MapPaths(
        n_records=counts,
        step=np.where(np.isnan(step), -1, step).astype(np.int64),
        maps=padded("map", shape),
        train_cost=padded("train_cost"),
        gradient_norm=padded("gradient_norm"),
        squared_norm=padded("squared_norm"),
        probes=padded("probes", (D,)),
        theta=np.array([path.theta for path in paths]).reshape(M, kept[1]),
        last_step=np.array([path.last_step for path in paths], dtype=np.int64),
        diverged_at=np.array([path.diverged_at for path in paths], dtype=np.int64),
        kept=np.array([path.kept for path in paths]).reshape(M, *kept),
    )
