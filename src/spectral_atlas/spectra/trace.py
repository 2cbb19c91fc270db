"""Traces and Frobenius norms from random products, with their standard errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float, Int

from spectral_atlas.spectra._sampling import multiply, sample_members
from spectral_atlas.spectra.operators import SymmetricOperator, native, to_numpy
from spectral_atlas.spectra.unconverged import Policy

Array = np.ndarray
Distribution = Literal["rademacher", "gaussian"]


@dataclass(frozen=True)
class TraceEstimate:
    """Estimates for B matrices.

    The standard error is statistical: the spread of the random samples over the root of their
    number, itself uncertain when they are few, and no bound. It is 0 where the value was formed
    exactly, from P products. Members flagged as not finite are NaN.
    """

    value: Float[Array, " B"]
    standard_error: Float[Array, " B"]
    products: int  # spent on each member


def hutch_plus_plus(
    operator: SymmetricOperator,
    rng: np.random.Generator,
    *,
    products: int = 30,
    members: Int[Array, " A"] | None = None,
    distribution: Distribution = "rademacher",
    memory_mb: float = 256.0,
    on_nonfinite: Policy = "raise",
) -> TraceEstimate:
    """Trace of every member by Hutch++.

    With k = products // 3 and a random sketch S (P, k): Q = orth(H S), tr(Q^T H Q) exactly, and
    Hutchinson's estimate of the rest, tr((I - Q Q^T) H (I - Q Q^T)), from products - 2k probes.
    Exact to rounding where k >= rank H. From P products on, the trace is formed exactly. It pays
    where the spectrum decays; on a flat one `hutchinson` makes better use of its products.

    Parameters
    ----------
    operator : SymmetricOperator
        Of numpy or torch arrays.
    rng : numpy Generator
        Draws member after member: the numbers do not depend on the chunks.
    products : int
        Products a member, 4 at least.
    members : (A,) indices, optional
        Members wanted; all by default.
    distribution : "rademacher" or "gaussian"
        Entries of sketch and probes; signs have the smaller variance.
    memory_mb : float
        Bound on the work space beside the operator's own, at most ``2.5 products P`` float64
        numbers a member; members are worked through in chunks that respect it, one at least.
    on_nonfinite : "raise" or "flag"
        What to do with members whose products hold NaN or infinity.

    Returns
    -------
    TraceEstimate
        The standard error is that of the rest's samples.

    Raises
    ------
    ValueError
        On bad settings, or (with ``"raise"``) a non-finite product; the message names members.

    References
    ----------
    Meyer, Musco, Musco and Woodruff 2021, "Hutch++: optimal stochastic trace estimation".

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, hutch_plus_plus
    >>> H = MatrixOperator(np.array([[[2.0, 1.0], [1.0, 3.0]]]))
    >>> hutch_plus_plus(H, np.random.default_rng(0))  # exact from P products on
    TraceEstimate(value=array([5.]), standard_error=array([0.]), products=2)
    """
    options = (members, distribution, memory_mb, on_nonfinite)
    sketch = products // 3
    sample = _deflated(operator, sketch)
    return TraceEstimate(
        *sample_members(operator, rng, products, 4, sketch, *options, sample, _quadratic)
    )


def hutchinson(
    operator: SymmetricOperator,
    rng: np.random.Generator,
    *,
    products: int = 30,
    members: Int[Array, " A"] | None = None,
    distribution: Distribution = "rademacher",
    memory_mb: float = 256.0,
    on_nonfinite: Policy = "raise",
) -> TraceEstimate:
    """Trace of every member as the mean of z^T H z over random z; arguments: `hutch_plus_plus`.

    Two products at least. With signs the variance is 2 sum_{i != j} H_ij^2 / products.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, hutchinson
    >>> H = MatrixOperator(np.diag(np.arange(50.0))[None])
    >>> hutchinson(H, np.random.default_rng(0), products=2)  # signs see a diagonal exactly
    TraceEstimate(value=array([1225.]), standard_error=array([0.]), products=2)
    """
    options = (members, distribution, memory_mb, on_nonfinite)
    sample = _plain(operator, _quadratic)
    return TraceEstimate(
        *sample_members(operator, rng, products, 2, 0, *options, sample, _quadratic)
    )


def frobenius_norm_squared(
    operator: SymmetricOperator,
    rng: np.random.Generator,
    *,
    products: int = 30,
    members: Int[Array, " A"] | None = None,
    distribution: Distribution = "rademacher",
    memory_mb: float = 256.0,
    on_nonfinite: Policy = "raise",
) -> TraceEstimate:
    """|H|_F^2 of every member as the mean of |H z|^2 over random z; arguments: `hutch_plus_plus`.

    Two products at least. Divided by P it is the spectrum's second moment.

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, frobenius_norm_squared
    >>> H = MatrixOperator(np.array([[[2.0, 1.0], [1.0, 3.0]]]))
    >>> frobenius_norm_squared(H, np.random.default_rng(0)).value
    array([15.])
    """
    options = (members, distribution, memory_mb, on_nonfinite)
    sample = _plain(operator, _square)
    return TraceEstimate(*sample_members(operator, rng, products, 2, 0, *options, sample, _square))


def _quadratic(Z: Any, W: Any) -> Any:
    return array_namespace(Z).vecdot(Z, W)


def _square(Z: Any, W: Any) -> Any:
    return array_namespace(W).vecdot(W, W)


def _plain(
    operator: SymmetricOperator, form: Callable[[Any, Any], Any]
) -> Callable[[Array, Array], tuple[Array, Array]]:
    """No exact part, and one sample for each probe."""

    def sample(chosen: Array, draws: Array) -> tuple[Array, Array]:
        Z = native(operator, draws.astype(np.float64, copy=False))
        return np.zeros(len(chosen)), to_numpy(form(Z, multiply(operator, Z, chosen)))

    return sample


def _deflated(
    operator: SymmetricOperator, sketch: int
) -> Callable[[Array, Array], tuple[Array, Array]]:
    """tr(Q^T H Q), and samples of the rest."""

    def sample(chosen: Array, draws: Array) -> tuple[Array, Array]:
        S, Z = draws[:, :sketch], draws[:, sketch:]
        Y = multiply(operator, native(operator, S.astype(np.float64, copy=False)), chosen)
        xp = array_namespace(Y)
        top = xp.max(xp.abs(Y), axis=(1, 2), keepdims=True)
        usable = xp.isfinite(top) & (top > 0)  # QR sees neither NaN nor numbers out of range
        if not bool(xp.all(usable)):
            Y = xp.where(usable, Y, xp.zeros_like(Y))
        Y = Y / xp.where(usable, top, xp.ones_like(top))
        basis = xp.matrix_transpose(xp.linalg.qr(xp.matrix_transpose(Y)).Q)
        del Y  # the work space: see memory_mb
        known = to_numpy(xp.sum(_quadratic(basis, multiply(operator, basis, chosen)), axis=1))
        known[~np.isfinite(to_numpy(top[:, 0, 0]))] = np.nan
        G = native(operator, Z.astype(np.float64, copy=False))
        for _ in range(2):
            G = G - (G @ xp.matrix_transpose(basis)) @ basis
        del basis
        return known, to_numpy(_quadratic(G, multiply(operator, G, chosen)))

    return sample
