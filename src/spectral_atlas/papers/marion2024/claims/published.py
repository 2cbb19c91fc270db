"""Numbers of the published figures, and the grids they belong to.

The figures print no numbers. Those of runs were measured by re-running the published
initializations with exact Hessian eigenvalues; ours are other initializations on the same data.
Squared distances of the published code are divided by d; here they are not.
"""

from __future__ import annotations

import numpy as np

# Position of the data in the published chain of random keys: n, d, noise, position.
DATA = {
    "linear": (50, 5, 1.0, 0),
    "underdetermined": (15, 20, 1.0, 20),
    "noiseless": (50, 5, 0.0, 0),
}

# Name: L, and (value, half a unit of the last digit) for what follows from the data alone.
QUANTITIES = {
    "linear": (
        10,
        {
            "a": (0.93281, 5e-6), "2La": (18.656, 5e-4), "8L Lambda": (127.53, 5e-3),
            "R_min": (0.36822, 5e-6), "R(0)": (1.30103, 5e-6), "eta*": (0.10720, 5e-6),
        },
    ),
    "underdetermined": (
        5,
        {
            "a": (1.71668, 5e-6), "2La": (17.167, 5e-4), "8L Lambda": (135.01, 5e-3),
            "R_min": (0.0, 5e-6), "R(0)": (1.71668, 5e-6), "eta*": (0.1165, 5e-5),
        },
    ),
    "noiseless": (
        10,
        {
            "a": (0.96741, 5e-6), "2La": (19.348, 5e-4), "8L Lambda": (127.53, 5e-3),
            "R_min": (0.0, 5e-6), "R(0)": (0.96741, 5e-6), "eta*": (0.10337, 5e-6),
        },
    ),
}  # fmt: skip

# L: 2La, balanced rank-one sharpness, its least value over |W_1|, upper end of Theorem 1.
FORMULAS = {
    2: (3.7312, 3.8322, 3.8227, 5.829),
    3: (5.5968, 5.6602, 5.6584, 8.047),
    5: (9.3281, 9.3785, 9.3776, 12.132),
    10: (18.6561, 18.7001, 18.6996, 21.796),
    20: (37.3122, 37.3536, 37.3531, 40.656),
    40: (74.6244, 74.6647, 74.6642, 78.083),
}

MLP_SCALES = tuple(np.linspace(0.25, 0.6, 10))
STEPS = {0.005: 40_000, 0.02: 10_000, 0.07: 4000, 0.1: 4000, 0.2: 2000}
REPEATS = {0.005: 20, 0.02: 20, 0.07: 20, 0.1: 20, 0.2: 80}

# Share of diverged runs by scale.
MLP_DIVERGED = {
    0.005: (0, 0, 0, 0, 0, 0, 0, 0.10, 0.55, 0.85),
    0.02: (0, 0, 0, 0, 0, 0, 0.10, 0.30, 0.80, 0.95),
    0.07: (0, 0, 0, 0, 0, 0.15, 0.65, 0.85, 1, 1),
    0.1: (0, 0, 0, 0, 0.05, 0.35, 0.65, 0.95, 0.95, 0.95),
    0.2: (0, 0, 0, 0.025, 0.25, 0.65, 0.90, 0.975, 1, 1),
}
# Mean and standard deviation of the final sharpness by scale.
MLP_SHARPNESS = {
    0.005: ((20.85, 0.53), (22.77, 1.41), (24.87, 1.95), (30.3, 7.2), (55.9, 39), (92.7, 87),
            (161, 86), (217, 109), (180, 87), (262, 120)),
    0.02: ((20.75, 0.59), (22.31, 1.00), (26.3, 7.5), (34.5, 11), (39.1, 14), (58.9, 19),
           (68.4, 20), (78.6, 14), (77, 29)),
    0.07: ((20.95, 0.71), (22.40, 1.01), (25.00, 2.00), (27.76, 1.54), (28.22, 0.59),
           (28.41, 0.19), (28.41, 0.16), (28.44, 0.09)),
    0.1: ((19.97, 0.34), (19.84, 0.47), (20.05, 0.77), (20.05, 0.85), (20.1, 1.2), (20.4, 1.1),
          (20.2, 1.5)),
}  # fmt: skip

RESIDUAL_STEPS = 4000
RESIDUAL_RATES = (0.005, 0.02, 0.07, 0.1, 0.2)
RESIDUAL_GRID = tuple(np.linspace(0, 1.7, 10))
# Index of the scale on its grid: share of diverged runs at the five rates.
RESIDUAL_DIVERGED = {
    0: (0, 0, 0, 0, 0),
    1: (0, 0, 0, 0, 0),
    2: (0, 0, 0, 0, 0.05),
    4: (0, 0, 0, 0, 0.65),
    6: (0, 0, 0.25, 0.5, 0.9),
    9: (0, 0.15, 0.9, 1, 1),
}
# ... mean and standard deviation of the final sharpness at the first four rates.
RESIDUAL_SHARPNESS = {
    1: ((29.3, 2.3), (27.8, 2.7), (24.0, 1.8), (19.85, 0.18)),
    2: ((34.9, 4.7), (34.4, 6.6), (25.6, 1.6), (19.9, 0.26)),
    4: ((60.7, 23), (40.6, 9.8), (26.6, 1.4), (19.95, 0.18)),
    6: ((98, 45), (53.8, 19), (28.1, 0.3), (19.96, 0.26)),
    9: ((129, 54), (64, 20)),
}
# From s = 0 the run is deterministic: final sharpness by rate.
RESIDUAL_IDENTITY = {0.005: 27.078, 0.02: 26.490, 0.07: 24.160}

DEPTH_RATES = tuple(np.geomspace(10**-2, 10**-0.3, 25))
# L: learning rate and mean squared distance / d of 50 runs at the first two rates above eta*.
DEPTHS_ABOVE = {
    5: ((0.2217, 3.2e-3), (0.2610, 1.7e-2)),
    10: ((0.1155, 5.5e-3), (0.1359, 1.6e-2)),
    20: ((0.0601, 6.5e-3), (0.0708, 1.7e-2)),
    40: ((0.0313, 9.1e-3), (0.0369, 1.5e-2)),
}

UNDERDETERMINED_SCALES = tuple(np.linspace(0.1, 0.36, 9))
# Mean and standard deviation of the final sharpness at eta = 0.001, 40000 steps, 100 runs each.
UNDERDETERMINED_SHARPNESS = (
    (20.45, 0.35), (22.8, 0.8), (28.4, 2.5), (44, 8), (87, 23), (194, 69), (421, 152), (793, 248),
    (1101, 361),
)  # fmt: skip
GELU_SCALES = tuple(np.linspace(0.428, 0.7, 8))
GENERALIZATION_SLOPE = (0.4191, 0.0130)

# (L, scale): mean and standard deviation over 10 runs of S over its rank-one limit.
RANK_ONE = {(3, 0.3): (1.34, 0.22), (5, 0.07): (1.0011, 0.0007)}
