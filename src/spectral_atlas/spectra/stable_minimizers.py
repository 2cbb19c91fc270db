"""How far the minimizers of L = |(A - W*) S^{1/2}|_F^2 with lambda_max <= 2 / eta reach."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra.linear_map_minima import NEGLIGIBLE, check_target, second_moment_root

Array = np.ndarray


def stable_set_is_bounded(arch: DeepLinear, target: Float[Array, "o i"]) -> bool:
    """Whether the minimizers of lambda_max <= 2 / eta are bounded, for S of full rank.

    It is where no two neighbouring hidden layers are both wider than r = rank W*: for two layers of
    any width, for scalar chains, for 2-2-2-2 and r = 2; but not for 1-2-2-1.

    Where two are wider, `flattest_in_closed_form` with `idle` is stable at any size of that weight,
    for every eta below the critical step. Otherwise let f_h = |W_h ... W_1 R| and a_h = |W_{>h}|.
    The terms of the matrix in `minimizer_spectrum` say a_h f_{h-1} <= c, and a_h f_h >= s_1(W* R).
    So f_{H-1} <= c and f_h <= c' f_{h+1}, likewise a_1 <= c / f_0 and a_{h+1} <= c' a_h: they are
    all bounded, and with them W_1 and W_H. Between, say W_h has r neurons below it. W* factors
    through them, so that the least singular value of W_{<h} is at least s_r(W*) / a_{h-1}; and
    W_h W_{<h} is bounded, so W_h is. With r neurons above it, W_{>h} W_h gives the same.
    """
    _, rank = check_target(arch, target)
    return all(min(shape) <= rank for shape in arch.shapes[1:-1])


def stable_norm_bound(arch: DeepLinear, S: Float[Array, "i i"], eta: float) -> float:
    """What |theta|^2 cannot exceed at stable minimizers of two layers.

    With p = |W_2|^2 (spectral norm), m hidden neurons and eigenvalues s_j of S: W_2 W_2^T <= p I,
    and by the sharpness W_1^T W_1 <= S^{-1} / eta - p I. So |theta|^2 is at most p min(o, m) plus
    the min(m, i) largest of 1 / (eta s_j) - p, for a p of at most 1 / (eta s_max). That is linear
    in p, hence largest at an end. Met for o = i and m >= 2 i.

    Raises
    ------
    ValueError
        If there are not two layers, S is singular or does not fit, or eta is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.networks.deep_linear import DeepLinear
    >>> from spectral_atlas.spectra import stable_norm_bound
    >>> stable_norm_bound(DeepLinear.plain(2, depth=2, width=3, outputs=2), np.eye(2), 0.1)
    20.0
    """
    if arch.depth != 2:
        raise ValueError(f"depth = {arch.depth}: must be 2")
    if not eta > 0:
        raise ValueError(f"eta = {eta}: must be > 0")
    if len(S) != arch.d:
        raise ValueError(f"S: expected ({arch.d}, {arch.d}), got {S.shape}")
    second_moment_root(S)  # refuses what is no second moment
    moments = np.linalg.eigvalsh(S)
    if moments.min() <= NEGLIGIBLE * moments.max():
        raise ValueError("S: must have full rank, |theta| has no bound otherwise")
    hidden = arch.shapes[0][0]
    reach = np.sort(1 / (eta * moments))[::-1][: min(hidden, arch.d)]
    p = 1 / (eta * moments.max())
    return float(max(reach.sum(), p * min(arch.outputs, hidden) + np.sum(reach - p)))
