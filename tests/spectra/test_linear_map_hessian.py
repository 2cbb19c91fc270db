"""Hessian of a weighted square loss of W_L ... W_1: float64 autograd, closed forms, symmetry."""

import sys

import jaxtyping
import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import balanced_factors, include, rotate, tangent_kernel
from spectral_atlas.spectra import (
    LinearMapHessian,
    MatrixOperator,
    SymmetricOperator,
    extreme_eigenvalues,
    linear_map_hessian,
    negative_directions,
    rotation_modes,
)
from spectral_atlas.spectra._linear_map import rotation_tangents

ARCHITECTURES = {
    "one layer": DeepLinear.plain(3, 1, outputs=2),
    "two": DeepLinear.plain(3, 2, 4, outputs=5),
    "three": DeepLinear.plain(4, 3, 3, outputs=4),
    "four, one output": DeepLinear.plain(3, 4, 2),
    "five": DeepLinear.plain(2, 5, 3, outputs=3),
    "rectangles": DeepLinear(((4, 3), (2, 4), (5, 2)), outputs=5),
    "width one": DeepLinear.plain(3, 3, 1, outputs=2),
}


def problem(seed, arch, members=1, scale=0.7, together=False):
    """theta, observed, weights (a mask over its sum) and ridge, one of each a member."""
    rng = np.random.default_rng(seed)
    count = () if together else (members,)
    shape = (*count, arch.outputs, arch.d)
    mask = rng.random(shape) < 0.7
    weights = mask / np.maximum(mask.sum((-2, -1), keepdims=True), 1)
    theta = scale * rng.standard_normal((members, arch.n_params))
    return theta, rng.standard_normal(shape), weights, 0.1 * rng.random(count)


def torch_loss(arch, observed, weights, ridge):
    data, weights = torch.tensor(observed), torch.tensor(weights)

    def loss(theta):
        A, at = torch.eye(arch.d, dtype=torch.float64), 0
        for rows, columns in arch.shapes:
            A = theta[at : at + rows * columns].reshape(rows, columns) @ A
            at += rows * columns
        return (weights * (A - data) ** 2).sum() + float(ridge) * (theta**2).sum()

    return loss


def full(n):
    """Weights of the mean over all entries."""
    return np.full((n, n), 1 / n**2)


def dense_at(layers, observed, weights, ridge=0.0):
    """Hessian and flat parameters at one member's layers."""
    shapes = tuple(w.shape for w in layers)
    arch = DeepLinear(shapes, outputs=shapes[-1][0])
    theta = arch.flatten(list(layers))[None]
    return linear_map_hessian(arch, theta, observed, weights, ridge), theta[0]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_autograd(name, seed):
    arch = ARCHITECTURES[name]
    data = problem(seed, arch, 2)
    operator = linear_map_hessian(arch, *data)
    exact = np.stack(
        [
            torch.autograd.functional.hessian(torch_loss(arch, *rest), torch.tensor(theta)).numpy()
            for theta, *rest in zip(*data, strict=True)
        ]
    )
    close = {"rtol": 0, "atol": 1e-13 * abs(exact).max() * arch.n_params}
    H = operator.dense()
    np.testing.assert_allclose(H, exact, **close)
    np.testing.assert_array_equal(H, H.mT)
    V = np.random.default_rng(seed).standard_normal((2, 3, arch.n_params))
    np.testing.assert_allclose(operator.block_product(V), V @ exact, **close)
    np.testing.assert_allclose(operator(V[:, 1]), (V @ exact)[:, 1], **close)


