"""Two-layer networks, twenty neurons: alignment happens layer by layer (G)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.benarous2024 import outcomes, theory
from spectral_atlas.papers.benarous2024.basins import basin_count
from spectral_atlas.papers.benarous2024.claims.blocks import (
    LIVE,
    VV,
    WW,
    neurons,
    of_neurons,
    readout,
)
from spectral_atlas.papers.benarous2024.claims.regimes import XOR_THEOREM
from spectral_atlas.papers.benarous2024.claims.seeds import Values, every_seed
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at

Array = np.ndarray
SMALL = 0.01  # v_i^2 of a neuron without a part in f, over the largest
END = 60.0  # of the runs in the theorem's regime
PREDICTED = dict(
    zip(("hessian", "gradient"), theory.xor_readout_eigenvalues(XOR_THEOREM.ridge), strict=True)
)
PER_SQUARE = dict(
    zip(("hessian", "gradient"), theory.xor_neuron_weights(XOR_THEOREM.ridge), strict=True)
)


def _drawn_to_all(study: Study, regime: Regime, time: float) -> tuple[Array, str]:
    """Which runs start with a neuron for every mean (or are lost), and how many do not."""
    files = study.files(regime)
    at(files.runs, time)
    four = basin_count(files.runs["basin"].values) == 4
    remark = "" if four.all() else f"{int((~four).sum())} runs start without a neuron for one mean"
    return four, remark


def _outliers(matrix: str) -> Values:
    def values(study: Study) -> tuple[Array, str]:
        four, remark = _drawn_to_all(study, XOR_THEOREM, END)
        found = np.asarray(readout(XOR_THEOREM, matrix, END)[0](study))[four]
        count = outcomes.outlier_count(found).astype(float)
        return np.abs(np.where(count == outcomes.MISSING, np.nan, count) - 4), remark

    return values


def _against_limit(matrix: str, mean: bool) -> Values:
    def values(study: Study) -> tuple[Array, str]:
        four, remark = _drawn_to_all(study, XOR_THEOREM, END)
        found = np.asarray(readout(XOR_THEOREM, matrix, END)[0](study))[four, :4]
        relative = found / PREDICTED[matrix]
        return np.abs((relative.mean(axis=1) if mean else relative) - 1), remark

    return values


def _eigenvalues(study: Study, matrix: str) -> tuple[Array, Array]:
    return of_neurons(study, XOR_THEOREM, "neuron_eigenvalues", matrix, END, END)


def _neuron_limit(matrix: str) -> Values:
    """Both outliers of live neurons against v_i^2 times the weight of the fixed point."""

    def values(study: Study) -> tuple[Array, str]:
        four, remark = _drawn_to_all(study, XOR_THEOREM, END)
        top, v = _eigenvalues(study, matrix)
        relative = top[..., :2] / (PER_SQUARE[matrix] * v**2)[..., None]
        live = outcomes.live(v, XOR_THEOREM.ridge) | np.isnan(v)
        relative = np.where(live[..., None], np.abs(relative - 1), 0.0)
        return relative[four[: len(top)]], "; ".join(filter(None, (LIVE, remark)))

    return values


def _dead(matrix: str) -> Values:
    """Top eigenvalue of neurons with v_i^2 below a hundredth of the largest, over the largest."""

    def values(study: Study) -> tuple[Array, str]:
        found, v = _eigenvalues(study, matrix)
        top = found[..., 0]
        dead = v**2 < SMALL * (v**2).max(axis=1, keepdims=True)
        if not dead.any():
            raise Unmeasured("no neuron has died")
        relative = top / top.max(axis=1, keepdims=True)
        return np.where(dead | np.isnan(v), relative, 0.0), f"{int(dead.sum())} neurons"

    return values


def _features(study: Study) -> Array:
    return at(study.files(XOR_THEOREM).spectra, END)["v_in_features"].values


def _balance(study: Study) -> tuple[Array, str]:
    runs = at(study.files(XOR_THEOREM).runs, END)
    v, W = runs["v"].values, runs["W"].values
    live = outcomes.live(v, XOR_THEOREM.ridge) | np.isnan(v)
    error = np.abs((W**2).sum(axis=-1) / v**2 - 1)
    return np.where(live, error, 0.0), LIVE


T = XOR_THEOREM.text
CHECKS: tuple[Check, ...] = (
    *(
        every_seed(
            id, "fig4_1",
            f"{T}, t = 60: W_i of every live neuron lives in the top-2 eigenspace of {WW[matrix]}.",
            neurons(XOR_THEOREM, "neuron_rho_2", matrix, END, END), least=0.95,
            what="rho_2", tolerance="independent runs had .987 and more",
            evidence="theorem on the first layer",
        )
        for id, matrix in (("G1", "hessian"), ("G2", "gradient"))
    ),
    *(
        every_seed(
            id, "fig4_1",
            f"{T}, t = 0: the same neurons are not aligned with the top-2 eigenspace of "
            f"{WW[matrix]}.",
            neurons(XOR_THEOREM, "neuron_rho_2", matrix, 0, END), most=0.2, what="rho_2",
            tolerance="a random direction has sqrt(2 / d) = .06 on average",
            evidence="alignment emerges",
        )
        for id, matrix in (("G3", "hessian"), ("G4", "gradient"))
    ),
    *(
        every_seed(
            id, "fig4_2", f"{T}, t = 60, from starts with neurons for all means: {VV[matrix]} has "
            f"exactly four outliers.",
            _outliers(matrix), most=0, what="distance of their number from 4",
            tolerance="an outlier exceeds a tenth of the largest", evidence="theorem, fixed points",
        )
        for id, matrix in (("G5", "hessian"), ("G6", "gradient"))
    ),
    *(
        every_seed(
            id, "fig4_2", f"{T}, t = 60, from starts with neurons for all means: "
            f"{'the mean of the four outliers' if mean else 'each of the four outliers'} of "
            f"{VV[matrix]} is {PREDICTED[matrix]:.4f}.",
            _against_limit(matrix, mean), most=bound, what="relative distance",
            tolerance=f"finite lambda; independent runs were up to {seen} above",
            evidence="derived from the companion paper's fixed points",
        )
        for id, matrix, mean, bound, seen in (
            ("G7", "hessian", False, 0.3, "24 %"), ("G8", "gradient", False, 0.55, "44 %"),
            ("G9", "hessian", True, 0.12, "6 %"), ("G10", "gradient", True, 0.3, "20 %"),
        )
    ),
    *(
        every_seed(
            id, "fig4_1", f"{T}, t = 60, from starts with neurons for all means: both outliers of "
            f"{WW[matrix]} of every live neuron are {PER_SQUARE[matrix]:.4g} v_i^2.",
            _neuron_limit(matrix), most=bound, what="relative distance",
            tolerance="as for the second layer", evidence="derived from the fixed points",
        )
        for id, matrix, bound in (("G11", "hessian", 0.3), ("G12", "gradient", 0.55))
    ),
    *(
        every_seed(
            id, "heatmaps_xor",
            f"{T}, t = 60: the top-2 eigenspace of {WW[matrix]} of every live neuron is "
            f"span(mu, nu).",
            neurons(XOR_THEOREM, "neuron_overlap", matrix, END, END), least=0.95,
            what="mean squared cosine", tolerance="as for rho_2",
            evidence="theorem on the first layer",
        )
        for id, matrix in (("G13", "hessian"), ("G14", "gradient"))
    ),
    every_seed(
        "G15", "fig4_1", f"{T}, t = 60: v lives in the span of g(+-W mu), g(+-W nu).",
        _features, least=0.99, what="alignment", tolerance="independent runs had 1.000",
        evidence="theorem on the second layer",
    ),
    *(
        every_seed(
            id, "fig4_1", f"{T}, t = 60: v lives in the top-4 eigenspace of {VV[matrix]}.",
            readout(XOR_THEOREM, matrix, END)[1], least=0.99, what="rho_4(v)",
            tolerance="independent runs had 1.000", evidence="theorem on the second layer",
        )
        for id, matrix in (("G16", "hessian"), ("G17", "gradient"))
    ),
    every_seed(
        "G18", "", f"{T}, t = 60: |W_i|^2 = v_i^2 for every live neuron.",
        _balance, most=0.1, what="relative distance",
        tolerance="it decays as exp(-2 beta t) = 0.0025; steps 1/d and noise leave more",
        evidence="fixed points of the companion paper",
    ),
    *(
        every_seed(
            id, "heatmaps_xor",
            f"{T}, t = 60: neurons that have died (v_i^2 below a hundredth of the largest) have no "
            f"outliers in {WW[matrix]}.",
            _dead(matrix), most=2 * SMALL, what="their top eigenvalue over the largest of all",
            tolerance="both blocks are v_i^2 times a mean that is about the same for all: factor 2",
            evidence="derived",
        )
        for id, matrix in (("G19", "hessian"), ("G20", "gradient"))
    ),
)  # fmt: skip
