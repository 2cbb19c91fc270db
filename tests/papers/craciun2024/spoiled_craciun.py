"""For each claim one variable of one file, spoiled so that the claim has to fail."""

from __future__ import annotations

import numpy as np


def to(value):
    return lambda old: np.full_like(old, value)


def times(factor):
    return lambda old: (old * factor).astype(old.dtype)


def plus(number):
    return lambda old: (old + number).astype(old.dtype)


def _of(ref):
    """A change of one variable of a file, at some coordinates and indices."""
    return lambda name, change, **at: (ref, name, at, change)


edge, seen_edge = _of("runs/edge"), _of("spectra/edge")
fresh, seen_fresh = _of("runs/edge_fresh"), _of("spectra/edge_fresh")
chain, seen_chain = _of("runs/chain"), _of("spectra/chain")
wide, seen_wide = _of("runs/wide"), _of("spectra/wide")
curve, reach = _of("spectra/hyperbola"), _of("spectra/stable_set")
manifold, flattest = _of("spectra/manifold"), _of("runs/critical")
jacobian = _of("spectra/jacobian")
two, nets, rest = _of("runs/two_parameter"), _of("runs/nets"), _of("spectra/nets")
orbits, grid = _of("spectra/orbits"), _of("runs/basins")
layers, resting = _of("runs/nonlinear"), _of("spectra/nonlinear")
fold, sgd = _of("runs/bifurcation"), _of("runs/minibatch")
LAST, A_LAST = {"checkpoint": -1}, 300 + (4000 - 300) // 5