@pytest.mark.parametrize("numbers", [1, 300, 2**16])  # one vector at a time, some, all
def test_products_with_unit_vectors_are_the_dense_matrix(numbers, monkeypatch):
    # the package's attribute of the module's name is the function
    monkeypatch.setattr(sys.modules[LinearMapHessian.__module__], "CACHE_NUMBERS", numbers)
    arch = DeepLinear.plain(5, 4, 6, outputs=4)
    operator = linear_map_hessian(arch, *problem(4, arch, 2, together=True))
    assert isinstance(operator, SymmetricOperator)
    assert isinstance(operator, LinearMapHessian)
    unit = np.broadcast_to(np.eye(arch.n_params), (2, arch.n_params, arch.n_params))
    np.testing.assert_allclose(operator.block_product(unit), operator.dense(), rtol=0, atol=1e-13)


def test_a_wide_network_agrees_with_an_autograd_product():
    arch = DeepLinear.plain(10, 4, 100, outputs=10)
    theta, observed, weights, ridge = problem(5, arch, 1, 0.1, together=True)
    V = np.random.default_rng(6).standard_normal(theta.shape)
    loss = torch_loss(arch, observed, weights, ridge)
    exact = torch.autograd.functional.hvp(loss, torch.tensor(theta[0]), torch.tensor(V[0]))[1]
    found = linear_map_hessian(arch, theta, observed, weights, float(ridge))(V)[0]
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-13 * abs(exact).max())


@pytest.mark.parametrize("ridge", [0.0, 0.03])
def test_the_origin_of_two_layers_is_a_strict_saddle(ridge):
    arch = DeepLinear.plain(4, 2, 5, outputs=3)
    _, observed, weights, _ = problem(7, arch, together=True)
    operator = linear_map_hessian(arch, np.zeros((1, arch.n_params)), observed, weights, ridge)
    s = np.linalg.svd(2 * weights * observed, compute_uv=False)
    expected = 2 * ridge + np.sort(np.r_[np.repeat(s, 5), np.repeat(-s, 5), np.zeros(5)])
    np.testing.assert_allclose(np.linalg.eigvalsh(operator.dense())[0], expected, atol=1e-14)
    found = negative_directions(operator, tolerance=1e-10)
    assert found.n_negative == (expected < -1e-10).sum() > 0
    assert found.n_zero == (0 if ridge else 5)
    np.testing.assert_allclose([found.smallest, found.largest], expected[[0, -1], None], atol=1e-14)
    # at width 1000 by products alone
    wide = DeepLinear.plain(4, 2, 1000, outputs=3)
    ends = extreme_eigenvalues(
        linear_map_hessian(wide, np.zeros((1, wide.n_params)), observed, weights, ridge),
        np.random.default_rng(0),
    )
    np.testing.assert_allclose([ends.smallest, ends.largest], expected[[0, -1], None], rtol=1e-10)


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_the_origin_from_three_layers_on_is_twice_the_ridge(depth):
    arch = DeepLinear.plain(3, depth, 4, outputs=3)
    ridge = np.array([0.0, 0.2])
    operator = linear_map_hessian(
        arch, np.zeros((2, arch.n_params)), np.ones((3, 3)), full(3), ridge
    )
    expected = 2 * ridge[:, None, None] * np.eye(arch.n_params)
    np.testing.assert_array_equal(operator.dense(), expected)
    assert negative_directions(operator, tolerance=1e-9).n_zero.tolist() == [arch.n_params, 0]


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_at_an_exact_fit_the_spectrum_is_that_of_the_weighted_tangent_kernel(depth):
    arch = DeepLinear.plain(3, depth, 5, outputs=4)
    theta, _, weights, _ = problem(8, arch, together=True)
    layers = arch.unflatten(theta[0])
    observed = np.linalg.multi_dot([*layers[::-1], np.eye(3)])
    operator = linear_map_hessian(arch, theta, observed, weights)
    root = np.sqrt(weights).ravel()
    expected = np.linalg.eigvalsh(2 * root[:, None] * tangent_kernel(layers) * root)
    found = np.linalg.eigvalsh(operator.dense())[0]
    np.testing.assert_allclose(found[-12:], expected, atol=1e-12 * expected[-1])
    signs = negative_directions(operator, tolerance=1e-9)
    assert (signs.n_negative, signs.n_positive) == (0, (weights > 0).sum())


