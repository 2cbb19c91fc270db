"""The checkable claims on deep linear networks, evaluated on every target and start at hand.

``A`` are paths from saddle to saddle and the greedy algorithm, ``B`` the escape from the origin,
``C`` the lazy regime, ``D`` the way from one to the other, ``E`` distances at the start, ``F`` the
Schatten quasi-norm, ``G`` critical points with L2, ``H`` what these generalize. A claim names its
regime and is measured on members of exactly these numbers; elsewhere it is not measured, and says
why. Diverged and unfinished members count against it. Where targets differ from those of a claim's
source, it stands as it was made, and may fail; a weaker one stands beside it. Bounds that are
"ours" have no source: they were set with runs of the default configuration in view.
"""

from __future__ import annotations

from spectral_atlas.checks import evaluator, in_order
from spectral_atlas.papers.jacot2021.claims import (
    directions,
    distances,
    escape,
    full_view,
    generalize,
    greedy,
    kernels,
    landscape,
    lazy,
    paths,
    radius,
    rates,
    recovery,
    ridge_descent,
    saddle_hessians,
    schatten,
    sweep,
    tails,
)
from spectral_atlas.papers.jacot2021.claims.study import Study

CHECKS = in_order(
    directions, distances, escape, full_view, generalize, greedy, kernels, landscape, lazy, paths,
    radius, rates, recovery, ridge_descent, saddle_hessians, schatten, sweep, tails,
)  # fmt: skip
evaluate = evaluator(Study, CHECKS)