SPOILED = {
    "A1": seen_edge("eigenvalues", times(1.1), run="A"),
    "A2": seen_edge("eigenvalues", to(0), run="A", checkpoint=slice(0, 12)),
    "A3": seen_edge("eigenvalues", times(1.01), run="A", checkpoint=A_LAST),
    "A4": edge("increases", to(100), run="A"),
    "A5": edge("loss", to(1e-11), run="A", step=4000),
    "A6": edge("loss", times(1.1), run="A", step=30),
    "A7": seen_edge("eigenvalues", times(1.01), run="A", checkpoint=150),
    "A8": edge("reference_increases", to(1), run="A"),
    "A9": seen_edge("reference_eigenvalues", times(1.02), run="A", checkpoint=250),
    "A10": edge("reference_loss", to(1e-3), run="A"),
    "A11": seen_edge("eigenvalues", times(1.1), run="B"),
    "A12": seen_edge("eigenvalues", to(0), run="B", checkpoint=slice(0, 30)),
    "A13": seen_edge("eigenvalues", times(1.01), run="B", checkpoint=80),
    "A14": seen_edge("eigenvalues", times(1.01), run="B", **LAST),
    "A15": edge("increases", to(10), run="B"),
    "A16": chain("loss", times(2), run=0.24),
    "A17": chain("increases", to(0), run=0.24),
    "A18": seen_chain("eigenvalues", times(1.1), run=0.24),
    "A19": None,  # a closed form: see test_claims_robust
    "A20": seen_chain("reference_eigenvalues", times(1.02), run=0.24),
    "A21": seen_fresh("eigenvalues", times(1.1), run=3, **LAST),
    "A22": seen_fresh("eigenvalues", times(0.5), run=2),
    "A23": seen_fresh("eigenvalues", times(0.9), run=2, **LAST),
    "A24": fresh("increases", to(0), run=2),
    "A25": fresh("reference_increases", to(1), run=2),
    "A26": fresh("loss", to(0.1), run=2, step=4000),
    "A27": seen_fresh("eigenvalues", times(0.9), run=2, **LAST),
    "A28": seen_wide("converged", to(False), run=1, checkpoint=2),
    "A29": seen_wide("ratio", to(0.9), run=1),
    "A30": seen_wide("ratio", to(1.1), run=1, **LAST),
    "A31": wide("loss", to(1e-3), run=1, step=-1),
    "A32": wide("increases", to(3), run=1),
    "A33": seen_wide("ratio", to(0.8), run=1, **LAST),
    "B1": curve("sharpness", times(1.001), branch=-1, point=3),
    "B2": curve("eigenvalues", plus(0.01), branch=-1, point=3, index=0),
    "B3": curve("interval", plus(0.01), learning_rate=0.3, branch=-1),
    "B4": curve("arclength", plus(0.01), learning_rate=0.3, branch=-1),
    "B5": curve("largest_norm", times(1.001), learning_rate=0.3, branch=-1),
    "B6": curve("kind", to(2), learning_rate=0.5, branch=-1),
    "B7": curve("least_sharpness", to(4.1), branch=-1),
    "B8": two("theta", times(1.1), learning_rate=0.4),
    "B9": two("theta", times(0.9), learning_rate=0.4),
    "B10": reach("largest_squared_norm", times(1.1), learning_rate=0.1),
    "B11": reach("stretched_sharpness", plus(0.1), stretch=1000),
    "B12": reach("narrow_eigenvalues", times(2), e=0.01, value=4),
    "B13": manifold("eigenvalues", to(1e-9), net="net 1", point=2, value=4),
    "B14": manifold("eigenvalues", to(1e-9), net="net 1", point=2, value=12),
    "B15": manifold("eigenvalues", to(0.1), net="net 4", point=2, value=12),
    "B16": manifold("eigenvalues", to(1e-9), net="net 1", point=2, value=12),
    "B17": manifold("closed", times(1.01), net="net 1", point=2),
    "B18": flattest("sharpness", times(1.01), problem="chain-3"),
    "B19": flattest("sharpness", times(1.001), problem="2-3-2-colored"),
    "B20": flattest("sharpness", times(0.99), problem="random 7"),
    "B21": flattest("sharpness", times(1.1), problem=[f"random {k}" for k in range(5)]),
    "C1": curve("eigenvalues", times(1.01), branch=1, point=3),
    "C2": jacobian("closed_form_error", to(1e-3), learning_rate=0.5),
    "C3": jacobian("share", times(1.2), learning_rate=0.25, epsilon=0.01),
    "C4": jacobian("share", times(1.1), learning_rate=0.75, epsilon=0.01),
    "C5": jacobian("share", times(1.5), learning_rate=0.5, epsilon=1e-4),
    "C6": jacobian("net_exact_zeros", to(1), net="2-3-2"),
    "C7": jacobian("origin_log_determinant", to(0.1), net="2-3-3-2"),
    "C8": jacobian("coincidence_gap", to(0.1), net="2-3-2", singular=1),
    "C9": jacobian("coincidence_elsewhere", to(0.0), net="2-3-2", singular=1),
    "C10": jacobian("singular_share", to(0.4), singular_rate=0.5),
    "C11": jacobian("singular_image", plus(0.1), singular_rate=0.5),
    "C12": jacobian("singular_image", plus(0.1), singular_rate=0.25),
    "C13": jacobian("singular_share", times(1.2), singular_rate=0.25, epsilon=0.01),
    "C14": jacobian("net_share", to(0.2), net="2-3-2", epsilon=0.001),
    "D1": two("outcome", to(3), learning_rate=0.45, start=slice(0, 300)),
    "D2": two("outcome", to(0), learning_rate=0.51, start=7),
    "D3": two("outcome", to(1), learning_rate=0.5, start=7),
    "D4": two("outcome", to(2), learning_rate=1.0, start=slice(0, 300)),
    "D5": two("outcome", to(3), learning_rate=0.51, start=slice(0, 300)),
    "D6": two("outcome", to(3), learning_rate=0.8, start=slice(0, 300)),
    "D7": nets("outcome", to(3), net="3-4-2", share=0.95, start=slice(0, 60)),
    "D8": nets("outcome", to(3), net="2-3-2-colored", share=0.9, start=slice(0, 60)),
    "D9": nets("outcome", to(3), net="3-4-2", share=0.99, start=slice(0, 100)),
    "D10": nets("outcome", to(0), net="3-4-2", share=1.01, start=4),
    "D11": nets("outcome", to(1), net="chain-3", share=1.6, start=4),
    "D12": nets("outcome", to(1), net="chain-3", share=1.6, start=4),
    "D13": nets("outcome", to(2), net="chain-3", share=0.9, start=4),
    "D14": nets("outcome", to(3), net="chain-3", share=1.01, start=slice(0, 60)),
    "D15": rest("ratio", to(1.01), net="chain-3", share=0.9, start=4),
    "D16": two("outcome", to(3), learning_rate=0.51, start=slice(0, 400)),
    "D17": nets("outcome", to(3), net="3-4-2", share=1.01, start=slice(0, 30)),
    "E1": nets("gradient_mean", times(1.02), net="2-3-2", share=1.1),
    "E2": nets("gradient_mean", times(1.02), net="2-3-2", share=1.1, start=4),
    "E3": two("gradient_mean", times(1.02), learning_rate=0.55),
    "E4": nets("gradient_mean", times(1.01), net="chain-3", share=1.1, start=4),
    "E5": nets("gradient_mean", times(1.02), net="2-3-3-2", share=1.1),
    "E6": nets("gradient_mean", to(1e-3), net="chain-3", share=0.5),
    "E7": nets("gradient_mean", to(1e-3), net="2-3-2", share=0.99),
    "E8": nets("gradient_mean", to(1e-9), net="chain-3", share=1.01),
    "E9": nets("period_two_gap", to(0.1), net="2-3-2", share=1.2, start=4),
    "E10": nets("step_length", to(1e-14), net="1-4-1", share=1.22, start=4),
    "E11": nets("period_two_gap", to(0.1), net="3-4-2", share=1.15, start=4),
    "E12": nets("period_two_gap", to(0.0), net="3-4-2", share=1.22, start=4),
    "E13": nets("period_two_gap", to(0.0), net="chain-3", share=1.3, start=4),
    "E14": orbits("multipliers", to(1.1), net="chain-3", share=1.1, orbit=0, value=1),
    "E15": orbits("multipliers", times(0.9), net="two-parameter", share=1.1, orbit=0),
    "E16": fold("point_x", plus(1e-3), point=3),
    "E17": fold("point_across", plus(1e-3), point=3),
    "E18": fold("doubling", plus(0.01), doubled=2),
    "E19": fold("doubling", plus(0.01), doubled=4),
    "E20": fold("doubling", plus(0.01), doubled=8),
    "E21": fold("doubling", plus(0.01), doubled=16),
    "E22": fold("dead_zone", plus(0.01)),
    "E23": fold("attractor_period", to(3), value=110),
    "F1": grid("outcome", to(0), learning_rate=0.75, w1=3, w2=4),
    "F2": grid("outcome", to(3), learning_rate=0.75, w1=19, w2=20),
    "F3": grid("outcome", to(3), learning_rate=0.25, w1=19, w2=20),
    "F4": grid("outcome", to(1), learning_rate=0.75, w1=3, w2=4),
    "F5": grid("nudged", to(1), learning_rate=0.75, w1=19, w2=20),
    "F6": grid("nudged", to(2), learning_rate=0.25, w1=19, w2=20),
    "F7": grid("nudged", to(0), learning_rate=0.75, w1=19, w2=20),
    "F8": grid("sharpness", to(9.0), learning_rate=0.25, w1=19, w2=19),
    "G1": layers("outcome", to(2), activation="elu", learning_rate=0.05, start=3),
    "G2": layers("outcome", to(0), activation="elu", learning_rate=0.6, start=3),
    "G3": layers("outcome", to(0), activation="elu", learning_rate=0.4, start=slice(0, 58)),
    "G4": resting("ratio", to(1.1), activation="elu", learning_rate=0.2, start=3),
    "G5": layers("loss_most", to(0.1), activation="elu", learning_rate=0.2, start=3),
    "G6": layers("gradient_mean", to(1e-7), learning_rate=0.5),
    "G7": layers("outcome", to(1), activation="elu", learning_rate=0.6, start=slice(0, 30)),
    "H1": fold("cycle", plus(0.01), normalization="half", rate=0),
    "H2": fold("ending", to(3), normalization="half", rate=1),
    "H3": fold("multiplier", plus(0.01), normalization="half", rate=1),
    "H4": fold("ending", to(0), normalization="full", rate=1),
    "H5": fold("cycle", times(1.1), normalization="full", rate=1),
    "H6": sgd("gd_measured", to(-0.1), rate=0, point=2),
    "H7": sgd("sgd_exponent", plus(0.1), rate=1),
    "H8": sgd("sgd_exponent", plus(0.1), rate=0),
    "H9": None,  # fails on the ideal files
    "H10": sgd("sgd_exponent", to(-0.1), rate=0, point=306),
    "H11": sgd("sgd_exponent", to(-0.1), rate=1, point=200),
    "H12": sgd("gd_measured", plus(0.1), rate=1, point=200),
    "H13": sgd("sgd_measured", plus(0.1), rate=1, point=200),
    "H14": sgd("gd_returned", to(0.9), rate=0, near=25),
    "H15": sgd("gd_returned", to(0.1), rate=0, near=0),
    "H16": sgd("sgd_returned", to(0.1), rate=0, near=0),
    "H17": sgd("sgd_returned", to(0.1), rate=0, near=25),
}


def changed(inputs, ref, name, at, change):
    """The inputs with one variable changed at coordinates, or at indices where there are none."""
    ds = inputs[ref].copy()
    ds[name] = ds[name].copy(deep=True)
    place = {}
    for key, wanted in at.items():
        if key in ("checkpoint", "step", "point", "w1", "w2") or key not in ds.coords:
            place[key] = wanted
            continue
        values = ds[key].values
        text = values.dtype.kind in "UO"
        mine = np.isin(values, wanted) if text else np.isclose(values, wanted)
        place[key] = np.flatnonzero(mine)
        assert place[key].size, (ref, at)
    ds[name][place] = change(ds[name][place].values)
    return inputs | {ref: ds}
