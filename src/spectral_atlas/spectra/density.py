"""Spectral densities by stochastic Lanczos quadrature, with bounds on what they miss."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from spectral_atlas.spectra._quadrature import Rules, gauss_rules
from spectral_atlas.spectra._sampling import check_finite, machine, pick
from spectral_atlas.spectra.operators import SymmetricOperator, check_memory, check_rng
from spectral_atlas.spectra.spectral_measures import SpectralDensity
from spectral_atlas.spectra.starts import start_vectors
from spectral_atlas.spectra.unconverged import Policy, check_policy

__all__ = ["SpectralDensity", "spectral_density"]

Array = np.ndarray


def spectral_density(
    operator: SymmetricOperator,
    rng: np.random.Generator,
    *,
    probes: int = 8,
    steps: int = 80,
    members: Int[Array, " A"] | None = None,
    memory_mb: float = 256.0,
    on_nonfinite: Policy = "raise",
) -> SpectralDensity:
    """Spectral density of every member by Lanczos from random unit probes.

    Parameters
    ----------
    operator : SymmetricOperator
        Of numpy or torch arrays; the recurrence runs in its dtype and on its device.
    rng : numpy Generator
        Draws the probes, uniform on the sphere, member after member: the numbers depend neither
        on the device (but for rounding) nor on the chunks.
    probes : int
        Probes a member; 2 at least for standard errors.
    steps : int
        Products a probe, P at most.
    members : (A,) indices, optional
        Members wanted; all by default.
    memory_mb : float
        Bound on the Lanczos bases, ``steps P`` numbers a probe; members, then probes, are worked
        through in chunks that respect it, of one probe at least.
    on_nonfinite : "raise" or "flag"
        What to do with members whose products hold NaN or infinity.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    ValueError
        On bad settings, or (with ``"raise"``) a non-finite product; the message names members.

    References
    ----------
    Lin, Saad and Yang 2016, "Approximating spectral densities of large matrices". Ubaru, Chen and
    Saad 2017, "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature". Ghorbani, Krishnan
    and Xiao 2019, "An investigation into neural net optimization via Hessian eigenvalue density".
    Chen, Trogdon and Ubaru 2021, "Analysis of stochastic Lanczos quadrature for spectrum
    approximation".

    Examples
    --------
    >>> import numpy as np
    >>> from spectral_atlas.spectra import MatrixOperator, spectral_density
    >>> H = MatrixOperator(np.array([[[0.0, 3.0], [3.0, 0.0]]]))  # eigenvalues -3 and 3
    >>> density = spectral_density(H, np.random.default_rng(0), steps=2)
    >>> density.nodes[0, 0].round(12), bool(density.exact.all())
    (array([-3.,  3.]), True)
    >>> density.moment(2)[0].round(12)  # H^2 = 9 I
    array([9.])
    """
    check_rng(rng)
    check_memory(memory_mb)
    if probes < 1 or steps < 1:
        raise ValueError(f"probes, steps: expected at least 1, got {probes}, {steps}")
    chosen, size = pick(operator, members), operator.n_params
    check_policy("on_nonfinite", on_nonfinite)
    eps, width = machine(operator)
    steps = min(steps, size)
    fits = max(1, int(memory_mb * 2**20 / (size * (width * (steps + 6) + 16))))
    group, batch = max(1, fits // probes), min(fits, probes)
    rows: list[Rules] = []
    for first in range(0, len(chosen), group):
        some = chosen[first : first + group]
        parts = []
        for at in range(0, probes, batch):  # more than one batch only where a group is one member
            count = min(batch, probes - at)
            start = start_vectors(rng, len(some) * count, size).reshape(len(some), count, size)
            parts.append(gauss_rules(operator, some, start, steps))
        rows.append(_join(parts, 1))
    rules = _join(rows, 0) if rows else _no_rules(probes, steps)
    bad = ~np.isfinite(rules.weights).all(axis=(1, 2))
    check_finite(bad, chosen, on_nonfinite)
    return SpectralDensity(**vars(rules), n_params=size, eps=eps)


def _no_rules(probes: int, steps: int) -> Rules:
    """Of no members."""
    table, flags = np.zeros((0, probes, steps)), np.zeros((0, probes), dtype=bool)
    return Rules(table, table.copy(), table.copy(), flags.astype(np.int64), flags)


def _join(parts: list[Rules], axis: int) -> Rules:
    return Rules(**{n: np.concatenate([vars(p)[n] for p in parts], axis) for n in vars(parts[0])})
