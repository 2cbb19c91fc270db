"""Whether runs of GD and SGD return to minimizers as the exponents say (H14 to H17)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.sgd import (
    CHAIN,
    FILE,
    LEFT,
    PANELS,
    READ,
    RIGHT,
    panel_of,
)
from spectral_atlas.papers.craciun2024.claims.study import Study

CLEAR = 0.1  # size of an exponent from which runs must show its sign


def _returned(method: str, sign: int) -> Samples:
    """Share of runs that return, beside minimizers whose exponent has the sign and is clear."""

    def samples(study: Study) -> Sample:
        values, labels = [], []
        for panel in (LEFT, RIGHT):
            found = panel_of(study, panel)
            if found.sizes["start"] < 100 or int(found.attrs["steps"]) < 4000:
                raise Unmeasured(f"too few or too short runs in {FILE}")
            u = np.log(found["t_1"].values)
            near = np.log(found["near_t_1"].values)
            exponent = np.interp(near, u, found[f"{method}_exponent"].values)
            chosen = np.flatnonzero(sign * exponent >= CLEAR)
            values.append(found[f"{method}_returned"].values[chosen])
            labels += [
                f"eta = {panel[0]:g} t_1 = {np.exp(near[k]):.4g} ({exponent[k]:.3g})"
                for k in chosen
            ]
        return Sample(np.concatenate(values), labels)

    return samples


RUNS = f"{CHAIN}, {PANELS}, 4000 steps from 1e-3 beside a minimizer"
CHECKS: tuple[Check, ...] = (
    claim(
        "H14", "sgd_stability", f"{RUNS}: GD returns where its exponent is below -.1.",
        _returned("gd", -1), low=1, what="share that returns", tolerance="none", evidence=READ,
    ),
    claim(
        "H15", "sgd_stability", f"{RUNS}: GD leaves where its exponent is above .1.",
        _returned("gd", 1), high=0, what="share that returns", tolerance="none; nearer to 0 runs "
        "may end at a stable minimizer beside",
        evidence=READ,
    ),
    claim(
        "H16", "sgd_stability", f"{RUNS}: SGD leaves where its exponent is above .1.",
        _returned("sgd", 1), high=0.05, what="share that returns",
        tolerance="ours: 5 %, as H15", evidence=READ,
    ),
    claim(
        "H17", "sgd_stability", f"{RUNS}: SGD returns with a positive probability where its "
        "exponent is below -.1.",
        _returned("sgd", -1), low=0.25, what="share that returns within .1 of home",
        tolerance="ours: a quarter; stability is that of starts near enough, and 1e-3 may not be",
        evidence=READ,
    ),
)  # fmt: skip
