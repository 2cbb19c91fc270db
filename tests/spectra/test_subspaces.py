"""Alignment, principal angles and overlap against rotations that are known."""

import jaxtyping
import numpy as np
import pytest
import torch

from spectral_atlas.spectra.subspaces import (
    alignment,
    orthonormal_basis,
    principal_angles,
    subspace_overlap,
)


def frame(seed, *shape):
    """Random orthonormal rows."""
    x = np.random.default_rng(seed).standard_normal(shape)
    return np.linalg.qr(x.swapaxes(-1, -2))[0].swapaxes(-1, -2)


def rotated(seed, angles, size):
    """Two subspaces of R^size with these principal angles, in random bases."""
    angles = np.asarray(angles)
    r = len(angles)
    Q = frame(seed, 2 * r, size)
    A = Q[:r]
    B = np.cos(angles)[:, None] * A + np.sin(angles)[:, None] * Q[r:]
    return frame(seed + 1, r, r) @ A, frame(seed + 2, r, r) @ B


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-4, 0.5, 1.5])
def test_small_and_large_angles_keep_all_digits(angle, kind):
    angles = np.sort([angle, 1e-9, 0.3, np.pi / 2 - 1e-9, np.pi / 2])
    A, B = rotated(1, angles, 40)
    found = principal_angles(kind(A), kind(B))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, angles, rtol=0, atol=3e-15)


def test_planes_in_two_dimensions():
    for angle in (1e-9, 0.7, np.pi / 2 - 1e-9):
        u, v = np.array([[1.0, 0.0]]), np.array([[np.cos(angle), np.sin(angle)]])
        assert principal_angles(u, v)[0] == pytest.approx(angle, abs=3e-16, rel=0)
        assert alignment(u[0], v) == pytest.approx(np.cos(angle), abs=2e-16)
        assert subspace_overlap(u, v) == pytest.approx(np.cos(angle) ** 2, abs=2e-16)


def test_subspaces_of_different_dimension():
    A, B = rotated(4, [0.1, 0.2, 0.3], 30)
    other = frame(9, 1, 30)
    full = np.concatenate([B, orthonormal_basis(other - other @ B.T @ B)])
    extra = principal_angles(A, full)
    np.testing.assert_allclose(extra, principal_angles(full, A), atol=1e-15)
    assert (extra <= [0.1 + 1e-15, 0.2 + 1e-15, 0.3 + 1e-15]).all()
    inside = principal_angles(B[:2], full)
    np.testing.assert_allclose(inside, 0, atol=2e-15)
    assert subspace_overlap(B[:2], full) == pytest.approx(1, abs=1e-14)
    cosines = np.cos(principal_angles(A, full))
    assert subspace_overlap(A, full) == pytest.approx((cosines**2).mean(), abs=1e-14)


def test_overlap_is_what_projectors_give():
    A, B = frame(1, 4, 20), frame(2, 7, 20)
    expected = np.linalg.norm((A.T @ A) @ (B.T @ B)) ** 2 / 4
    assert subspace_overlap(A, B) == pytest.approx(expected, rel=1e-13)
    assert subspace_overlap(B, A) == pytest.approx(expected, rel=1e-13)
    Q = frame(3, 6, 20)
    assert subspace_overlap(Q[:2], Q[2:]) < 1e-30
    np.testing.assert_allclose(principal_angles(Q[:2], Q[2:]), np.pi / 2, atol=1e-15)


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, -3.0])
def test_alignment_ignores_length(scale):
    V = frame(5, 3, 50)
    inside, outside = V.T @ [1.0, -2.0, 0.5], frame(6, 4, 50)[3]
    outside -= V.T @ (V @ outside)
    u = inside / np.linalg.norm(inside) * 0.6 + outside / np.linalg.norm(outside) * 0.8
    rho = alignment(scale * np.stack([u, inside, outside]), V)
    np.testing.assert_allclose(rho, [0.6, 1.0, 0.0], atol=1e-14)
    assert rho.max() <= 1.0


def test_alignment_of_zero_is_undefined():
    rho = alignment(np.stack([np.zeros(5), np.ones(5), np.full(5, np.inf)]), frame(1, 2, 5))
    assert np.isnan(rho).tolist() == [True, False, True]


def test_random_vectors_align_by_the_root_of_the_dimension():
    u = np.random.default_rng(7).standard_normal((4000, 100))
    rho = alignment(u, frame(8, 9, 100))
    assert (rho**2).mean() == pytest.approx(0.09, rel=0.05)
    overlaps = subspace_overlap(frame(9, 500, 3, 40), frame(10, 8, 40))
    assert overlaps.mean() == pytest.approx(8 / 40, rel=0.1)


def test_batches_broadcast_and_agree_with_single_ones():
    A, B = frame(1, 5, 1, 3, 20), frame(2, 4, 2, 20)
    u = np.random.default_rng(3).standard_normal((5, 1, 20))
    angles, overlap, rho = principal_angles(A, B), subspace_overlap(A, B), alignment(u, B)
    assert angles.shape == (5, 4, 2)
    assert overlap.shape == rho.shape == (5, 4)
    for i in range(5):
        for j in range(4):
            single = principal_angles(A[i, 0], B[j])
            np.testing.assert_allclose(angles[i, j], single, atol=1e-15)
            assert overlap[i, j] == pytest.approx(subspace_overlap(A[i, 0], B[j]), abs=1e-15)
            assert rho[i, j] == pytest.approx(alignment(u[i, 0], B[j]), abs=1e-15)


