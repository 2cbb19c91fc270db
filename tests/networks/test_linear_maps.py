"""Deep linear maps: several outputs, symmetries, smallest factors, the tangent kernel."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from spectral_atlas.networks.deep_linear import DeepLinear, predictor
from spectral_atlas.networks.linear_maps import (
    balanced_factors,
    end_to_end,
    imbalance,
    include,
    init_power_law,
    rotate,
    schatten_penalty,
    tangent_kernel,
)

SHAPES = {  # n_0, ..., n_L
    "one layer": (3, 4),
    "two": (4, 6, 3),
    "bottleneck": (5, 2, 5),
    "four": (3, 5, 5, 5, 4),
    "uneven": (2, 4, 3, 5, 1),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def random_layers(name, seed=0, members=()):
    widths, draws = SHAPES[name], rng([seed, 1])
    return [draws.standard_normal((*members, above, below)) for below, above in pairwise(widths)]


def random_matrix(seed, n_out, n_in, rank):
    draws = rng([seed, 2])
    return draws.standard_normal((n_out, rank)) @ draws.standard_normal((rank, n_in))


def haar(draws, n):
    return np.linalg.qr(draws.standard_normal((n, n)))[0]


def norm2(layers):
    return sum((w**2).sum() for w in layers)


def torch_map(arch, theta):
    """The product of the layers that a flat torch vector holds."""
    product, start = None, 0
    for rows, columns in arch.shapes:
        w = theta[start : start + rows * columns].reshape(rows, columns)
        product = w if product is None else w @ product
        start += rows * columns
    return product


def architecture(name):
    widths = SHAPES[name]
    shapes = tuple((b, a) for a, b in pairwise(widths))
    return DeepLinear(shapes, outputs=widths[-1])


def test_plain_with_several_outputs():
    arch = DeepLinear.plain(3, 4, 7, outputs=2)
    assert arch.shapes == ((7, 3), (7, 7), (7, 7), (2, 7))
    assert (arch.outputs, arch.readout, arch.depth, arch.n_params) == (2, False, 4, 133)
    assert DeepLinear.plain(3, 1, outputs=2).shapes == ((2, 3),)
    assert DeepLinear.plain(3, 4, 7).outputs == DeepLinear.residual(3, 2).outputs == 1
    assert DeepLinear.plain(3, 4, 7) == DeepLinear(((7, 3), (7, 7), (7, 7), (1, 7)))
    theta = rng().standard_normal((2, 133))
    assert np.array_equal(arch.flatten(arch.unflatten(theta)), theta)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: DeepLinear(((2, 3),)), r"one row without a readout, got \(2, 3\)"),
        (lambda: DeepLinear(((2, 3),), outputs=3), r"3 rows without a readout, got \(2, 3\)"),
        (lambda: DeepLinear(((2, 3),), readout=True, outputs=2), "outputs = 2: .* with a readout"),
        (lambda: DeepLinear.plain(3, 2, outputs=0), "outputs = 0: must be an integer >= 1"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("members", [(), (2,), (2, 3)])
@pytest.mark.parametrize("name", SHAPES)
def test_end_to_end_maps_inputs_as_the_layers_do(name, members):
    layers = random_layers(name, members=members)
    A = end_to_end(layers)
    for at in np.ndindex(members):
        for k, x in enumerate(np.eye(SHAPES[name][0])):
            for w in layers:
                x = w[at] @ x
            assert np.allclose(A[at][:, k], x, rtol=1e-13, atol=1e-13)


def test_one_output_is_the_predictor():
    arch = DeepLinear.plain(3, 3, 4)
    theta = rng(1).standard_normal((5, arch.n_params))
    A = end_to_end(arch.unflatten(theta))
    assert np.allclose(A[:, 0], predictor(arch, theta), rtol=1e-13)


@pytest.mark.parametrize("gamma", [0.75, 1.0, 2.5])
def test_init_power_law_has_variance_width_to_the_minus_gamma(gamma):
    arch = DeepLinear.plain(10, 4, 100, outputs=10)
    theta = init_power_law(rng(3), arch, gamma)
    assert np.array_equal(theta, 100 ** (-gamma / 2) * rng(3).standard_normal(arch.n_params))
    for w in arch.unflatten(theta):
        assert w.var() * 100**gamma == pytest.approx(1, abs=7 / np.sqrt(w.size))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("n_out", "n_in", "rank"), [(4, 6, 2), (6, 4, 4), (5, 5, 1), (1, 3, 1), (10, 10, 3)]
)
def test_balanced_factors(n_out, n_in, rank, depth, seed):
    A = random_matrix(seed, n_out, n_in, rank)
    size = np.linalg.norm(A)
    for width in (rank, rank + 3, n_out + n_in):
        layers = balanced_factors(A, depth, width)
        widths = [n_in, *[width] * (depth - 1), n_out]
        assert [w.shape for w in layers] == list(zip(widths[1:], widths, strict=False))
        assert np.abs(end_to_end(layers) - A).max() < 1e-14 * size
        if depth == 1:
            continue
        assert imbalance(layers) < 1e-14 * size ** (2 / depth)
        assert norm2(layers) == pytest.approx(float(schatten_penalty(A, depth)), rel=1e-12)
        assert not layers[0][rank:].any()
        assert not layers[-1][:, rank:].any()
        assert [np.linalg.matrix_rank(w) for w in layers] == [rank] * depth


def test_small_singular_values_are_kept_and_zero_has_factors():
    A = np.diag([1.0, 1e-5, 1e-10])
    layers = balanced_factors(A, 4, 3)
    assert np.allclose(end_to_end(layers), A, rtol=1e-13, atol=0)
    assert not any(w.any() for w in balanced_factors(np.zeros((3, 2)), 3, 1))
    assert schatten_penalty(np.zeros((3, 2)), 3) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_no_factors_of_a_matrix_are_smaller(depth, seed):
    """W_l -> M_l W_l M_{l-1}^{-1} reaches the other factors of A; near I is hardest to tell."""
    A, width = random_matrix(seed, 4, 3, 3), 3
    best, draws = balanced_factors(A, depth, width), rng([seed, 4])
    least = float(schatten_penalty(A, depth))
    for size in (1e-3, 0.1, 0.5):
        M = [np.eye(width) + size * draws.standard_normal((width, width)) for _ in best[1:]]
        inner = [np.eye(3), *M]
        outer = [*M, np.eye(4)]
        other = [o @ w @ np.linalg.inv(i) for w, i, o in zip(best, inner, outer, strict=True)]
        assert np.allclose(end_to_end(other), A, atol=1e-11)
        assert norm2(other) > least
        assert imbalance(other) > 0


def test_penalty_of_a_batch_and_of_known_singular_values():
    draws = rng(4)
    A = np.stack([haar(draws, 4) @ np.diag([8.0, 1.0, 0, 0]) @ haar(draws, 4) for _ in range(3)])
    assert np.allclose(schatten_penalty(A, 1), 65)  # |A|_F^2
    assert np.allclose(schatten_penalty(A, 2), 2 * 9)  # twice the nuclear norm
    assert np.allclose(schatten_penalty(A, 3), 3 * (4 + 1))
    assert np.allclose(schatten_penalty(100 * A, 6), 6 * 100 ** (1 / 3) * (2 + 1))


@pytest.mark.parametrize("name", ["two", "bottleneck", "four"])
@pytest.mark.parametrize("seed", range(3))
def test_symmetries_keep_the_map_and_carry_the_gradient_along(name, seed):
    """A cost of A, by autograd: its gradient at symmetric copies is the symmetric copy."""
    layers, draws = random_layers(name, seed), rng([seed, 5])
    weights = torch.tensor(draws.standard_normal((layers[-1].shape[0], layers[0].shape[1])))

    def gradients(at):
        leaves = [torch.tensor(w, requires_grad=True) for w in at]
        A = torch.linalg.multi_dot(leaves[::-1])
        ((A - 1) ** 2 * weights).sum().backward()
        return [w.grad.numpy() for w in leaves]

    turns = [haar(draws, len(w)) for w in layers[:-1]]
    width = 8
    for copy in (lambda ws: rotate(ws, turns), lambda ws: include(ws, width)):
        moved = copy(layers)
        assert np.allclose(end_to_end(moved), end_to_end(layers), atol=1e-12)
        assert norm2(moved) == pytest.approx(norm2(layers), rel=1e-13)
        assert imbalance(moved) == pytest.approx(float(imbalance(layers)), rel=1e-12)
        for got, wanted in zip(gradients(moved), copy(gradients(layers)), strict=True):
            assert np.allclose(got, wanted, atol=1e-11 * np.abs(wanted).max())


def test_rotate_and_include_by_hand():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    first, last = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])
    turned = rotate([first, last], [turn])
    assert np.array_equal(turned[0], [[-3.0, -4.0], [1.0, 2.0]])
    assert np.array_equal(turned[1], [[-6.0, 5.0]])
    wide = include([first, first, last], 3)
    assert np.array_equal(wide[0], [[1, 2], [3, 4], [0, 0]])
    assert np.array_equal(wide[1], [[1, 2, 0], [3, 4, 0], [0, 0, 0]])
    assert np.array_equal(wide[2], [[5, 6, 0]])
    assert np.array_equal(include([first], 1)[0], first)


def test_symmetries_of_members():
    layers, draws = random_layers("four", members=(2, 3)), rng(6)
    turns = [np.stack([[haar(draws, 5)] * 3] * 2) for _ in range(3)]
    A = end_to_end(layers)
    assert np.allclose(end_to_end(include(layers, 6)), A, atol=1e-12)
    assert np.allclose(end_to_end(rotate(layers, turns)), A, atol=1e-11)
    one = [w[1, 2] for w in layers]
    assert imbalance(layers)[1, 2] == imbalance(one)
    assert imbalance(layers).shape == (2, 3)


@pytest.mark.parametrize("seed", range(3))
def test_imbalance_is_the_largest_gap(seed):
    W = random_layers("uneven", seed)
    gaps = [np.sqrt(((b.T @ b - a @ a.T) ** 2).sum()) for a, b in pairwise(W)]
    assert imbalance(W) == pytest.approx(max(gaps), rel=1e-13)
    assert imbalance(W[:1]) == 0


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_tangent_kernel_is_the_gram_matrix_of_the_gradients(name, seed):
    arch, layers = architecture(name), random_layers(name, seed)
    theta = torch.as_tensor(arch.flatten(layers))
    J = torch.autograd.functional.jacobian(lambda v: torch_map(arch, v).reshape(-1), theta)
    expected = (J @ J.T).numpy()
    kernel = tangent_kernel(layers)
    assert np.allclose(kernel, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def test_tangent_kernel_of_members_is_one_each():
    layers = random_layers("four", members=(2,))
    kernel = tangent_kernel(layers)
    assert kernel.shape == (2, 12, 12)
    for i in range(2):
        assert np.allclose(kernel[i], tangent_kernel([w[i] for w in layers]), rtol=1e-13)


@pytest.mark.parametrize("depth", [2, 3])
def test_wide_lazy_kernel_is_a_multiple_of_the_identity(depth):
    width, n, gamma = 1000, 4, 1 - 1 / depth
    arch = DeepLinear.plain(n, depth, width, outputs=n)
    kernel = tangent_kernel(arch.unflatten(init_power_law(rng(7), arch, gamma)))
    limit = depth * width ** ((1 - gamma) * (depth - 1))
    assert np.linalg.norm(kernel / limit - np.eye(n * n)) / n < 0.15


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: init_power_law(rng(), DeepLinear.plain(3, 1), 1.0), "depth = 1: must be >= 2"),
        (lambda: balanced_factors(np.eye(3), 0, 3), "depth = 0: must be an integer >= 1"),
        (lambda: balanced_factors(np.eye(3), 2, 2), "width = 2: must be .* the rank 3 of A"),
        (lambda: balanced_factors(np.zeros((2, 2)), 2, 0), "width = 0"),
        (lambda: schatten_penalty(np.eye(3), 0), "depth = 0: must be"),
        (lambda: include(random_layers("two"), 5), "width = 5: must be at least 6"),
        (lambda: rotate(random_layers("two"), []), "rotations = 0: must be 1 matrices"),
    ],
)
def test_refusals_name_the_number(call, words):
    with pytest.raises(ValueError, match=words) as refusal:
        call()
    assert "\n" not in str(refusal.value)