def stationary_values(a, depth, ridge, smaller=False):
    """s of a = s + ridge / c s^{2/L - 1} for c = 1/9: the larger, or the smaller solution."""
    m = 1 - 2 / depth
    turn = (9 * m * ridge) ** (1 / (1 + m))
    ends = (1e-12, turn) if smaller else (turn, a)
    return brentq(lambda s: s + 9 * ridge * s**-m - a, *ends, xtol=1e-15, rtol=1e-15)


def stationary_point(depth, width, kept, ridge=0.004, smaller=False):
    """Balanced layers that fit the first `kept` singular values of diag(2, 1.2, .7) in a basis."""
    rng = np.random.default_rng(depth)
    U, V = (np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(2))
    a = np.array([2.0, 1.2, 0.7])
    s = [stationary_values(x, depth, ridge, smaller) for x in a[:kept]]
    layers = balanced_factors(U[:, :kept] * s @ V[:, :kept].T, depth, width)
    return layers, (U * a) @ V.T, full(3), ridge


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [3, 4])
def test_zero_modes_of_ridge_stationary_points_are_the_rotations(depth, kept, width):
    layers, *data = stationary_point(depth, width, kept)
    operator, _ = dense_at(layers, *data)
    found = negative_directions(operator, tolerance=1e-7)
    modes = (depth - 1) * (width * (width - 1) - (width - kept) * (width - kept - 1)) // 2
    assert rotation_modes(layers) == found.n_zero == modes
    # two layers: each dropped value pulls along all free neurons; deeper: all ranks are minima
    assert found.n_negative == ((3 - kept) * (width - kept) if depth == 2 else 0)
    tangents = rotation_tangents(layers)
    assert abs(operator.block_product(tangents[None])).max() < 1e-12


@pytest.mark.parametrize("depth", [3, 4])
def test_the_smaller_solution_is_a_saddle_of_one_direction(depth):
    layers, *data = stationary_point(depth, 4, 1, smaller=True)
    found = negative_directions(dense_at(layers, *data)[0], tolerance=1e-7)
    assert (found.n_negative, found.n_zero) == (1, rotation_modes(layers))


def masked_minimum(depth, seed, ridge=0.01):
    """The Hessian at a minimum, its layers, and the weights."""
    arch = DeepLinear.plain(4, depth, 4, outputs=3)
    start, observed, weights, _ = problem(seed, arch, together=True)
    loss = torch_loss(arch, observed, weights, ridge)
    slope = torch.func.grad(loss)
    theta = minimize(
        lambda x: (loss(torch.tensor(x)).item(), slope(torch.tensor(x)).numpy()),
        start[0],
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "gtol": 1e-7},
    ).x
    for _ in range(4):  # Newton's steps, across the zero modes
        H = linear_map_hessian(arch, theta[None], observed, weights, ridge).dense()[0]
        theta -= np.linalg.lstsq(H, slope(torch.tensor(theta)).numpy(), rcond=1e-5)[0]
    assert abs(slope(torch.tensor(theta))).max() < 1e-13
    operator = linear_map_hessian(arch, theta[None], observed, weights, ridge)
    return operator, arch.unflatten(theta), weights


@pytest.mark.parametrize(("depth", "seed"), [(2, 1), (2, 4), (2, 8), (3, 0), (3, 3), (3, 7)])
def test_zero_modes_of_masked_minima_are_the_rotations(depth, seed):
    operator, layers, _ = masked_minimum(depth, seed)
    found = negative_directions(operator, tolerance=1e-8)
    assert found.n_negative == 0
    assert found.n_zero == rotation_modes(layers) > 0


