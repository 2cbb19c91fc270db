"""Two-layer networks at the recalled parameters: outliers of the second layer, both layers (F)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.papers.benarous2024 import outcomes
from spectral_atlas.papers.benarous2024.claims.blocks import VV, neurons, ratio, readout
from spectral_atlas.papers.benarous2024.claims.regimes import XOR_RECALLED
from spectral_atlas.papers.benarous2024.claims.seeds import every_seed
from spectral_atlas.papers.benarous2024.claims.study import Study, at

Array = np.ndarray
R = XOR_RECALLED.text
RUNS = "a third below independent runs, {}"
FOUR_OUTLIERS = "as recalled: one outlier at initialization, four during training"


def _unlearned(study: Study) -> Array:
    runs = at(study.files(XOR_RECALLED).runs, 100)
    count = outcomes.learned_count(runs["f_means"].values, XOR_RECALLED.ridge).astype(float)
    return 4 - np.where(count == outcomes.MISSING, np.nan, count)


CHECKS: tuple[Check, ...] = (
    every_seed(
        "F1", "fig4_2", f"{R}, t = 0: one eigenvalue of H_vv stands out.",
        ratio(XOR_RECALLED, "hessian", 0, 1, 2), least=5, what="lambda_1 / lambda_2",
        tolerance=RUNS.format("7.9 to 8.6"), evidence=FOUR_OUTLIERS,
    ),
    every_seed(
        "F2", "fig4_2", f"{R}, t = 0: no other eigenvalue of H_vv does.",
        ratio(XOR_RECALLED, "hessian", 0, 2, 3), most=1.2, what="lambda_2 / lambda_3",
        tolerance="independent runs had 1.02 to 1.05", evidence=FOUR_OUTLIERS,
    ),
    every_seed(
        "F3", "fig4_2", f"{R}, t = 50: four eigenvalues of H_vv have left the bulk.",
        ratio(XOR_RECALLED, "hessian", 50, 4, 5), least=5, what="lambda_4 / lambda_5",
        tolerance="less than half of independent runs, 12 to 13", evidence=FOUR_OUTLIERS,
    ),
    every_seed(
        "F4", "fig4_2", f"{R}, t = 50: four eigenvalues of G_vv have left the bulk.",
        ratio(XOR_RECALLED, "gradient", 50, 4, 5), least=2.5, what="lambda_4 / lambda_5",
        tolerance=RUNS.format("3.7 to 4.5"), evidence=FOUR_OUTLIERS,
    ),
    *(
        every_seed(
            id, "fig4_1", f"{R}, t = 50: v lives in the top-4 eigenspace of {VV[matrix]}.",
            readout(XOR_RECALLED, matrix, 50)[1], least=0.95, what="rho_4(v)",
            tolerance="independent runs had .97 to .996; a random direction sqrt(4 / 20) = .45",
            evidence="theorem on the second layer",
        )
        for id, matrix in (("F5", "hessian"), ("F6", "gradient"))
    ),
    every_seed(
        "F7", "fig4_2", f"{R}, t = 0: one eigenvalue of G_vv stands out, too.",
        ratio(XOR_RECALLED, "gradient", 0, 1, 2), least=5, what="lambda_1 / lambda_2",
        tolerance=RUNS.format("8.0 to 8.3"), evidence=FOUR_OUTLIERS,
    ),
    every_seed(
        "F8", "fig4_2", f"{R}, t = 100: all four means are learned.",
        _unlearned, most=0, what="means that are not learned",
        tolerance="learned: |f| above C_beta / 2", evidence="fixed points of the companion paper",
    ),
    every_seed(
        "F9", "fig4_1",
        f"{R}, t = 100, first runs: W_i of most live neurons lives in the top-2 eigenspace of "
        f"H_ii.",
        neurons(XOR_RECALLED, "neuron_rho_2", "hessian", 100, 100, median=True), least=0.8,
        what="median rho_2 of the live neurons", fewest=1,
        tolerance="twice the distance from 1 of an independent run, .909",
        evidence="theorem on the first layer",
    ),
    every_seed(
        "F10", "fig4_1",
        f"{R}, t = 100, first runs: the top-2 eigenspace of G_ii has lost the means again.",
        neurons(XOR_RECALLED, "neuron_overlap", "gradient", 100, 100, median=True), most=0.2,
        what="median of the mean squared cosine between it and span(mu, nu)", fewest=1,
        tolerance="an independent run fell from .9 to .04",
        evidence="measured: (s - y)^2 lives on the few samples at the boundary",
    ),
)  # fmt: skip
