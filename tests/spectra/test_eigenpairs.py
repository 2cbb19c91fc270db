"""top_eigenpairs against LAPACK, on spectra that eigenvalue solvers get wrong."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra.eigenpairs import top_eigenpairs
from spectral_atlas.spectra.extremes import extreme_eigenvalues
from spectral_atlas.spectra.operators import MatrixOperator
from spectral_atlas.spectra.starts import warm_start
from spectral_atlas.spectra.unconverged import UnconvergedError

SIZE = 150
BULK = np.linspace(0, 1, SIZE - 6)
SPECTRA = {
    "outliers": np.r_[9, 7, 5, 4, 3, 2, BULK],
    "negative end larger": np.r_[5, 4, 3, -9, -8, -7, BULK],
    "threefold top": np.r_[5, 5, 5, 4, 4, -9, BULK],
    "cluster": np.r_[5, 5 - 1e-7, 5 - 2e-7, 4, -4, -4, BULK],
    "all negative": np.r_[-1, -1, -2, -3, -3, -4, -5 - BULK],
    "zero": np.zeros(SIZE),
    "identity": np.full(SIZE, 3.0),
    "rank one": np.r_[2, np.zeros(SIZE - 1)],
    "two values": np.r_[np.ones(5), np.zeros(SIZE - 5)],
    "no gaps": np.linspace(-1, 1, SIZE),
    "tiny": 1e-200 * np.r_[9, 7, 5, 4, 3, 2, BULK],
    "huge": 1e200 * np.r_[9, 7, 5, 4, 3, 2, BULK],
}


def with_spectrum(values, rng):
    Q, _ = np.linalg.qr(rng.standard_normal((len(values), len(values))))
    H = (Q * values) @ Q.T
    return (H + H.T) / 2


@pytest.fixture(scope="module")
def ensemble():
    rng = np.random.default_rng(20)
    return np.stack([with_spectrum(values, rng) for values in SPECTRA.values()])


def expected(matrices, which, k):
    values = np.linalg.eigvalsh(matrices)
    if which == "LM":
        return np.take_along_axis(values, np.argsort(-np.abs(values), axis=1), axis=1)[:, :k]
    if which == "BE":
        return values[:, [-1, 0]]
    return values[:, :k] if which == "SA" else values[:, ::-1][:, :k]


def scales(matrices):
    scale = np.abs(np.linalg.eigvalsh(matrices)).max(axis=1)
    return np.where(scale > 0, scale, 1.0)


@pytest.mark.parametrize("which", ["LA", "SA", "LM"])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_values_and_their_copies_are_those_of_lapack(ensemble, which, k):
    found = top_eigenpairs(
        MatrixOperator(ensemble), k, np.random.default_rng(k), which=which, dense_limit=0
    )
    scale = scales(ensemble)[:, None]
    wanted = np.abs(expected(ensemble, which, k)) if which == "LM" else expected(ensemble, which, k)
    got = np.abs(found.values) if which == "LM" else found.values
    np.testing.assert_allclose(got / scale, wanted / scale, atol=1e-12)
    assert found.converged.all()
    assert (found.products > 0).all()


@pytest.mark.parametrize("seed", [0, 4, 31])
def test_bounds_hold_and_vectors_are_orthonormal_eigenvectors(ensemble, seed):
    found = top_eigenpairs(
        MatrixOperator(ensemble), 5, np.random.default_rng(seed), tolerance=1e-4, dense_limit=0
    )
    scale = scales(ensemble)[:, None]
    exact = np.linalg.eigvalsh(ensemble / scale[..., None])
    nearest = np.abs(exact[:, None, :] - (found.values / scale)[..., None]).min(axis=2)
    assert (nearest <= found.bounds / scale + 1e-15).all()
    assert (found.bounds <= 1.1e-4 * scale).all()
    gram = found.vectors @ found.vectors.mT
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(5), gram.shape), atol=1e-10)
    residual = found.vectors @ (ensemble / scale[..., None])
    residual -= (found.values / scale)[..., None] * found.vectors
    assert (np.linalg.norm(residual, axis=2) <= found.bounds / scale + 1e-14).all()


def test_both_ends_in_one_run(ensemble):
    found = top_eigenpairs(
        MatrixOperator(ensemble), 2, np.random.default_rng(1), which="BE", dense_limit=0
    )
    scale = scales(ensemble)[:, None]
    np.testing.assert_allclose(
        found.values / scale, expected(ensemble, "BE", 2) / scale, atol=1e-12
    )


def test_without_verification_a_single_vector_may_miss_copies():
    rng = np.random.default_rng(3)
    operator = MatrixOperator(with_spectrum(SPECTRA["two values"], rng)[None])
    safe = top_eigenpairs(operator, 3, rng, dense_limit=0)
    np.testing.assert_allclose(safe.values, [[1, 1, 1]], atol=1e-12)
    bold = top_eigenpairs(operator, 3, rng, dense_limit=0, verify=False)
    assert bold.values[0, 2] < 0.5  # what verification is there to catch
    assert bold.products[0] < safe.products[0]


@pytest.mark.parametrize("block", [1, 2, 6])
def test_any_block_gives_the_same(ensemble, block):
    operator = MatrixOperator(ensemble)
    one = top_eigenpairs(operator, 4, np.random.default_rng(0), dense_limit=0)
    other = top_eigenpairs(operator, 4, np.random.default_rng(9), dense_limit=0, block=block)
    scale = scales(ensemble)[:, None]
    np.testing.assert_allclose(other.values / scale, one.values / scale, atol=1e-11)


def test_a_small_basis_restarts_and_still_arrives():
    operator = MatrixOperator(with_spectrum(SPECTRA["no gaps"], np.random.default_rng(2))[None])
    found = top_eigenpairs(operator, 2, np.random.default_rng(0), dense_limit=0, basis=12)
    np.testing.assert_allclose(found.values, expected(operator.matrices, "LA", 2), atol=1e-12)
    assert found.products[0] > 24


def test_float32_keeps_its_dtype_and_states_its_rounding(ensemble):
    matrices = ensemble[:10]
    found = top_eigenpairs(
        MatrixOperator(torch.from_numpy(matrices).float()),
        3,
        np.random.default_rng(0),
        dense_limit=0,
        on_unconverged="flag",
    )
    assert found.vectors.dtype == torch.float32
    scale = scales(matrices)[:, None]
    errors = np.abs(found.values - expected(matrices, "LA", 3)) / scale
    assert (errors < 1e-6).all()
    assert (errors <= found.bounds / scale).all()


def test_torch_and_numpy_agree_to_rounding(ensemble):
    here = top_eigenpairs(MatrixOperator(ensemble), 3, np.random.default_rng(0), dense_limit=0)
    there = top_eigenpairs(
        MatrixOperator(torch.from_numpy(ensemble)), 3, np.random.default_rng(0), dense_limit=0
    )
    assert isinstance(there.vectors, torch.Tensor)
    scale = scales(ensemble)[:, None]
    np.testing.assert_allclose(here.values / scale, there.values / scale, atol=1e-13)


@pytest.mark.parametrize("which", ["LA", "SA"])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_the_dense_path(ensemble, kind, which):
    operator = MatrixOperator(kind(ensemble))
    rng = np.random.default_rng(0)
    dense = top_eigenpairs(operator, 4, rng, which=which, dense_limit=SIZE)
    assert (dense.products == 0).all()
    scale = scales(ensemble)[:, None]
    np.testing.assert_allclose(
        dense.values / scale, expected(ensemble, which, 4) / scale, atol=1e-13
    )
    U = np.asarray(dense.vectors)
    image = U @ (ensemble / scale[..., None])
    np.testing.assert_allclose(image, (dense.values / scale)[..., None] * U, atol=1e-12)


@pytest.mark.parametrize("dense_limit", [0, SIZE])
@pytest.mark.parametrize("which", ["both", "LA", "SA"])
def test_extremes_of_tensors_are_those_of_arrays(ensemble, which, dense_limit):
    settings = {"which": which, "dense_limit": dense_limit}
    rng = np.random.default_rng
    here = extreme_eigenvalues(MatrixOperator(ensemble), rng(0), **settings)
    there = extreme_eigenvalues(MatrixOperator(torch.from_numpy(ensemble)), rng(0), **settings)
    scale = scales(ensemble)
    for name in ("largest", "smallest"):
        np.testing.assert_allclose(
            getattr(there, name) / scale, getattr(here, name) / scale, atol=1e-12
        )
    assert there.converged.all()
    assert (there.steps <= 2 * here.steps + 8).all()  # one search for each, and no second look
    given = rng(1).standard_normal((len(ensemble), SIZE))  # numpy vectors will do for tensors
    again = extreme_eigenvalues(MatrixOperator(torch.from_numpy(ensemble)), given, **settings)
    np.testing.assert_allclose(again.largest / scale, there.largest / scale, atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_extremes_refuse_an_end_that_they_do_not_know(ensemble, kind, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match="which: expected one of both, LA, SA, got 'LM'"):
        extreme_eigenvalues(MatrixOperator(kind(ensemble)), np.random.default_rng(0), which="LM")


def test_unconverged_extremes_of_tensors_carry_extremes():
    matrix = with_spectrum(SPECTRA["no gaps"], np.random.default_rng(0))[None]
    with pytest.raises(UnconvergedError, match="members 0") as caught:
        extreme_eigenvalues(
            MatrixOperator(torch.from_numpy(matrix)),
            np.random.default_rng(0),
            dense_limit=0,
            max_steps=20,
            memory_mb=0.1,
        )
    assert not caught.value.result.converged.any()
    assert np.isfinite(caught.value.result.largest).all()


def test_a_member_in_a_batch_is_the_member_alone(ensemble):
    start = np.random.default_rng(5).standard_normal((len(ensemble), 1, SIZE))
    batch = top_eigenpairs(MatrixOperator(ensemble), 3, start, dense_limit=0)
    for m in range(len(ensemble)):
        alone = top_eigenpairs(
            MatrixOperator(ensemble[m : m + 1]), 3, start[m : m + 1], dense_limit=0
        )
        scale = scales(ensemble[m : m + 1])[0]
        np.testing.assert_allclose(batch.values[m] / scale, alone.values[0] / scale, atol=1e-12)


def test_chunks_of_bounded_memory_change_nothing(ensemble):
    operator = MatrixOperator(ensemble)
    at_once = top_eigenpairs(operator, 2, np.random.default_rng(0), dense_limit=0)
    one_by_one = top_eigenpairs(
        operator, 2, np.random.default_rng(0), dense_limit=0, memory_mb=0.01
    )
    scale = scales(ensemble)[:, None]
    np.testing.assert_allclose(one_by_one.values / scale, at_once.values / scale, atol=1e-13)


def test_a_warm_start_saves_products_and_finds_a_top_that_has_moved():
    rng = np.random.default_rng(7)
    Q, _ = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))
    values = SPECTRA["outliers"].copy()
    old = MatrixOperator(((Q * values) @ Q.T)[None])
    before = top_eigenpairs(old, 1, rng, dense_limit=0)
    again = top_eigenpairs(old, 1, warm_start(rng, before.vectors), dense_limit=0)
    assert again.products[0] < before.products[0]
    values[:2] = [7, 12]  # the top eigenvector is another one now
    swapped = MatrixOperator(((Q * values) @ Q.T)[None])
    found = top_eigenpairs(swapped, 1, warm_start(rng, before.vectors), dense_limit=0)
    np.testing.assert_allclose(found.values, [[values.max()]], rtol=1e-12)


def test_the_same_seed_gives_the_same_bits(ensemble):
    operator = MatrixOperator(ensemble)
    one, two = (
        top_eigenpairs(operator, 3, np.random.default_rng(4), dense_limit=0) for _ in range(2)
    )
    assert one.values.tobytes() == two.values.tobytes()
    assert one.vectors.tobytes() == two.vectors.tobytes()


@pytest.mark.parametrize("dense_limit", [0, SIZE])
def test_nan_members_are_named_or_flagged_and_harm_nobody(ensemble, dense_limit):
    matrices = ensemble.copy()
    matrices[3, 1, 2] = matrices[3, 2, 1] = np.nan
    operator = MatrixOperator(matrices)
    with pytest.raises(ValueError, match=r"not finite for member 3$"):
        top_eigenpairs(operator, 2, np.random.default_rng(0), dense_limit=dense_limit)
    found = top_eigenpairs(
        operator, 2, np.random.default_rng(0), dense_limit=dense_limit, on_nonfinite="flag"
    )
    assert np.isnan(found.values[3]).all()
    assert not found.converged[3].any()
    assert np.isnan(found.vectors[3]).all()
    others = np.arange(len(matrices)) != 3
    assert found.converged[others].all()


def test_what_did_not_converge_is_solved_from_its_matrix_where_that_fits():
    operator = MatrixOperator(with_spectrum(SPECTRA["no gaps"], np.random.default_rng(0))[None])
    found = top_eigenpairs(operator, 2, np.random.default_rng(0), dense_limit=0, max_products=20)
    assert found.converged.all()
    np.testing.assert_allclose(found.values, expected(operator.matrices, "LA", 2), atol=1e-13)


def test_what_did_not_converge_raises_with_all_that_was_found():
    operator = MatrixOperator(with_spectrum(SPECTRA["no gaps"], np.random.default_rng(0))[None])
    with pytest.raises(UnconvergedError, match=r"members 0 \(\+- .*\)") as caught:
        top_eigenpairs(
            operator,
            2,
            np.random.default_rng(0),
            dense_limit=0,
            max_products=20,
            memory_mb=0.1,
        )
    flagged = top_eigenpairs(
        operator,
        2,
        np.random.default_rng(0),
        dense_limit=0,
        max_products=20,
        memory_mb=0.1,
        on_unconverged="flag",
    )
    assert not flagged.converged.all()
    np.testing.assert_array_equal(caught.value.result.values, flagged.values)
    error = np.abs(flagged.values - expected(operator.matrices, "LA", 2))
    assert (flagged.bounds > 1e-4).any()
    assert (error <= 1).all()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_tiny_matrices(size):
    rng = np.random.default_rng(size)
    matrices = np.stack([with_spectrum(rng.standard_normal(size), rng) for _ in range(3)])
    for k in range(1, size + 1):
        found = top_eigenpairs(MatrixOperator(matrices), k, rng, dense_limit=0)
        np.testing.assert_allclose(found.values, expected(matrices, "LA", k), atol=1e-14)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k: expected 1 to"),
        ({"k": SIZE + 1}, f"k: expected 1 to the number of parameters, {SIZE}, got {SIZE + 1}"),
        ({"which": "BE", "k": 3}, "'BE' takes k = 2"),
        ({"which": "largest"}, "which: expected one of LA, SA, LM, BE, got 'largest'"),
        ({"tolerance": 1e-17}, "tolerance: expected a number in"),
        ({"tolerance": 1.0}, "tolerance: expected a number in"),
        ({"block": 0}, "block: expected 1 to"),
        ({"basis": 3}, "basis: expected at least"),
        ({"max_products": 1}, "max_products: expected at least"),
        ({"on_nonfinite": "ignore"}, "on_nonfinite: expected 'raise' or 'flag', got 'ignore'"),
        ({"start": np.ones((2, 1, SIZE))}, "start: expected a numpy Generator or an array"),
        ({"start": np.zeros((12, 1, SIZE))}, "start is zero or not finite for members 0, 1"),
        ({"start": np.ones((12, 1, SIZE)), "block": 2}, "block: start has 1 rows a member"),
        ({"start": 0}, "start: expected a numpy Generator .*, got int"),
    ],
)
def test_bad_settings_are_refused_in_one_line(ensemble, settings, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # it would speak first
    settings = {"k": 2, "start": np.random.default_rng(0), "dense_limit": 0} | settings
    k, start = settings.pop("k"), settings.pop("start")
    with pytest.raises(ValueError, match=message) as caught:
        top_eigenpairs(MatrixOperator(ensemble), k, start, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [100, 300])
def test_a_multiple_of_the_identity_whatever_the_seed(size):
    bump = np.zeros((size, size))
    bump[0, 0] = 1.0
    operator = MatrixOperator(np.stack([2.5 * np.eye(size), 0.1 * np.eye(size) + bump]))
    for seed in range(12):
        found = top_eigenpairs(operator, 8, np.random.default_rng(seed), dense_limit=0)
        np.testing.assert_allclose(found.values[0], 2.5, rtol=1e-13)
        np.testing.assert_allclose(found.values[1], [1.1] + 7 * [0.1], rtol=1e-12)
        gram = found.vectors @ found.vectors.mT
        np.testing.assert_allclose(gram, np.broadcast_to(np.eye(8), gram.shape), atol=1e-10)


@pytest.mark.parametrize("dense_limit", [0, 200])
@pytest.mark.parametrize("kind", ["numpy", "torch", "float32"])
def test_bounds_know_the_norm_of_the_matrix_when_the_wanted_values_are_small(kind, dense_limit):
    values = np.r_[1e6, np.zeros(50), np.linspace(0, 1e-3, 40), 1.0]
    matrices = np.stack([with_spectrum(values, np.random.default_rng(s)) for s in range(4)])
    stored = {
        "numpy": matrices,
        "torch": torch.from_numpy(matrices),
        "float32": torch.from_numpy(matrices).float(),
    }[kind]
    for end in ("SA", "LA"):
        found = top_eigenpairs(
            MatrixOperator(stored), 3, np.random.default_rng(0), which=end, dense_limit=dense_limit
        )
        nearest = np.abs(values - found.values[..., None]).min(axis=2)
        assert (nearest <= found.bounds).all()
    low = extreme_eigenvalues(
        MatrixOperator(stored), np.random.default_rng(0), which="SA", dense_limit=dense_limit
    )
    assert (np.abs(low.smallest) <= low.bound_smallest).all()


@pytest.mark.parametrize("dense_limit", [0, SIZE])
def test_float32_arrays_get_float32_bounds(ensemble, dense_limit):
    matrices = ensemble[:10].astype(np.float32)
    operator = MatrixOperator(matrices)
    found = extreme_eigenvalues(operator, np.random.default_rng(0), dense_limit=dense_limit)
    error = np.abs(found.largest - np.linalg.eigvalsh(ensemble[:10])[:, -1])
    assert (error <= found.bound_largest).all()
    scale = np.abs(np.linalg.eigvalsh(ensemble[:10])).max(axis=1)
    assert (found.bound_largest >= 6e-6 * scale).all()


def test_bounds_hold_after_many_restarts():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        matrix = with_spectrum(np.linspace(-1, 1, 200), rng)
        found = top_eigenpairs(
            MatrixOperator(matrix[None]), 2, rng, basis=8, dense_limit=0, max_products=5000
        )
        U = found.vectors[0]
        residual = np.linalg.norm(U @ matrix - found.values[0][:, None] * U, axis=1)
        assert (residual <= found.bounds[0]).all()
        assert found.products[0] > 200


class Skewed(MatrixOperator):
    """Products that are not of a symmetric matrix, as a wrong derivative gives them."""

    def block_product(self, V, members=None):
        out = super().block_product(V, members)
        out[-1, :, 0] += 1e-3 * V[-1, :, 1]
        return out

    def __call__(self, V, members=None):
        return self.block_product(V[:, None], members)[:, 0]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_products_that_are_not_symmetric_are_refused(ensemble, kind):
    operator = Skewed(kind(ensemble[:2].copy()))
    with pytest.raises(ValueError, match="not of a symmetric matrix for member"):
        top_eigenpairs(operator, 2, np.random.default_rng(0), dense_limit=0)
    with pytest.raises(ValueError, match="not of a symmetric matrix for member"):
        extreme_eigenvalues(operator, np.random.default_rng(0), dense_limit=0)


def test_a_basis_too_small_for_copies_says_that_they_may_be_missing():
    operator = MatrixOperator(
        with_spectrum(SPECTRA["threefold top"], np.random.default_rng(1))[None]
    )
    with pytest.raises(UnconvergedError):
        top_eigenpairs(operator, 3, np.random.default_rng(0), basis=5, dense_limit=0, memory_mb=0.1)
