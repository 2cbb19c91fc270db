"""Files of all studies, made up so that every claim holds: formulas where there are formulas."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.papers.benarous2024 import outcomes, theory
from spectral_atlas.papers.benarous2024.claims import regimes
from spectral_atlas.papers.benarous2024.claims.eigenvalues import with_noise
from spectral_atlas.papers.benarous2024.claims.study import Regime

RUNS, K = 3, 10
TIMES = [0.0, 10.0, 30.0, 50.0, 75.0, 100.0]
MATRICES = ["hessian", "gradient"]
BLOCKS = ["x1 x1", "x1 x2", "W W", "v v"]
# (top outlier, k - 1 smaller ones, bulk) by study and matrix: at t = 0, and later
LEVELS = {
    ("mixture_recalled", "hessian"): ((0.0206, 0.019, 0.0155), (0.03, 0.0155, 0.0155)),
    ("mixture_recalled", "gradient"): ((0.09, 0.03, 0.03), (0.04, 0.017, 0.017)),
    ("mixture_moderate", "hessian"): ((0.0105, 0.0104, 0.0016), (0.026, 0.006, 0.0016)),
    ("mixture_moderate", "gradient"): ((0.085, 0.0034, 0.0034), (0.03, 0.0012, 0.0012)),
    ("mixture_theorem", "hessian"): ((0.0098, 0.0095, 0.0002), (0.02, 0.004, 0.0002)),
    ("mixture_theorem", "gradient"): (
        (1e-3 * with_noise(10, 1000), 1e-3, 3e-4),
        (0.03, 4e-4, 1e-4),
    ),
}
RHO = {0.0: 0.08, 10.0: 0.7, 30.0: 0.935}


def ideal_inputs() -> dict[str, xr.Dataset]:
    """Everything, by "stage/name"."""
    made: dict[str, xr.Dataset] = {}
    for regime in (regimes.RECALLED, regimes.MODERATE, regimes.THEOREM):
        made |= mixture(regime, TIMES)
        made[f"spectra/{regime.study}_effective"] = class_prediction(made, regime)
    for name, better in (("recalled", 0.05), ("moderate", 0.0)):
        train = made[f"spectra/mixture_{name}"].copy(deep=True)
        train["rho_k"] = train["rho_k"] + better
        made[f"spectra/mixture_{name}_train"] = train.assign_attrs(samples="train")
    made |= mixture(regimes.LIMIT, [0.0, 300.0])
    for regime in (regimes.UNEQUAL, regimes.CORRELATED, regimes.GAUSSIAN):
        made |= mixture(regime, [0.0, 100.0])
    made |= xor(regimes.XOR_RECALLED, [0.0, 50.0, 100.0])
    made |= xor(regimes.XOR_THEOREM, [0.0, 10.0, 30.0, 60.0])
    made["spectra/xor_theorem_effective"] = neuron_prediction(made)
    train = made["spectra/xor_theorem"].assign_attrs(samples="train")
    made["spectra/xor_theorem_train"] = train
    counts = np.repeat([1, 2, 3, 4], [3, 66, 112, 19])
    made |= four(regimes.FOUR, [0.0, 80.0], counts, counts)
    made |= four(regimes.FOUR_RECALLED, [0.0, 100.0], np.array([2, 3, 4, 4]), np.arange(1, 5))
    made |= widths(regimes.WIDTHS, [6, 8, 20], gains=0)
    made |= widths(regimes.WIDTHS_MODERATE, [8], gains=40)
    names = [f"{m} {b}" for m in MATRICES for b in BLOCKS] + ["hessian W v"]
    deviation = ("block", np.full(len(names), 1e-16))
    made["spectra/agreement"] = xr.Dataset({"deviation": deviation}, coords={"block": names})
    return made


def data(regime: Regime) -> xr.Dataset:
    """The mixture that a regime names."""
    if regime.neurons is not None:
        mu, nu = np.eye(2, regime.d)
        means, labels, shares = np.stack([mu, -mu, nu, -nu]), [1, 1, 0, 0], np.ones(4)
    else:
        means, labels = np.eye(K, regime.d), list(range(K))
        if regime.means == "correlated":
            root = np.linalg.cholesky(0.5 * np.eye(K) + 0.5)
            means = root @ means
        elif regime.means == "gaussian":
            rng = np.random.default_rng(1)
            means = rng.standard_normal((K, regime.d)) / regime.d**0.5
        shares = np.array(regime.weights or np.ones(K), dtype=float)
    return xr.Dataset(
        {
            "means": (("component", "feature"), means),
            "weights": ("component", shares / shares.sum()),
            "label": ("component", labels),
        },
        attrs={"precision": regime.precision, "name": f"{regime.means} means"},
    )


def mixture(regime: Regime, times: list[float]) -> dict[str, xr.Dataset]:
    """Data, runs and spectra of logistic regression: at the fixed point, as far as x goes."""
    files, fixed = data(regime), theory.mixture_fixed_point(K, regime.ridge)
    means, T = files["means"].values, len(times)
    one = (fixed.A - fixed.B) * means + fixed.B * means.sum(axis=0)
    x = np.broadcast_to(one, (RUNS, T, K, regime.d)).copy()
    rho = np.array([RHO.get(t, 0.99) for t in times])
    each = np.broadcast_to(rho[None, :, None], (RUNS, T, K)).copy()
    axes = ("run", "time", "class")
    runs = xr.Dataset(
        {
            "x": ((*axes, "feature"), x),
            "on_means": ((*axes, "component"), x @ means.T),
            "in_span": (axes, each),
            "diverged_at": ("run", np.full(RUNS, -1)),
        },
        coords={"time": times},
        attrs={"ridge": regime.ridge, "step": 1.0},
    )
    values = np.empty((2, RUNS, T, K, K + 5))
    for m, matrix in enumerate(MATRICES):
        for t, time in enumerate(times):
            values[m, :, t] = levels(regime, matrix, time, fixed)
    both = np.stack([each, each])
    rho_1 = np.full_like(both, fixed.rho_1)
    if regime is regimes.CORRELATED:
        rho_1[:] = 0.3
    if regime is regimes.UNEQUAL:
        rho_1[..., -1] = 0.3
    cross = np.broadcast_to(-np.linspace(2, 1, K + 5), (2, RUNS, K + 5)).copy()
    cross[1, :, 2:K] *= -1
    dims = ("matrix", *axes)
    spectra = xr.Dataset(
        {
            "eigenvalues": ((*dims, "rank"), values),
            "rho_k": (dims, both),
            "rho_1": (dims, rho_1),
            "overlap": (dims, np.full_like(both, 0.998)),
            "cross_eigenvalues": (("matrix", "run", "rank"), cross),
            "cross_overlap": (("matrix", "run"), np.full((2, RUNS), 0.998)),
            "ratio_spectrum": (("matrix", "run", "ratio", "value"), fewer()),
        },
        coords={
            "matrix": MATRICES, "time": times, "density_time": times[-1:], "ratio": [2.0, 5.0]
        },
        attrs={"samples": "test", "sample_count": regime.ratio * regime.d, "ratio_time": 30.0},
    )  # fmt: skip
    return named(regime, files, runs, spectra)


def levels(regime: Regime, matrix: str, time: float, fixed: theory.MixtureFixedPoint) -> np.ndarray:
    """Eigenvalues of a class block: outlier, k - 1 smaller ones, bulk."""
    key = regime.study, matrix
    if key in LEVELS:
        top, mini, bulk = LEVELS[key][int(time > 0)]
    else:
        top, mini, bulk = fixed.hessian_top, fixed.hessian_mini, fixed.hessian_mini / 10
    return np.array([top] + [mini] * (K - 1) + [bulk] * 5)


def fewer() -> np.ndarray:
    """Eigenvalues for M = 2 d and 5 d: ten outliers of H_11, one of G_11, and the edge."""
    found = np.full((2, RUNS, 2, 15), 0.001)
    found[..., 0] = 0.03
    found[0, ..., 1:10] = 0.01
    return found


def class_prediction(made: dict[str, xr.Dataset], regime: Regime) -> xr.Dataset:
    """What is measured, as if predicted."""
    values = made[f"spectra/{regime.study}"]["eigenvalues"].values[:, :, :, 0]
    count = (values > 1.06 * values[..., -1:]).sum(axis=-1)
    beyond = np.where(np.arange(values.shape[-1]) < count[..., None], values, np.nan)
    few = fewer()
    axes = ("matrix", "run", "ratio")
    return predicted(
        values[..., -1], count, beyond, TIMES, regime,
        ratio_edge=(axes, few[..., -1]),
        ratio_n_outliers=(axes, (few > 0.005).sum(axis=-1)),
        ratio_outliers=((*axes, "rank"), np.where(few > 0.005, few, np.nan)),
    ).assign_coords(ratio=[2.0, 5.0])  # fmt: skip


def predicted(edge, count, beyond, times, regime, **more) -> xr.Dataset:
    dims = ("matrix", "run", "time")
    return xr.Dataset(
        {
            "edge": (dims, edge.copy()),
            "n_outliers": (dims, count.copy()),
            "outliers": ((*dims, "rank"), beyond.copy()),
            "given_edge": (dims, edge.copy()),
            "given_n_outliers": (dims, count.copy()),
            "given_outliers": ((*dims, "rank"), beyond.copy()),
            **more,
        },
        coords={"matrix": MATRICES, "time": times},
        attrs={"draws": 20_000, "ratio": regime.ratio, "ratio_time": 30.0},
    )


def neuron_prediction(made: dict[str, xr.Dataset]) -> xr.Dataset:
    """The same for the first neuron."""
    spectra = made["spectra/xor_theorem"]
    values = spectra["neuron_eigenvalues"].values[:, :, :, 0]
    return predicted(
        values[..., 2], np.full(values.shape[:-1], 2), values[..., :2], spectra["time"].values,
        regimes.XOR_THEOREM, spectrum_neuron=("run", np.zeros(RUNS, dtype=int)),
    )  # fmt: skip


def xor(regime: Regime, times: list[float]) -> dict[str, xr.Dataset]:
    """Twenty neurons: twelve along the means, three for each, and eight dead ones."""
    N, T, C = 20, len(times), theory.xor_constant(regime.ridge)
    basin = np.arange(N) % 4
    size = np.where(np.arange(N) < 12, np.sqrt(C / 3), 1e-3)
    v = size * np.where(basin < 2, 1, -1)
    files = data(regime)
    W = size[:, None] * files["means"].values[basin]
    runs = outcome_runs(regime, times, np.full(RUNS, 4), np.tile(basin, (RUNS, 1)))
    axes = ("run", "time", "neuron")
    runs["v"] = (axes, np.broadcast_to(v, (RUNS, T, N)).copy())
    runs["W"] = ((*axes, "feature"), np.broadcast_to(W, (RUNS, T, N, regime.d)).copy())
    readout, pairs = np.full((2, RUNS, T, N), 1e-5), np.full((2, RUNS, T, N, 6), 1e-7)
    for m in range(2):
        readout[m, ..., :4] = theory.xor_readout_eigenvalues(regime.ridge)[m]
        readout[m, :, 0] = [0.08] + [0.009] * (N - 1)
        weight = theory.xor_neuron_weights(regime.ridge)[m]
        pairs[m, ..., :2] = (weight * v**2)[None, None, :, None]
    rho = np.where(np.array(times) > 0, 0.99, 0.05)[None, None, :, None]
    neuron = ("matrix", "neuron_run", "time", "neuron")
    full = np.broadcast_to(rho, (2, RUNS, T, N)).copy()
    overlap = np.full_like(full, 0.99)
    if regime is regimes.XOR_RECALLED:
        overlap[1] = 0.07
    spectra = xr.Dataset(
        {
            "readout_eigenvalues": (("matrix", "run", "time", "order"), readout),
            "readout_rho": (("matrix", "run", "time", "order"), np.full((2, RUNS, T, N), 0.999)),
            "v_in_features": (("run", "time"), np.full((RUNS, T), 0.999)),
            "neuron_eigenvalues": ((*neuron, "rank"), pairs),
            "neuron_rho_2": (neuron, full),
            "neuron_overlap": (neuron, overlap),
        },
        coords={"matrix": MATRICES, "time": times, "run": np.arange(RUNS)},
        attrs={"samples": "test", "sample_count": regime.ratio * regime.d},
    )
    return named(regime, files, runs, spectra)


def outcome_runs(regime, times, learned, basin) -> xr.Dataset:
    """Runs that have learned the first so many means, all of them at the last checkpoint."""
    C = theory.xor_constant(regime.ridge)
    f = np.where(np.arange(4) < learned[:, None], C * outcomes.SIGNS, 0.0)
    f = np.repeat(f[:, None], len(times), axis=1)
    f[:, 0] = 0
    return xr.Dataset(
        {
            "f_means": (("run", "time", "mean"), f),
            "basin": (("run", "neuron"), basin),
            "diverged_at": ("run", np.full(len(learned), -1)),
        },
        coords={"run": np.arange(len(learned)), "time": times},
        attrs={"ridge": regime.ridge, "step": 1.0},
    )


def four(regime, times, learned, basins) -> dict[str, xr.Dataset]:
    """Four neurons that serve the first so many means."""
    basin = np.minimum(np.arange(4)[None], basins[:, None] - 1)
    size = theory.xor_readout_eigenvalues(regime.ridge)
    present = np.arange(4) < learned[:, None]
    values = np.repeat((np.array(size)[:, None, None] * present)[:, :, None], len(times), axis=2)
    spectra = xr.Dataset(
        {
            "readout_eigenvalues": (("matrix", "run", "time", "order"), values),
            "readout_rho": (("matrix", "run", "time", "order"), np.full(values.shape, 0.999)),
        },
        coords={"matrix": MATRICES, "time": times, "run": np.arange(len(learned))},
        attrs={"samples": "test", "sample_count": regime.ratio * regime.d},
    )
    return named(regime, data(regime), outcome_runs(regime, times, learned, basin), spectra)


def widths(regime: Regime, neurons: list[int], gains: int) -> dict[str, xr.Dataset]:
    """200 runs for each width, as the law has it; so many learn all means from fewer basins."""
    each, n = [], 200
    for count in neurons:
        bounds = np.rint(n * np.cumsum(theory.learned_probabilities(count)))
        basins = 1 + np.searchsorted(bounds, np.arange(n), side="right").clip(max=3)
        learned = np.where(np.arange(n) < gains, 4, basins)
        runs = outcome_runs(regime, [0.0, 80.0], learned, np.zeros((n, 1), dtype=int))
        each.append(runs.drop_vars("basin").assign(basins=("run", basins)))
    runs = xr.concat(each, dim="neurons", coords="minimal", compat="override")
    runs = runs.assign_coords(neurons=neurons)
    return {f"data/{regime.study}": data(regime), f"runs/{regime.study}": runs}


def named(regime, files, runs, spectra) -> dict[str, xr.Dataset]:
    return {
        f"data/{regime.study}": files,
        f"runs/{regime.study}": runs,
        f"spectra/{regime.study}": spectra,
    }
