"""The cross-entropy: statements of order and existence only (X)."""

from __future__ import annotations

from spectral_atlas.checks import Check
from spectral_atlas.papers.kalra2023.claims.kinds import in_order, share
from spectral_atlas.papers.kalra2023.claims.regimes import entropy, fcn
from spectral_atlas.papers.kalra2023.claims.samples import all_of, constant, indices
from spectral_atlas.papers.kalra2023.claims.study import Study

SETTING = "ReLU FCN, power-law mixture (D = 64, N = 512, K = 10), full batches, T = 10"
OTHERS = "measured independently, other code"
NETS = ((4, 64), (4, 128))


def _from_the_start(study: Study) -> list[tuple[str, int, int]]:
    """Runs with zero output whose c_sharp is the first c of the grid."""
    found = []
    for depth, width in (*NETS, (8, 64)):
        nets = entropy(depth, width, "zero")
        k = indices(study.rows(nets), "c_sharp", nets.text)
        found.append((nets.text, int((k <= 0).sum()), len(k)))
    return found


def _larger(id: str, name: str, seen: str) -> Check:
    pairs = [(constant(entropy(d, w), name), constant(fcn(d, w), name)) for d, w in NETS]
    return in_order(
        id, "fig6",
        f"{SETTING}, d = 4, w = 64 and 128: {name} is larger with the cross-entropy than with the "
        f"squared error.",
        all_of(*(sampler for pair in pairs for sampler in pair)), separate=True,
        evidence=f"larger constants claimed; {OTHERS}: {seen}",
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    _larger("X1", "c_loss", "14.9 and 14.7 against 4.5 and 3.2"),
    _larger("X2", "c_max", "26 and 27 against 16.8 and 13.6"),
    in_order(
        "X3", "fig6",
        f"{SETTING}, cross-entropy, d = 4, w = 64 and 128: c_loss is smaller with a zero last "
        f"layer.",
        all_of(
            *(
                constant(entropy(d, w, kind), "c_loss")
                for d, w in NETS
                for kind in ("standard", "zero")
            )
        ),
        separate=True, evidence=f"{OTHERS}: 4.3 and 5.0 against 14.9 and 14.7",
    ),
    share(
        "X4", "fig6",
        f"{SETTING}, cross-entropy, last layer zero: the sharpness rises at every c from 1 on.",
        _from_the_start, low=0.95, what="with c_sharp at the first c of the grid",
        tolerance="one run in twenty", evidence=f"{OTHERS}: all", fewest=3,
    ),
)  # fmt: skip