def test_a_segment_of_minima_is_one_zero_mode_more():
    # two layers, a mask of two parts joined by one entry: the least nuclear norm is not unique
    operator, layers, weights = masked_minimum(2, 0)
    found = negative_directions(operator, tolerance=1e-8)
    assert found.n_negative == 0
    assert found.n_zero == rotation_modes(layers) + 1
    values, vectors = np.linalg.eigh(operator.dense()[0])
    zero = vectors[:, abs(values) < 1e-8]
    turns = rotation_tangents(layers)
    x = zero @ np.linalg.svd(turns @ zero)[2][-1]  # the one across the rotations
    V1, V2 = x[:16].reshape(4, 4), x[16:].reshape(3, 4)
    A, along = layers[1] @ layers[0], layers[1] @ V1 + V2 @ layers[0]
    assert abs(along[weights > 0]).max() < 1e-12 < 0.1 < abs(along).max()
    for t in (-0.1, 0.1):
        moved = np.linalg.norm(A + t * along, "nuc")
        assert moved == pytest.approx(np.linalg.norm(A, "nuc"), abs=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_rotations_keep_the_spectrum_and_padding_copies_it(depth):
    rng = np.random.default_rng(depth)
    observed, weights, ridge, r, w = rng.standard_normal((3, 4)), rng.random((3, 4)), 0.02, 2, 5
    arch = DeepLinear.plain(4, depth, r, outputs=3)
    layers = arch.unflatten(rng.standard_normal(arch.n_params))

    def spectrum(some):
        return np.linalg.eigvalsh(dense_at(some, observed, weights, ridge)[0].dense()[0])

    base, more, wide = (spectrum(include(layers, k)) for k in (r, r + 1, w))
    turns = [np.linalg.qr(rng.standard_normal((w, w)))[0] for _ in range(depth - 1)]
    np.testing.assert_allclose(spectrum(rotate(include(layers, w), turns)), wide, atol=1e-12)
    new = list(more)
    for value in [*base, *[2 * ridge] * (depth - 2)]:
        at = int(np.argmin(np.abs(np.array(new) - value)))
        assert abs(new.pop(at) - value) < 1e-12
    blank = np.full((depth - 2) * (w - r) ** 2, 2 * ridge)
    expected = np.sort(np.r_[base, np.tile(new, w - r), blank])
    np.testing.assert_allclose(wide, expected, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_rotation_modes_of_layers_in_no_special_place(seed):
    rng = np.random.default_rng(seed)
    for depth in (2, 3, 4):  # no rotation leaves generic square layers alone
        assert rotation_modes(list(rng.standard_normal((depth, 4, 4)))) == 6 * (depth - 1)
    # two layers: what turns the complement of the q used directions only does nothing
    assert rotation_modes([rng.standard_normal((6, 2)), rng.standard_normal((1, 6))]) == 15 - 3
    assert rotation_modes([np.zeros((4, 2)), np.zeros((3, 4))]) == 0
    assert rotation_modes([rng.standard_normal((2, 2))]) == 0
    assert rotation_modes([np.ones((1, 2)), np.ones((2, 1))]) == 0


@pytest.mark.parametrize("name", ["two", "three", "five"])
def test_extreme_eigenvalues_are_those_of_the_dense_matrix(name):
    arch = ARCHITECTURES[name]
    operator = linear_map_hessian(arch, *problem(9, arch, 4))
    exact = np.linalg.eigvalsh(operator.dense())
    found = extreme_eigenvalues(operator, np.random.default_rng(0), dense_limit=0)
    assert found.converged.all()
    assert (abs(found.largest - exact[:, -1]) <= found.bound_largest + 1e-13).all()
    assert (abs(found.smallest - exact[:, 0]) <= found.bound_smallest + 1e-13).all()
    signs = negative_directions(operator, tolerance=1e-10)
    np.testing.assert_allclose(signs.smallest, exact[:, 0], atol=1e-13)
    np.testing.assert_array_equal(signs.n_negative, (exact < 0).sum(1))
    assert (signs.n_negative + signs.n_zero + signs.n_positive == arch.n_params).all()


def test_members_may_be_picked_and_nan_stays_in_its_member():
    arch = ARCHITECTURES["three"]
    theta, *data = problem(10, arch, 4)
    operator = linear_map_hessian(arch, theta, *data)
    V = np.random.default_rng(1).standard_normal((4, 2, arch.n_params))
    H, HV = operator.dense(), operator.block_product(V)
    pick = np.array([3, 1, 1])
    np.testing.assert_allclose(operator.dense(pick), H[pick], atol=1e-15)
    np.testing.assert_allclose(operator.block_product(V[pick], pick), HV[pick], atol=1e-14)
    alone = linear_map_hessian(arch, theta[2:3], *(x[2] for x in data[:2]), float(data[2][2]))
    np.testing.assert_allclose(alone.block_product(V[2:3]), HV[2:3], atol=1e-14)
    theta[1, 3] = np.nan  # the operator has its own copy
    np.testing.assert_array_equal(operator.dense(), H)
    broken = linear_map_hessian(arch, theta, *data)
    np.testing.assert_array_equal(np.delete(broken.dense(), 1, 0), np.delete(H, 1, 0))
    assert np.isnan(broken(V[:, 0])[1]).any()
    with pytest.raises(ValueError, match=r"the matrix is not finite for member 1$"):
        negative_directions(broken, tolerance=1e-9)
    none = np.zeros(0, dtype=int)
    assert operator.block_product(V[:0], none).shape == (0, 2, arch.n_params)
    assert operator.dense(none).shape == (0, arch.n_params, arch.n_params)


def test_counts_that_rounding_could_change_are_refused():
    two = MatrixOperator(np.array([np.diag([1.0, -1e-3]), np.diag([1e6, -1e-9])]))
    found = negative_directions(two, tolerance=np.array([1e-4, 1e-8]))
    assert found.n_negative.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"tolerance = 1e-09: must be over .* for member 1$"):
        negative_directions(two, tolerance=1e-9)
    with pytest.raises(ValueError, match=r"tolerance = 0\.001: .* for member 0$"):
        negative_directions(two, tolerance=1e-3)
    zero = negative_directions(MatrixOperator(np.zeros((1, 2, 2))), tolerance=0.0)
    assert (zero.n_zero, zero.bound) == (2, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": DeepLinear.residual(3, 2)}, r"arch\.readout = True: must be False"),
        ({"theta": np.zeros((2, 5))}, r"theta: expected \(B, 18\)"),
        ({"theta": np.zeros((0, 18))}, "with B >= 1"),
        ({"observed": np.ones((3, 2))}, "observed: expected"),
        ({"observed": np.full((3, 3), np.nan)}, "observed = nan: must be finite"),
        ({"weights": np.ones((5, 3, 3))}, "weights: expected"),
        ({"weights": -np.ones((3, 3))}, r"weights = -1\.0: must be finite and at least 0"),
        ({"ridge": -0.5}, r"ridge = -0\.5: must be finite and at least 0"),
        ({"ridge": np.ones(3)}, r"ridge: expected \(\) or \(2,\), got \(3,\)"),
    ],
)
def test_misfits_are_refused(change, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    good = {"arch": DeepLinear.plain(3, 2, outputs=3), "theta": np.zeros((2, 18))}
    data = {"observed": np.ones((3, 3)), "weights": np.ones((3, 3)), "ridge": 0.0}
    with pytest.raises(ValueError, match=message):
        linear_map_hessian(**(good | data | change))


def test_vectors_and_members_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    operator = linear_map_hessian(
        DeepLinear.plain(3, 2, outputs=3), np.zeros((2, 18)), np.ones((3, 3)), np.ones((3, 3))
    )
    with pytest.raises(ValueError, match=r"V: expected \(2, 18\)"):
        operator(np.ones((3, 18)))
    with pytest.raises(ValueError, match=r"V: expected \(1, b, 18\)"):
        operator.block_product(np.ones((2, 1, 18)), np.array([1]))
    with pytest.raises(ValueError, match=r"members: expected .* got 2"):
        operator.dense(np.array([2]))
