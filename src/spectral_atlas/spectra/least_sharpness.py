"""The least sharpness of the minimizers of L = |(A - W*) S^{1/2}|_F^2, A = W_H ... W_1.

With R = S^{1/2}, N = R W*^T W* R, and all hidden layers at least as wide as the rank of W*,

    min lambda_max = min_{t > 0} 2 lambda_max(t S + (H - 1) t^{-1/(H-1)} N)
                   = max_{|b| = 1} 2 H |R b|^{2/H} |W* R b|^{2 - 2/H};

for white data, S = I, that is 2 H s_1(W*)^{2 - 2/H}.

No minimizer is flatter. Let a, b be unit vectors, u_h = W_{>h}^T a and v_h = W_h ... W_1 R b, so
that u_H = a and v_0 = R b. Every h has u_h . v_h = a^T W* R b =: c, so |u_h| |v_h| >= |c|. By the
Rayleigh quotient of a kron b in the matrix of `minimizer_spectrum`, and AM-GM,

    lambda_max >= 2 sum_h |u_h|^2 |v_{h-1}|^2 >= 2 H (|v_0|^2 prod_{0<h<H} |u_h|^2 |v_h|^2)^{1/H}
               >= 2 H (|R b|^2 c^{2 (H-1)})^{1/H},

and a along W* R b makes |c| = |W* R b|.

One is as flat. Let U be orthonormal columns that span the range of W*, t > 0, and

    W_1 = t^{-1/2} U^T W*,   W_2 = ... = W_{H-1} = q I,   W_H = q U,   q = t^{1/(2 (H-1))},

padded by zeros. Then W_{>1} W_{>1}^T = t U U^T, and for h > 1 the term of layer h is
q^{2 (H-h)} q^{-2 (H-h+1)} U U^T kron N = t^{-1/(H-1)} U U^T kron N: the sharpness is
2 lambda_max(t S + (H - 1) t^{-1/(H-1)} N).

The two are equal. By weighted AM-GM H x^{1/H} y^{1-1/H} = min_t t x + (H - 1) t^{-1/(H-1)} y, so
that the bound is max_b min_t 2 b^T F(t) b with F(t) = t S + (H - 1) t^{-1/(H-1)} N. This is linear
in (b^T S b, b^T N b) and convex in log t. The values of that pair form a convex set if there are
three inputs or more; if there are two they form an ellipse, and what increases in both is as large
on the ellipse as inside. So max and min may be exchanged. At the best t, b is the top eigenvector
of F(t), or a mix of several where the largest eigenvalue is degenerate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from spectral_atlas.spectra.linear_map_minima import NEGLIGIBLE, second_moment_root

Array = np.ndarray
HALVINGS = 60  # of the bracket of log t
CLUSTERS = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6)  # how close eigenvalues of F count as one


@dataclass(frozen=True)
class LeastSharpness:
    """Least lambda_max of the Hessian over all minimizers, with a certificate of either side."""

    value: float  # 2 H |R b|^{2/H} |W* R b|^{2 - 2/H} at `direction`: no minimizer is below it
    attained: float  # sharpness of the minimizer of `flattest_in_closed_form`; equal to rounding
    direction: Float[Array, " i"]  # b, |b| = 1
    scale: float  # t


def least_sharpness(
    target: Float[Array, "o i"], S: Float[Array, "i i"], depth: int
) -> LeastSharpness:
    """min lambda_max over the minimizers of all nets of this depth that can represent W*.

    Parameters
    ----------
    target : (o, i)
        W*.
    S : (i, i)
        X X^T; may be singular.
    depth : int >= 1
        H. With one layer the sharpness is 2 lambda_max(S) everywhere.

    Raises
    ------
    ValueError
        If the depth is below 1, S is no second moment, shapes do not fit, or W* S = 0: then there
        is no least value that matters, theta = 0 has the Hessian 0.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import least_sharpness
    >>> found = least_sharpness(np.array([[1.2, 0.3], [-0.4, 0.8]]), np.diag([2.0, 0.5]), 3)
    >>> round(found.value, 5), abs(found.attained / found.value - 1) < 1e-13
    (16.41712, True)
    """
    target, R = _checked(target, S, depth)
    S, image = R @ R, target @ R
    if depth == 1:
        vectors = np.linalg.eigh(S)[1]
        return _certified(R, image, depth, 1.0, [vectors[:, -1]])
    # High: every b has a slope >= 0 there, as |W* R b| <= s_1 |R b|. Low: the part of N alone
    # is what all of F is at the other end.
    high = (2 - 2 / depth) * np.log(np.linalg.norm(target, 2))
    most = _top(S, image, depth, high)[0][-1]
    low = (depth - 1) * np.log((depth - 1) * np.linalg.norm(image, 2) ** 2 / most)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        b = _top(S, image, depth, middle)[1][:, -1]
        if _slope(S, image, depth, middle, b[:, None]).item() < 0:
            low = middle
        else:
            high = middle
    values, vectors = _top(S, image, depth, high)
    candidates = [vectors[:, -1], _top(S, image, depth, low)[1][:, -1]]
    for width in CLUSTERS:  # mixes of top eigenvectors along which F is stationary
        E = vectors[:, values > values[-1] * (1 - width)]
        slopes, turn = np.linalg.eigh(_slope(S, image, depth, high, E))
        if slopes[0] < 0 < slopes[-1]:
            mix = np.sqrt(slopes[-1]) * turn[:, 0] + np.sqrt(-slopes[0]) * turn[:, -1]
            candidates.append(E @ mix / np.linalg.norm(mix))
    return _certified(R, image, depth, float(np.exp(high)), candidates)


def critical_step(target: Float[Array, "o i"], S: Float[Array, "i i"], depth: int) -> float:
    """2 / min lambda_max: the learning rate above which gradient descent has no stable minimizer.

    Raises as `least_sharpness` does. For S = I it is 1 / (H s_1(W*)^{2 - 2/H}).
    """
    return 2 / least_sharpness(target, S, depth).value


def _checked(
    target: Float[Array, "o i"], S: Float[Array, "i i"], depth: int
) -> tuple[Float[Array, "o i"], Float[Array, "i i"]]:
    """(W* as float64, S^{1/2}), or ValueError."""
    if depth < 1:
        raise ValueError(f"depth = {depth}: must be an integer >= 1")
    R, target = second_moment_root(S), np.asarray(target, dtype=np.float64)
    if target.ndim != 2 or target.shape[1] != len(R) or not np.isfinite(target).all():
        raise ValueError(f"target: expected (o, {len(R)}), finite, got {target.shape}")
    sizes = np.linalg.norm(target, 2) * np.linalg.norm(R, 2)
    if not np.linalg.norm(target @ R, 2) > NEGLIGIBLE * sizes:
        raise ValueError("W* S = 0: must not be, theta = 0 is a minimizer with the Hessian 0 then")
    return target, R


def _top(S: Array, image: Array, depth: int, log_t: float) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors of F(t)."""
    rest = (depth - 1) * np.exp(-log_t / (depth - 1))
    return np.linalg.eigh(np.exp(log_t) * S + rest * (image.T @ image))


def _slope(S: Array, image: Array, depth: int, log_t: float, E: Array) -> Array:
    """E^T (dF / dlog t) E."""
    seen = image @ E
    return np.exp(log_t) * (E.T @ S @ E) - np.exp(-log_t / (depth - 1)) * (seen.T @ seen)


def _certified(
    R: Array, image: Array, depth: int, t: float, candidates: list[Array]
) -> LeastSharpness:
    """With the direction of the largest lower bound."""
    bounds = [
        2
        * depth
        * np.linalg.norm(R @ b) ** (2 / depth)
        * np.linalg.norm(image @ b) ** (2 - 2 / depth)
        for b in candidates
    ]
    best = int(np.argmax(bounds))
    if depth == 1:
        attained = 2 * np.linalg.norm(R, 2) ** 2
    else:
        attained = 2 * _top(R @ R, image, depth, np.log(t))[0][-1]
    return LeastSharpness(float(bounds[best]), float(attained), candidates[best], t)
