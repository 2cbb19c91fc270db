"""Files on the follow-up's examples, made up so that the claims on them hold, but for one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims import sgd


def bifurcation():
    a = np.linspace(0.7, 1.62, 200)
    ends = {1: 1.0, 2: theory.DOUBLING, 4: 1.28803, 8: 1.29923, 16: 1.30163}
    period = np.ones((2, len(a)), dtype=int)
    for k, end in ends.items():
        period[:, a > end] = 2 * k
    kept = a[(a > 1) & (a < 1.3)]
    x = np.stack(theory.period_two_points(kept), axis=1)
    along, across = (np.repeat(v, 2) for v in theory.period_two_multipliers(kept))
    cycle = np.empty((2, 2, 2, 2))
    cycle[0, 0], cycle[0, 1] = (1.2101, 0.8264), [[0.7715] * 2, [1.1298] * 2]
    cycle[1, 0], cycle[1, 1] = (-2.33, -2.69), (-10.6, -7.2)
    multiplier = np.full((2, 2, 2), np.nan)
    multiplier[0] = [[1.0, -0.895], [0.706, -0.221]]
    start = np.broadcast_to([1.48, 1 / 1.48 + 0.1], (2, 2, 3, 2)).copy()
    names = {"flag_values": list(range(5)), "flag_meanings": "minimum period_two dead none gone"}
    each = ("normalization", "rate")
    found = xr.Dataset(
        {
            "attractor_period": (("start", "value"), period),
            "point_a": ("point", np.repeat(kept, 2)),
            "point_x": ("point", x.ravel()),
            "point_period": ("point", np.full(2 * len(kept), 2)),
            "point_cascade": ("point", np.ones(2 * len(kept), dtype=bool)),
            "point_along": ("point", along),
            "point_across": ("point", across),
            "doubling": ("doubled", list(ends.values())),
            "dead_zone": ((), theory.DEAD_ZONE),
            "trajectory": ((*each, "step", "parameter"), start),
            "loss": ((*each, "step"), np.full((2, 2, 3), 3.53)),
            "ending": (each, [[0, 1], [2, 2]], names),
            "cycle": ((*each, "phase", "parameter"), cycle),
            "multiplier": ((*each, "mode"), multiplier),
        },
        coords={
            "a": ("value", a),
            "doubled": list(ends),
            "normalization": ["half", "full"],
            "rate_eta": ("rate", [0.25, 0.325]),
        },
        attrs={"mean_square": 3.53},
    )
    return {"runs/bifurcation": found}


def minibatch():
    t, panels, inputs = np.geomspace(0.25, 4, 400), (sgd.LEFT, sgd.RIGHT), (0.9, 2.5)
    s, near = t**2 + t**-2, t[::8]
    mu = np.stack([theory.gd_exponent(s, eta, inputs, p) for eta, p in panels])
    growth = np.stack([theory.sgd_exponent(s, eta, inputs, p) for eta, p in panels])
    back = [np.clip(np.sign(-x[:, ::8]), 0, 1) for x in (mu, growth)]
    found = xr.Dataset(
        {
            "gd_exponent": (("rate", "point"), mu),
            "gd_measured": (("rate", "point"), mu.copy()),
            "sgd_exponent": (("rate", "point"), growth),
            "sgd_measured": (("rate", "point"), growth + 1e-3),
            "sgd_error": (("rate", "point"), np.full(growth.shape, 1e-3)),
            "gd_returned": (("rate", "near"), back[0]),
            "sgd_returned": (("rate", "near"), back[1]),
            "gd_ending": (("rate", "near", "start"), np.zeros((2, 50, 100), dtype=int)),
        },
        coords={
            "rate_eta": ("rate", [0.15, 0.3]),
            "probability": ("rate", [0.5, 0.58]),
            "t_1": ("point", t),
            "near_t_1": ("near", near),
        },
        attrs={"inputs": list(inputs), "steps": 4000},
    )
    return {"runs/minibatch": found}
