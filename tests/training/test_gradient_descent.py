"""The compiled kernels against autograd, brute force and themselves in other company."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from spectral_atlas.networks.deep_linear import (
    DeepLinear,
    init_gaussian,
    init_residual,
    predictor,
    unit_vector,
)
from spectral_atlas.networks.gelu_mlp import torch_risk
from spectral_atlas.training.gradient_descent import train_deep_linear, train_gelu_mlp
from spectral_atlas.training.progress import Progress

ARCHITECTURES = {
    "plain": DeepLinear.plain(5, 10),
    "residual": DeepLinear.residual(5, 10),
    "wide": DeepLinear.plain(20, 5),
    "thin": DeepLinear.plain(4, 3, width=1),
    "one layer": DeepLinear.plain(3, 1),
    "deep": DeepLinear.residual(5, 40),
    "uneven": DeepLinear(((4, 3), (2, 4), (6, 2), (1, 6))),
    "uneven readout": DeepLinear(((4, 3), (2, 4)), readout=True),
}


def ensemble(arch, M, seed=0):
    rng = np.random.default_rng(seed)
    if arch.readout and arch.d == arch.shapes[-1][0]:
        theta = [init_residual(rng, arch, 0.5) for _ in range(M)]
    else:
        theta = [init_gaussian(rng, arch, 0.8 / np.sqrt(arch.shapes[0][0])) for _ in range(M)]
    X = rng.standard_normal((M, 2 * arch.d, arch.d))
    y = rng.standard_normal((M, 2 * arch.d))
    eta = rng.uniform(0.002, 0.02, M)
    return rng, np.array(theta), eta, X, y


def statistics(X, y):
    n = X.shape[-2]
    return np.swapaxes(X, -1, -2) @ X / n, np.einsum("...ni,...n->...i", X, y) / n


def autograd_descent(risk, theta, eta, steps):
    """Slow reference: parameters after each of the given steps, one member, one step at a time."""
    import torch

    theta = torch.tensor(theta, requires_grad=True)
    kept = []
    for step in range(max(steps) + 1):
        if step in steps:
            kept.append(theta.detach().numpy().copy())
        (g,) = torch.autograd.grad(risk(theta), theta)
        theta = (theta - eta * g).detach().requires_grad_(True)
    return np.array(kept)


def linear_risk(arch, X, y, readout):
    import torch

    X, y = torch.tensor(X), torch.tensor(y)

    def risk(theta):
        h, start = X.T, 0
        for rows, columns in arch.shapes:
            h = theta[start : start + rows * columns].reshape(rows, columns) @ h
            start += rows * columns
        out = h[0] if readout is None else torch.tensor(readout) @ h
        return ((y - out) ** 2).mean()

    return risk


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_linear_kernel_is_gradient_descent(name):
    arch, M, steps = ARCHITECTURES[name], 3, (0, 1, 7, 30)
    rng, theta, eta, X, y = ensemble(arch, M)
    p = np.array([unit_vector(rng, arch.shapes[-1][0]) for _ in range(M)]) if arch.readout else None
    run = train_deep_linear(arch, theta, eta, 30, *statistics(X, y), readout=p, checkpoints=steps)
    assert run.steps.tolist() == list(steps)
    assert run.diverged_at.tolist() == [-1] * M
    assert np.array_equal(run.theta[0], theta)
    for m in range(M):
        risk = linear_risk(arch, X[m], y[m], None if p is None else p[m])
        expected = autograd_descent(risk, theta[m], eta[m], steps)
        assert np.abs(expected[-1] - expected[0]).max() > 1e-3
        np.testing.assert_allclose(run.theta[:, m], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("arch", "n"), [(DeepLinear.plain(5, 10), 50), (DeepLinear.plain(3, 4, width=7), 9)]
)
def test_gelu_kernel_is_gradient_descent(arch, n):
    steps = (0, 2, 30)
    rng = np.random.default_rng(1)
    theta = 0.5 * rng.standard_normal((3, arch.n_params))
    X, y, eta = (
        rng.standard_normal((n, arch.d)),
        rng.standard_normal(n),
        np.array([0.01, 0.02, 0.05]),
    )
    run = train_gelu_mlp(arch, theta, eta, 30, X, y, checkpoints=steps)
    risk = torch_risk(arch, X, y)
    for m in range(3):
        expected = autograd_descent(risk, theta[m], eta[m], steps)
        assert np.abs(expected[-1] - expected[0]).max() > 1e-4
        np.testing.assert_allclose(run.theta[:, m], expected, rtol=1e-12, atol=1e-12)


def mixed_fates(train):
    """21 members of which some diverge early, some late, some never; as a function of a subset."""
    arch = DeepLinear.plain(5, 6)
    _, theta, _, X, y = ensemble(arch, 21)
    theta *= 1.3
    eta = np.linspace(0.01, 0.5, 21) * (1 if train is train_deep_linear else 20)
    Sigma, b = statistics(X, y)

    def run(members, **options):
        members = np.asarray(members)
        data = (Sigma[members], b[members]) if train is train_deep_linear else (X[0], y[0])
        return train(arch, theta[members], eta[members], 300, *data, **options)

    return run


@pytest.mark.parametrize("train", [train_deep_linear, train_gelu_mlp])
def test_bits_do_not_depend_on_company_threads_or_checkpoints(train):
    run = mixed_fates(train)
    everyone = run(np.arange(21), checkpoints=(10, 150, 300))
    lost = everyone.diverged_at >= 0
    assert 0 < lost.sum() < 21
    for other, order in (
        (run(np.arange(21), threads=2, checkpoints=(10, 150, 300)), slice(None)),
        (run(np.arange(21)[::-1], checkpoints=(10, 150, 300)), slice(None, None, -1)),
    ):
        assert np.array_equal(other.theta[:, order], everyone.theta, equal_nan=True)
        assert np.array_equal(other.diverged_at[order], everyone.diverged_at)
    for m in (0, 9, 20):
        alone = run([m])
        assert np.array_equal(alone.theta[-1, 0], everyone.theta[-1, m], equal_nan=True)
        assert alone.diverged_at[0] == everyone.diverged_at[m]
    often = run(np.arange(21), checkpoints=np.arange(301))
    assert np.array_equal(often.theta[[10, 150, 300]], everyone.theta, equal_nan=True)


@pytest.mark.parametrize("train", [train_deep_linear, train_gelu_mlp])
def test_parameters_are_nan_from_the_step_of_divergence_on(train):
    trajectory = mixed_fates(train)(np.arange(21), checkpoints=np.arange(301))
    lost = (trajectory.diverged_at >= 0) & (trajectory.steps[:, None] >= trajectory.diverged_at)
    assert np.array_equal(np.isnan(trajectory.theta).all(-1), lost)
    assert np.isfinite(trajectory.theta[~lost]).all()


def test_linear_divergence_step_is_that_of_brute_force():
    arch = DeepLinear.plain(4, 3)
    _, theta, _, X, y = ensemble(arch, 10)
    theta *= 3
    eta = np.geomspace(0.05, 5, 10)
    Sigma, b = statistics(X, y)
    run = train_deep_linear(arch, theta, eta, 200, Sigma, b)
    assert (run.diverged_at > 0).sum() > 4
    for m in range(10):
        layers, first = [w.copy() for w in arch.unflatten(theta[m])], -1
        with np.errstate(all="ignore"):
            for step in range(201):
                w = predictor(arch, arch.flatten(layers))
                if not np.isfinite(w).all():
                    first = step
                    break
                r = 2 * (Sigma[m] @ w - b[m])
                a, c = layers[0] @ r, layers[2][0]
                g3 = (layers[1] @ a)[None]
                layers = [
                    layers[0] - eta[m] * np.outer(layers[1].T @ c, r),
                    layers[1] - eta[m] * np.outer(c, a),
                    layers[2] - eta[m] * g3,
                ]
        assert run.diverged_at[m] == first


def test_any_bad_weight_is_seen_at_once():
    for train, data in ((train_deep_linear, (np.eye(3), np.ones(3))), (train_gelu_mlp, None)):
        arch = DeepLinear.plain(3, 4)
        theta = np.zeros((2 * arch.n_params + 1, arch.n_params))
        for p in range(arch.n_params):
            theta[2 * p, p], theta[2 * p + 1, p] = np.inf, np.nan
        data = (np.eye(3), np.ones(3)) if data is None else data
        run = train(arch, theta, np.full(len(theta), 0.1), 5, *data)
        assert run.diverged_at.tolist() == [0] * (2 * arch.n_params) + [-1]


def test_gelu_overflow_diverges_and_is_not_clamped():
    arch = DeepLinear.plain(5, 6)
    theta = 2 * np.random.default_rng(0).standard_normal((32, arch.n_params))
    run = train_gelu_mlp(arch, theta, np.full(32, 100.0), 60, np.eye(5), np.ones(5))
    assert (run.diverged_at >= 1).sum() >= 5
    lost = run.diverged_at >= 0
    assert np.isnan(run.theta[-1, lost]).all()


def test_progress_counts_every_member_step():
    counts = []

    class Counter(Progress):
        def update(self, n):
            counts.append(n)

    mixed_fates(train_deep_linear)(np.arange(21), checkpoints=(0, 7), progress=Counter("", 0))
    assert sum(counts) == 21 * 300


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"theta0": np.zeros((2, 5))}, r"theta0 \(2, 5\)"),
        ({"learning_rate": np.zeros(3)}, r"learning_rate \(3,\)"),
        ({"n_steps": -1}, "n_steps = -1"),
        ({"Sigma": np.eye(4)}, r"Sigma \(4, 4\)"),
        ({"b": np.zeros((3, 3))}, r"b \(3, 3\)"),
        ({"readout": np.ones(3)}, "readout given"),
        ({"checkpoints": (0, 11)}, "checkpoints"),
        ({"checkpoints": (3, 3)}, "checkpoints"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_refusals(changes, words):
    arch = DeepLinear.plain(3, 2)
    good = {
        "theta0": np.zeros((2, arch.n_params)),
        "learning_rate": np.ones(2),
        "n_steps": 10,
        "Sigma": np.eye(3),
        "b": np.zeros(3),
    }
    with pytest.raises(ValueError, match=words):
        # Unwrapped: shape annotations may be checked too, and would refuse first, in other words.
        inspect.unwrap(train_deep_linear)(arch, **{**good, **changes})


def test_several_outputs_are_refused():
    arch = DeepLinear.plain(3, 2, outputs=2)
    theta, rates, data = np.zeros((2, arch.n_params)), np.ones(2), (np.eye(3), np.zeros(3))
    for train in (train_deep_linear, train_gelu_mlp):
        with pytest.raises(ValueError, match="outputs = 2"):
            train(arch, theta, rates, 1, *data)


def test_kernels_are_cached_under_their_whole_source(tmp_path, monkeypatch):
    """An edit in what a kernel inlines must not meet the old compiled kernel."""
    from spectral_atlas.training import kernels_gelu, kernels_linear, simd

    for kernel in (kernels_linear.descend, kernels_gelu.descend):
        assert simd.source_digest() in [c.cell_contents for c in kernel.py_func.__closure__]
    here = Path(simd.__file__)
    for file in here.parent.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(simd, "__file__", str(tmp_path / "simd.py"))
    before = simd.source_digest()
    for name in ("simd.py", "simd_gelu.py", "kernels_linear.py"):
        (tmp_path / name).write_text((tmp_path / name).read_text() + "\n# edited\n")
        assert simd.source_digest() != before
        before = simd.source_digest()
