"""What an XOR network has learned: counts that figures and claims share.

All start from f at the four means mu, -mu (label 1) and nu, -nu (label 0). At a fixed point of
infinite precision f is C_beta at a learned mean of label 1, -C_beta at one of label 0, and 0 at a
mean that is not learned. Accuracy would not tell: where f is about zero, either label may come out.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.papers.benarous2024.theory import xor_constant

Array = np.ndarray
SIGNS = np.array([1.0, 1.0, -1.0, -1.0])  # of f at mu, -mu, nu, -nu where they are learned
HALF = 0.5  # of C_beta, from where on a mean counts as learned
STILL, ARRIVED = 0.1, 0.7  # of C_beta: in between, a mean is on its way
OUTLIER = 0.1  # of the largest eigenvalue of a readout block, from where on one counts
MISSING = -1  # the count of a run that overflowed


def margins(f_means: Float[Array, "*n 4"], ridge: float) -> Float[Array, "*n 4"]:
    """+f / C_beta at mu and -mu, -f / C_beta at nu and -nu: 1 where learned, 0 where not."""
    return SIGNS * f_means / xor_constant(ridge)


def learned(f_means: Float[Array, "*n 4"], ridge: float) -> Bool[Array, "*n 4"]:
    """Which means have a margin above one half; none where f is NaN."""
    return margins(f_means, ridge) > HALF


def learned_count(f_means: Float[Array, "*n 4"], ridge: float) -> Int[Array, "*n"]:
    """How many means are learned, `MISSING` for runs that overflowed."""
    finite = np.isfinite(f_means).all(axis=-1)
    return np.where(finite, learned(f_means, ridge).sum(axis=-1), MISSING)


def settled(f_means: Float[Array, "*n 4"], ridge: float) -> Bool[Array, "*n"]:
    """Whether every mean is learned or not, and none on its way.

    Margins are above 0.7, or less than 0.1 in size; runs that overflowed are not settled.
    """
    found = margins(f_means, ridge)
    return ((np.abs(found) < STILL) | (found > ARRIVED)).all(axis=-1)


def live(v: Float[Array, "*n K"], ridge: float) -> Bool[Array, "*n K"]:
    """Which neurons take part: |v_i| above sqrt(C_beta / K), half the root mean square.

    At a fixed point with all means learned the squares v_i^2 sum up to 4 C_beta. Neurons with small
    |v_i| lose the noise of their start more slowly than the time that is trained.
    """
    return np.abs(v) > np.sqrt(xor_constant(ridge) / v.shape[-1])


def outlier_count(eigenvalues: Float[Array, "*n K"]) -> Int[Array, "*n"]:
    """How many eigenvalues of a readout block exceed a tenth of the largest; else `MISSING`."""
    finite = np.isfinite(eigenvalues).all(axis=-1)
    top = eigenvalues.max(axis=-1, keepdims=True)
    return np.where(finite, (eigenvalues > OUTLIER * top).sum(axis=-1), MISSING)
