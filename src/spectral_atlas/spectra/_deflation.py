"""A second look for wanted eigenvalues that a first search has missed."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectral_atlas.spectra._eigenpairs import Collected
from spectral_atlas.spectra.block_lanczos import End, block_lanczos, order
from spectral_atlas.spectra.operators import SymmetricOperator, products_of
from spectral_atlas.spectra.starts import random_blocks

Array = np.ndarray


def incomplete(
    operator: SymmetricOperator,
    chosen: Array,
    found: Collected,
    which: End,
    tolerance: float,
    basis: int,
    purpose: int,
) -> Array:
    """Members with an eigenvalue, outside the span of those found, that is better than the last."""
    chosen = chosen[found.converged[chosen].all(axis=1)]
    if not len(chosen):
        return chosen
    Y = found.vectors[chosen]
    product = products_of(operator, chosen)

    def deflated(V: Any, active: Array) -> Any:
        known = Y[active]
        return _without(product(_without(V, known), active), known)

    v0 = random_blocks(operator, chosen, 1, purpose)
    better = np.zeros(len(chosen), dtype=bool)
    # What separates the last of those found from the rest took this many products, and no more
    # are needed here.
    most = int(found.products[chosen].max())
    for part in block_lanczos(
        deflated,
        _without(v0, Y),
        1,
        which=which,
        tolerance=max(tolerance, 1e-6),
        basis=basis,
        max_products=most,
        norm=found.norm[chosen],
    ):
        members = chosen[part.members]
        last, bound = found.values[members, -1], found.bounds[members, -1]
        best = np.stack([part.values[:, 0], last], axis=1)
        apart = np.abs(best[:, 0] - last) > bound
        better[part.members] = apart & (order(best, which)[:, 0] == 0)
        found.products[members] += part.products
    return chosen[better]


def _without(V: Any, known: Any) -> Any:
    """V minus its part in the span of the orthonormal rows of `known`."""
    return V - (V @ known.mT) @ known
