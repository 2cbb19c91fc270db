"""Eigenvalues of gradient matrices G = (1/n) sum g_i g_i^T from the smaller of two matrices.

With the n gradients as the rows of Gamma (n, p), G = Gamma^T Gamma / n (p x p) and the Gram matrix
K = Gamma Gamma^T / n (n x n) have the same non-zero eigenvalues. Where K a = lambda a with |a| = 1,
u = Gamma^T a / sqrt(n lambda) is the unit eigenvector of G.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device
from jaxtyping import Float

from spectral_atlas.spectra.operators import check_floating, check_memory

RowSource = Callable[[int, int], Any]


@dataclass(frozen=True)
class GramSpectrum:
    """Spectrum of a gradient matrix, or of one a member; arrays of the gradients' kind and dtype.

    Attributes
    ----------
    values : (r,) or (B, r)
        Descending, never negative; r = min(n, p), and min(n - 1, p) if centred. A member with
        non-finite gradients has NaN.
    bound : () or (B,)
        Absolute: each value is within it of the eigenvalue of the same rank. It is
        eps (r lambda_max + (c + 4) trace G): the solver's backward error, and that of sums of
        q = max(n, p) products, with c = min(q, 4 sqrt(q)). q is their worst case; roundings that
        are independent and of mean zero exceed 4 sqrt(q) in one sum of 10^13, and BLAS, which sums
        in blocks, stays far below. Values below about eps lambda_max have no correct digit:
        squaring the gradients' singular values costs the small ones half their digits.
    n_zeros : int
        p - r further eigenvalues that are exactly zero.
    vectors : (m, p) or (B, m, p), or None
        Row i is the unit eigenvector of ``values[i]``, with |G u - lambda u| of the order of
        eps lambda_max sqrt(lambda_max / lambda); NaN where a value is within its bound of zero,
        which leaves no direction.
    """

    values: Float[Any, "*B r"]
    bound: Float[Any, "*B"]
    n_zeros: int
    vectors: Float[Any, "*B m p"] | None = None


def gradient_matrix_spectrum(
    gradients: Float[Any, "*B n p"] | RowSource,
    *,
    n_samples: int | None = None,
    centred: bool = False,
    n_vectors: int = 0,
    memory_mb: float = 256.0,
) -> GramSpectrum:
    """All non-trivial eigenvalues of G = (1/n) sum g_i g_i^T, and its leading eigenvectors.

    Parameters
    ----------
    gradients : (n, p), (B, n, p), or callable (start, stop) -> (stop - start, p)
        Gradients of single samples, numpy or torch; of B members; or a function that computes
        those of samples start to stop, the same ones each time it is asked.
    n_samples : int
        n, exactly where `gradients` is a function.
    centred : bool
        Covariance instead of second moment: the mean is taken off the gradients first, which
        centres K from both sides without cancellation.
    n_vectors : int
        Number m of leading eigenvectors wanted, at most r.
    memory_mb : float
        For a function: bound on the gradients held at once. Where all n fit they are computed
        once. Else chunks are paired for n <= p: with c chunks, each gradient is computed
        (c + 1) / 2 times on average; once for n > p; and once more each for the mean and for
        vectors. On top come a few matrices of min(n, p)^2 numbers, and m p for the vectors.

    Returns
    -------
    GramSpectrum

    Raises
    ------
    ValueError
        On a shape or a number that does not fit, or gradients that are integers.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import gradient_matrix_spectrum
    >>> twice = np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 0.0]])  # G = g g^T with |g| = 5
    >>> spectrum = gradient_matrix_spectrum(twice)
    >>> spectrum.values.round(12), spectrum.n_zeros
    (array([25.,  0.]), 1)
    """
    check_memory(memory_mb)
    rows = _rows(gradients, n_samples, memory_mb)
    n, p = rows.n, rows.p
    rank = min(n - 1 if centred else n, p)
    if not 0 <= n_vectors <= rank:
        raise ValueError(f"n_vectors: expected 0 to {rank}, got {n_vectors}")
    mean_square = rows.centre() if centred else 0.0
    matrix = rows.gram() if n <= p else rows.second_moment()
    values, bound, basis = _eigen(matrix, max(n, p), n_vectors)
    bound = bound + (n * rows.eps) ** 2 * mean_square  # the mean's own rounding, squared
    values = values[..., :rank]
    if not n_vectors:
        return GramSpectrum(values, bound, p - rank)
    xp = array_namespace(values)
    U = rows.combine(basis) if n <= p else basis
    norms = xp.linalg.vector_norm(U, axis=-1, keepdims=True)
    known = (values[..., :n_vectors] > bound[..., None])[..., None]
    return GramSpectrum(
        values, bound, p - rank, xp.where(known, U / xp.where(norms > 0, norms, 1.0), xp.nan)
    )


def gradient_matrix_eigenvalues(
    gradients: Float[Any, "*B n p"], *, centred: bool = False
) -> Float[Any, "*B r"]:
    """Eigenvalues of G, of each member, descending and without the p - r known zeros.

    The ``values`` of `gradient_matrix_spectrum`, which also states their error.
    """
    return gradient_matrix_spectrum(gradients, centred=centred).values


def add_mean_terms(
    G: Float[Any, "*B r c"],
    mean: tuple[Float[Any, "*B r"], Float[Any, "*B c"]],
    params: tuple[Float[Any, "*B r"], Float[Any, "*B c"]],
    ridge: float,
    centred: bool,
) -> Float[Any, "*B r c"]:
    """What a ridge, or centring, adds to blocks of gradient matrices.

    With data gradients g of means m, G = E[g_a g_b^T], and a penalty (beta/2) |x|^2, the block of
    the gradients g + beta x is G + beta (m_a x_b^T + x_a m_b^T) + beta^2 x_a x_b^T. Minus the outer
    product of the mean gradients m + beta x it is G - m_a m_b^T: the penalty drops out.
    """
    (m_a, m_b), (x_a, x_b) = mean, params
    if centred:
        return G - m_a[..., :, None] * m_b[..., None, :]
    if ridge == 0:
        return G
    cross = m_a[..., :, None] * x_b[..., None, :] + x_a[..., :, None] * m_b[..., None, :]
    return G + (ridge * cross + ridge**2 * (x_a[..., :, None] * x_b[..., None, :]))


def _eigen(matrix: Any, length: int, n_vectors: int) -> tuple[Any, Any, Any]:
    """Descending values, bound, and leading eigenvectors as rows; one triangle is read."""
    xp = array_namespace(matrix)
    good = xp.isfinite(xp.sum(xp.abs(xp.tril(matrix)), axis=(-2, -1)))
    matrix = xp.where(good[..., None, None], matrix, 0.0)
    basis = None
    if n_vectors:
        values, columns = xp.linalg.eigh(matrix)
        basis = xp.flip(xp.matrix_transpose(columns), axis=-2)[..., :n_vectors, :]
    else:
        values = xp.linalg.eigvalsh(matrix)
    values = xp.where(values > 0, values, 0.0)
    values = xp.where(good[..., None], xp.flip(values, axis=-1), xp.nan)
    eps = float(xp.finfo(values.dtype).eps)
    size, trace = values.shape[-1], xp.sum(values, axis=-1)
    sums = min(length, 4 * length**0.5) + 4
    return values, eps * (size * values[..., 0] + sums * trace), basis


class _Rows:
    """Gradients as the rows of Gamma, one range of samples at a time."""

    def __init__(self, read: RowSource, n: int, step: int, first: Any) -> None:
        self.read, self.n, self.p = read, n, first.shape[-1]
        self.cuts = [(at, min(at + step, n)) for at in range(0, n, step)]
        self.xp = array_namespace(first)
        self.eps = float(self.xp.finfo(first.dtype).eps)
        self.kind = {"dtype": first.dtype, "device": device(first)}
        if len(self.cuts) == 1:
            self.keep(read(0, n))

    def keep(self, whole: Any) -> None:
        """All rows are at hand."""
        self.read = lambda start, stop: whole

    def centre(self) -> Any:
        """Take the mean off all rows from here on; |mean|^2."""
        xp, raw = self.xp, self.read
        mean = sum(xp.sum(raw(*cut), axis=-2, keepdims=True) for cut in self.cuts) / self.n
        if len(self.cuts) == 1:
            self.keep(raw(0, self.n) - mean)
        else:
            self.read = lambda start, stop: raw(start, stop) - mean
        return xp.sum(mean * mean, axis=(-2, -1))

    def gram(self) -> Any:
        """Gamma Gamma^T / n, its lower triangle; two chunks are held at once."""
        xp = self.xp
        if len(self.cuts) == 1:
            A = self.read(0, self.n)
            return A @ xp.matrix_transpose(A) / self.n
        K = xp.zeros((self.n, self.n), **self.kind)
        for i, (a, b) in enumerate(self.cuts):
            A = self.read(a, b)
            K[a:b, a:b] = A @ A.T
            for c, d in self.cuts[:i]:
                K[a:b, c:d] = A @ self.read(c, d).T
        return K / self.n

    def second_moment(self) -> Any:
        """Gamma^T Gamma / n."""
        total = 0.0
        for cut in self.cuts:
            A = self.read(*cut)
            total = total + self.xp.matrix_transpose(A) @ A
        return total / self.n

    def combine(self, weights: Any) -> Any:
        """(m, n) weights times Gamma."""
        return sum(weights[..., a:b] @ self.read(a, b) for a, b in self.cuts)


def _rows(
    gradients: Float[Any, "*B n p"] | RowSource, n_samples: int | None, memory_mb: float
) -> _Rows:
    if callable(gradients):
        if n_samples is None or n_samples < 1:
            raise ValueError(f"n_samples: expected at least 1, got {n_samples}")
        first = gradients(0, 1)
        if first.ndim != 2 or first.shape[0] != 1:
            raise ValueError(f"gradients(0, 1): expected (1, p), got {tuple(first.shape)}")
        check_floating("gradients", first)
        room = int(memory_mb * 2**20 / (first.shape[1] * first.dtype.itemsize))
        step = n_samples if n_samples <= room else max(1, room // 2)
        return _Rows(gradients, n_samples, step, first)
    if n_samples is not None:
        raise ValueError("n_samples is for gradients given as a function")
    if gradients.ndim not in (2, 3) or 0 in gradients.shape:
        shape = tuple(gradients.shape)
        raise ValueError(f"gradients: expected (n, p) or (B, n, p), none 0, got {shape}")
    check_floating("gradients", gradients)
    n = gradients.shape[-2]
    return _Rows(lambda start, stop: gradients, n, n, gradients)