def test_torch_float32():
    A, B = rotated(1, [1e-3, 0.4, 1.2], 300)
    a, b = torch.from_numpy(A).float(), torch.from_numpy(B).float()
    found = principal_angles(a, b)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [1e-3, 0.4, 1.2], atol=1e-6)
    assert alignment(a[0], b) == pytest.approx(alignment(A[0], B), abs=1e-6)
    assert subspace_overlap(a, b) == pytest.approx(subspace_overlap(A, B), abs=1e-6)
    basis = orthonormal_basis(torch.stack([a[0], a[0] + b[0], 3 * b[0]]))
    assert isinstance(basis, torch.Tensor)
    assert basis.dtype == torch.float32
    assert basis.shape == (2, 300)


def test_nearly_orthonormal_rows_are_corrected_to_second_order():
    A, B = rotated(1, [0.2, 0.9], 30)
    noise = 3e-9 * np.random.default_rng(0).standard_normal((2, 2))
    off = (np.eye(2) + noise) @ A  # the same span
    np.testing.assert_allclose(principal_angles(off, B), [0.2, 0.9], atol=1e-15)
    assert alignment(B[0], off) == pytest.approx(alignment(B[0], A), abs=1e-15)


def test_rows_that_are_not_orthonormal_are_refused():
    A = frame(1, 3, 20)
    bad = A + 1e-6 * frame(2, 3, 20)
    for call in (
        lambda: alignment(A[0], bad),
        lambda: principal_angles(A, bad),
        lambda: subspace_overlap(bad, A),
        lambda: alignment(A[0], 2 * A),
        lambda: alignment(A[0], A * np.nan),
    ):
        with pytest.raises(ValueError, match="not orthonormal"):
            call()
    assert alignment(A[0], bad, tolerance=1e-4) == pytest.approx(1, abs=1e-5)
    with pytest.raises(Exception, match=r"sizes|Type-check"):
        alignment(A[0][:-1], A)


def test_bases_of_independent_dependent_and_scaled_rows():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((4, 30)) * np.array([1e-200, 1.0, 1e200, 1e-3])[:, None]
    basis = orthonormal_basis(x)
    np.testing.assert_allclose(basis @ basis.T, np.eye(4), atol=1e-14)
    np.testing.assert_allclose(alignment(x, basis), 1, atol=1e-14)
    mixed = np.stack([x[1], 2 * x[1], np.zeros(30), x[3], x[3] - x[1]])
    assert orthonormal_basis(mixed).shape == (2, 30)
    np.testing.assert_allclose(alignment(x[[1, 3]], orthonormal_basis(mixed)), 1, atol=1e-14)
    with pytest.raises(ValueError, match="span only 2"):
        orthonormal_basis(mixed, dependent="raise")
    close = np.stack([x[1], x[1] + 1e-9 * rng.standard_normal(30)])
    assert orthonormal_basis(close, dependent="raise").shape == (2, 30)
    assert orthonormal_basis(rng.standard_normal((7, 5))).shape == (5, 5)


def test_bases_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="zero"):
        orthonormal_basis(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="finite"):
        orthonormal_basis(np.full((2, 5), np.nan))
    batch = np.stack([np.eye(3)[:2], np.ones((2, 3))])
    with pytest.raises(ValueError, match="ranks differ"):
        orthonormal_basis(batch)
    assert orthonormal_basis(batch[:1]).shape == (1, 2, 3)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize(
    ("A", "message"),
    [
        (np.zeros((0, 5)), r"A: expected \(..., r, P\), none 0, got \(0, 5\)"),
        (np.ones(5), r"A: expected \(..., r, P\), none 0, got \(5,\)"),
        (np.eye(5, dtype=np.int64), "A: expected floating-point numbers, got int64"),
    ],
)
def test_what_is_no_basis_is_refused_in_one_line(A, message, kind, monkeypatch):
    # where shapes are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    A, B = kind(A), kind(np.eye(5)[:2])
    calls = {
        "A": [lambda: principal_angles(A, B), lambda: subspace_overlap(A, B)],
        "B": [lambda: principal_angles(B, A), lambda: subspace_overlap(B, A)],
        "basis": [lambda: alignment(B[0], A)],
        "vectors": [lambda: orthonormal_basis(A)],
    }
    for name, some in calls.items():
        for call in some:
            with pytest.raises(ValueError, match=message.replace("A:", f"{name}:")) as error:
                call()
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("kinds", [(np.asarray,) * 2, (torch.from_numpy,) * 2])
def test_bases_of_two_dtypes_are_promoted(kinds):
    A, B = rotated(3, [0.2, 0.9], 30)
    single, double = kinds[0](A.astype(np.float32)), kinds[1](B)
    for pair in ((single, double), (double, single)):
        np.testing.assert_allclose(principal_angles(*pair), [0.2, 0.9], atol=1e-6)
        assert subspace_overlap(*pair) == pytest.approx(np.mean(np.cos([0.2, 0.9]) ** 2), abs=1e-6)
    np.testing.assert_allclose(alignment(double, single), alignment(B, A), atol=1e-6)
    mixed = principal_angles(A.astype(np.float32), torch.from_numpy(B))
    np.testing.assert_allclose(mixed, [0.2, 0.9], atol=1e-6)
