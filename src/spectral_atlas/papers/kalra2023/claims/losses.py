"""The cross-entropy: statements of order and existence only (X)."""

from __future__ import annotations

from spectral_atlas.checks import Check
from spectral_atlas.papers.kalra2023.claims.kinds import ROUNDING, every_run, paired, share
from spectral_atlas.papers.kalra2023.claims.regimes import entropy, fcn, listed
from spectral_atlas.papers.kalra2023.claims.samples import all_of, indices, ratio_by_seed
from spectral_atlas.papers.kalra2023.claims.study import Study

SETTING = "ReLU FCN, power-law mixture (D = 64, N = 512, K = 10), full batches, T = 10"
OTHERS = "measured independently, other code"
NETS = ((4, 64), (4, 128))
ZERO = (*NETS, (8, 64))


def _from_the_start(study: Study) -> list[tuple[str, int, int]]:
    """Runs with zero output whose c_sharp is the first c of the grid."""
    found = []
    for depth, width in ZERO:
        nets = entropy(depth, width, "zero")
        k = indices(study.rows(nets), "c_sharp", nets.text)
        found.append((nets.text, int((k <= 0).sum()), len(k)))
    return found


def _larger(id: str, name: str, seen: str) -> Check:
    return paired(
        id, "fig6",
        f"{SETTING}, d = 4, w = 64 and 128: {name} is larger with the cross-entropy than with the "
        f"squared error, from the same weights.",
        all_of(*(ratio_by_seed((entropy(*n), name), (fcn(*n), name)) for n in NETS)),
        evidence=f"larger constants claimed; {OTHERS}: {seen}",
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    _larger("X1", "c_loss", "14.9 and 14.7 against 4.5 and 3.2"),
    _larger("X2", "c_max", "26 and 27 against 16.8 and 13.6"),
    every_run(
        "X3", "fig6",
        f"{SETTING}, cross-entropy, d = 4, w = 64 and 128: c_loss is smaller with a zero last "
        f"layer, in every pair of runs from the same hidden weights.",
        all_of(
            *(
                ratio_by_seed((entropy(*n), "c_loss"), (entropy(*n, "zero"), "c_loss"))
                for n in NETS
            )
        ),
        low=1.0 + ROUNDING, what="c_loss over that with a zero last layer",
        tolerance="none; four pairs are too few for a level of .05",
        evidence=f"{OTHERS}: 4.3 and 5.0 against 14.9 and 14.7",
    ),
    share(
        "X4", "fig6",
        f"{SETTING}, cross-entropy, last layer zero, {listed(ZERO)}: the sharpness rises at every "
        f"c from 1 on, in every run.",
        _from_the_start, low=1.0, what="with c_sharp at the first c of the grid",
        tolerance="none", evidence=f"{OTHERS}: all", fewest=3,
    ),
)  # fmt: skip
