"""The checkable claims on gradient descent at large learning rates, on every start at hand.

``A`` are descents to the edge of stability, ``B`` minimizers, their spectra and the stable ones,
``C`` the gradient-descent map, ``D`` shares of starts that converge, ``E`` asymptotic gradients and
orbits, ``F`` a grid of starts, ``G`` nonlinear networks, ``H`` the follow-up's examples. Losses are
sums of squares unless a claim says otherwise; eta_C is 2 over the least sharpness of a minimizer.
A claim names its regime and is measured on files of exactly this regime; elsewhere it is not
measured, and says why. Diverged and unfinished runs count against it. Where none of n starts of
one row does something, the detail says what share that still allows; starts are the same in all
rows of a network, and rows cannot be pooled. "Another program" is one that was written
apart from this one, before it, for the same statements. Bounds that are "ours" have no source: they
were set with runs of the default configuration in view.
"""

from __future__ import annotations

from spectral_atlas.checks import evaluator, in_order
from spectral_atlas.papers.craciun2024.claims import (
    basins,
    bifurcations,
    chains,
    converging_nets,
    edge,
    edge_seeds,
    fractions,
    gradients,
    hyperbola,
    jacobians,
    near_singular,
    nonlinear,
    orbits,
    sgd,
    sgd_runs,
    singular_line,
    spectra_at_minima,
    stable_sets,
    trajectories,
)
from spectral_atlas.papers.craciun2024.claims.study import Study

CHECKS = in_order(
    basins, bifurcations, chains, converging_nets, edge, edge_seeds, fractions, gradients,
    hyperbola, jacobians, near_singular, nonlinear, orbits, sgd, sgd_runs, singular_line,
    spectra_at_minima, stable_sets, trajectories,
)  # fmt: skip
evaluate = evaluator(Study, CHECKS)
