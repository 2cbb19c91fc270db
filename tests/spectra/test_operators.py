"""What operators refuse in one line: members that are not there, integers, asymmetric matrices."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra import MatrixOperator, SoftmaxHessian, WeightedGram
from spectral_atlas.spectra.operators import check_members, check_memory

RNG = np.random.default_rng(8)
P, B = 6, 3
X = RNG.standard_normal((20, 4))
HALF = RNG.standard_normal((B, P, P))
H = HALF + HALF.swapaxes(1, 2)
OPERATORS = {
    "matrix": lambda kind: MatrixOperator(kind(H)),
    "gram": lambda kind: WeightedGram(kind(X), kind(RNG.random((B, 20)))),
    "softmax": lambda kind: SoftmaxHessian(kind(X), kind(RNG.standard_normal((B, 2, 4)))),
}
BAD = {
    "negative": ([-1], "got -1"),
    "too large": ([0, B], "from 0 to 2, got 3"),
    "float": ([0.0, 1.5], "got float64: 0.0"),
    "mask": ([True, False, True], "got bool: True"),
    "scalar": (1, r"got shape \(\)"),
    "table": ([[0, 1]], r"got shape \(1, 2\)"),
}


@pytest.fixture(autouse=True)
def _our_checks_speak(monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def refused(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("given", [np.array([2, 0, 0]), [2, 0, 0], torch.tensor([2, 0, 0])])
def test_members_of_every_kind(given):
    found = check_members(given, B)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.intp
    assert found.tolist() == [2, 0, 0]
    assert check_members(None, B) is None
    assert check_members(np.array([2], dtype=np.uint8), B).tolist() == [2]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("as_members", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", OPERATORS)
def test_members_that_are_not_there_are_refused(name, bad, as_members, kind):
    operator = OPERATORS[name](kind)
    members, message = BAD[bad]
    members = as_members(members)
    if bad == "float":
        message = message.replace("float64", "float(32|64)")
    rows = 1 if members.ndim != 1 else len(members)
    V = kind(np.ones((rows, operator.n_params)))
    refused(lambda: operator(V, members), message)
    refused(lambda: operator.block_product(V[:, None], members), message)
    refused(lambda: operator.dense(members), message)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("name", OPERATORS)
def test_no_members_give_no_results(name, kind):
    operator, none = OPERATORS[name](kind), np.zeros(0, dtype=int)
    size = operator.n_params
    assert tuple(operator(kind(np.ones((0, size))), none).shape) == (0, size)
    assert tuple(operator.block_product(kind(np.ones((0, 2, size))), none).shape) == (0, 2, size)
    assert tuple(operator.dense(none).shape) == (0, size, size)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_integer_matrices_are_refused(kind):
    refused(
        lambda: MatrixOperator(kind(np.eye(3, dtype=np.int64)[None])),
        "matrices: expected floating-point numbers, got int64",
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("numbers", [2**22, 20, 1])  # members at once, and rows of one member
def test_asymmetric_matrices_are_refused(numbers, kind, dtype, monkeypatch):
    monkeypatch.setattr("spectral_atlas.spectra.operators.SYMMETRY_NUMBERS", numbers)
    rounded = (H * (1 + 1e-16 * RNG.standard_normal(H.shape))).astype(dtype)
    MatrixOperator(kind(rounded))
    for at in ((2, 0, 5), (2, 5, 4)):
        bad = rounded.copy()
        bad[at] += 1.0
        refused(lambda bad=bad: MatrixOperator(kind(bad)), r"not symmetric for member 2: max .* is")
        for value in (np.nan, np.inf):  # a matter for the solvers, which name or flag it
            bad[2, 1, 3] = value
            MatrixOperator(kind(bad))
    off = rounded.copy()
    off[0, 0, 1] *= 1 + 1e5 * np.finfo(dtype).eps
    off[1] = HALF[1]
    refused(lambda: MatrixOperator(kind(off)), "not symmetric for members 0, 1")
    MatrixOperator(kind(np.zeros((1, 2, 2), dtype=dtype)))


@pytest.mark.parametrize("memory", [0, -1.0, np.inf, np.nan, None, True, "64"])
def test_memory_is_a_positive_finite_number(memory):
    for call in (
        lambda: check_memory(memory),
        lambda: WeightedGram(X, np.ones((1, 20)), memory_mb=memory),
        lambda: SoftmaxHessian(X, np.zeros((2, 4)), memory_mb=memory),
    ):
        refused(call, "memory_mb: expected a positive, finite number, got")
    check_memory(np.float32(1e-6))
