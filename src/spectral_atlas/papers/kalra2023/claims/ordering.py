"""The order c_loss <= c_sharp <= c_barrier <= c_max (O, B)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.papers.kalra2023.claims.kinds import in_order, paired, share
from spectral_atlas.papers.kalra2023.claims.regimes import (
    NARROW,
    OTHERS,
    SETTING,
    SHALLOW,
    fcn,
    listed,
)
from spectral_atlas.papers.kalra2023.claims.samples import all_of, constant, indices, ratio_by_seed
from spectral_atlas.papers.kalra2023.claims.study import Nets, Study

Counts = Callable[[Study], Iterable[tuple[str, int, int]]]
FEWEST_RUNS = 20  # one violation in fewer is over 5 %
CLAIMED = "claimed by the authors as a key result"


def violations(nets: Iterable[Nets], *names: str) -> Counts:
    """How many runs of each network have them out of order; equal ones are in order."""
    nets = tuple(nets)

    def counts(study: Study) -> list[tuple[str, int, int]]:
        found = []
        for one in nets:
            rows = study.rows(one)
            k = np.stack([indices(rows, name, one.text) for name in names])
            wrong = np.asarray((np.diff(k, axis=0) < 0).any(axis=0))
            found.append((one.text, int(wrong.sum()), len(wrong)))
        return found

    return counts


def _without_barrier(study: Study) -> list[tuple[str, int, int]]:
    nets = fcn(8, 64)
    rows = study.rows(nets)
    none = indices(rows, "c_barrier", nets.text) == indices(rows, "c_max", nets.text)
    return [(nets.text, int(none.sum()), len(none))]


CHECKS: tuple[Check, ...] = (
    share(
        "O1", "fig4",
        f"{SETTING}, {listed(SHALLOW)}, so d / w <= .07: c_loss <= c_sharp <= c_max in at least "
        f"95 % of runs.",
        violations((fcn(*n) for n in SHALLOW), "c_loss", "c_sharp", "c_max"), high=0.05,
        what="out of order", tolerance="one run in twenty", fewest=FEWEST_RUNS,
        evidence=f"{CLAIMED}; {OTHERS}: none in 29",
    ),
    share(
        "O2", "fig4",
        f"{SETTING}, {listed(NARROW)}, so d / w >= 1/8: there are exceptions to c_loss <= c_sharp "
        f"<= c_max.",
        violations((fcn(*n) for n in NARROW), "c_loss", "c_sharp", "c_max"), low=1e-9,
        what="out of order", tolerance="none; a statement of existence", fewest=FEWEST_RUNS,
        evidence=f"exceptions at large d / w, as recalled; {OTHERS}",
    ),
    paired(
        "O3", "fig4",
        f"{SETTING}, d = 4, w = 256: the constants of a run are apart, c_loss < c_sharp < "
        f"c_barrier < c_max.",
        all_of(
            *(
                ratio_by_seed((fcn(4, 256), larger), (fcn(4, 256), smaller))
                for larger, smaller in pairwise(("c_max", "c_barrier", "c_sharp", "c_loss"))
            )
        ),
        evidence=f"{CLAIMED}; {OTHERS}",
    ),
    *(
        share(
            id, "fig4", f"{SETTING}, d = 4, w = {width}: c_sharp <= c_barrier <= c_max.",
            violations([fcn(4, width)], "c_sharp", "c_barrier", "c_max"), high=0.0,
            what="out of order", tolerance="none", fewest=3, evidence=f"{CLAIMED}; {OTHERS}",
        )
        for id, width in (("B1", 128), ("B2", 256))
    ),
    share(
        "B3", "fig4", f"{SETTING}, d = 8, w = 64: most runs have no barrier below c_max.",
        _without_barrier, low=0.5, what="without a barrier", tolerance="most: at least half",
        fewest=3, evidence=f"{OTHERS}",
    ),
    in_order(
        "B4", "fig4", f"{SETTING}, d = 4: c_barrier falls as w grows, from 64 to 128.",
        all_of(constant(fcn(4, 64), "c_barrier"), constant(fcn(4, 128), "c_barrier")),
        evidence=OTHERS,
    ),
)  # fmt: skip
