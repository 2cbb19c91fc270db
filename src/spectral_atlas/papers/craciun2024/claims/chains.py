"""A chain of four scalars at the edge of stability (A16 to A20)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.paths import Descent, descents
from spectral_atlas.papers.craciun2024.claims.study import ROUNDING, Study
from spectral_atlas.papers.craciun2024.theory import chain_sharpness, flow_limit

START, ETAS = (1.6, 1.0, 0.5, 0.3), (0.22, 0.24)
FINISHED = 1e-12
CHAIN = "L = (1 - w_1 w_2 w_3 w_4)^2 from (1.6, 1, .5, .3), eta = .22 and .24 (eta_C = .25)"


def chain(study: Study) -> list[Descent]:
    """The runs; Unmeasured where they are others."""
    found = descents(study, "chain", (1, 1, 1, 1, 1), (1.0,))
    if not np.allclose([one.start for one in found], START):
        raise Unmeasured("runs/chain has another start")
    chosen = [one for one in found if any(np.isclose(one.share / 4, eta) for eta in ETAS)]
    if len(chosen) < len(ETAS):
        raise Unmeasured(f"{len(chosen)} of 2 learning rates in runs/chain")
    return chosen


def _each(value: Callable[[Descent], float]) -> Samples:
    def samples(study: Study) -> Sample:
        found = chain(study)
        return Sample(np.array([value(d) for d in found]), [_label(d) for d in found])

    return samples


def _label(found: Descent) -> str:
    return f"eta = {found.share / 4:g} ({found.last} steps)"


def _end(found: Descent) -> float:
    finished = np.min(found.loss) < FINISHED
    return float(found.ratio[-1]) if finished else np.nan


def _flow(found: Descent) -> float:
    """Where gradient flow ends, over the 2 / eta of the run, in closed form."""
    return float(chain_sharpness(flow_limit(START)) * found.share / 8)


def _flow_distance(found: Descent) -> float:
    finished = found.reference_loss[-1] < FINISHED
    distance = abs(found.reference_ratio[-1] / _flow(found) - 1)
    return float(distance) if finished else np.nan


RECALLED = "after the abstracts"
CHECKS: tuple[Check, ...] = (
    claim(
        "A16", "eos_run", f"{CHAIN}: the loss falls below 1e-12.",
        _each(lambda d: float(np.min(d.loss))), high=FINISHED, what="least loss", tolerance="none",
        evidence=RECALLED,
    ),
    claim(
        "A17", "eos_run", f"{CHAIN}: the loss does not fall monotonely.",
        _each(lambda d: d.increases), low=1, what="steps that raised the loss", tolerance="none",
        evidence=RECALLED,
    ),
    claim(
        "A18", "eos_run", f"{CHAIN}: descent ends at a stable minimizer, though gradient flow "
        "would not.",
        _each(_end), high=ROUNDING, what="sharpness over 2 / eta where the loss is below 1e-12",
        tolerance="rounding", evidence="derived: a minimizer above 2 / eta is unstable",
    ),
    claim(
        "A19", "eos_run", f"{CHAIN}: the minimizer at which gradient flow ends is unstable.",
        _each(_flow), low=1 + 1e-9, what="sharpness over 2 / eta, in closed form",
        tolerance="none; little power: a number that follows from the start, not from the run",
        evidence="derived: flow moves all w_h^2 by the same amount",
    ),
    claim(
        "A20", "eos_run", f"{CHAIN}: with eta / 20 descent ends where flow does.",
        _each(_flow_distance), high=0.01, what="relative distance of the sharpness",
        tolerance="ours: 1 %, the step is not 0", evidence="derived",
    ),
)  # fmt: skip
