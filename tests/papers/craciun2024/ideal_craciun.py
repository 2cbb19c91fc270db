"""Files of spectra and data, made up so that every claim on them holds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.claims.study import REGRESSIONS

BRANCHES = (1, -1)


def hyperbola():
    etas, size = np.array([0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.5]), np.geomspace(1 / 6, 6, 41)
    w = np.stack([np.stack([s * size, s / size], axis=1) for s in BRANCHES])
    top = theory.sharpness_on_minima(w[..., 0])
    low, high = theory.stable_interval(etas)
    ends = np.stack([np.stack([low, high], -1), np.stack([-high, -low], -1)], axis=1)
    kind = np.where(etas < 0.5, 2, 1)[:, None] * np.ones((1, 2), dtype=int)
    names = {"flag_values": [0, 1, 2], "flag_meanings": "empty point interval"}
    by_rate = ("learning_rate", "branch")
    found = xr.Dataset(
        {
            "w": (("branch", "point", "weight"), w),
            "eigenvalues": (("branch", "point", "index"), np.stack([0 * top, top], -1)),
            "sharpness": (("branch", "point"), top),
            "least_sharpness": ("branch", [4.0, 4.0]),
            "kind": (by_rate, kind, names),
            "interval": ((*by_rate, "end"), ends),
            "arclength": (by_rate, np.tile(theory.stable_arclength(etas), (2, 1)).T),
            "largest_norm": (by_rate, np.tile(etas**-0.5, (2, 1)).T),
        },
        coords={"learning_rate": etas, "branch": list(BRANCHES)},
    )
    return {"spectra/hyperbola": found}


def stable_set():
    etas, t, e = np.array([0.05, 0.1, 0.3]), np.array([1.0, 10, 1000]), np.array([0.01, 0.1])
    narrow = np.concatenate(
        [np.zeros((2, 4)), np.stack([2 * e**2, 2 * (e**2 + e**-2)], axis=1)], axis=1
    )
    found = xr.Dataset(
        {
            "largest_squared_norm": ("learning_rate", 2 / etas),
            "stretched_sharpness": ("stretch", 6 + 0 * t),
            "stretched_loss": ("stretch", 0 * t),
            "stretched_norm": ("stretch", t),
            "narrow_eigenvalues": (("e", "value"), narrow),
            "narrow_loss": ("e", 0 * e),
        },
        coords={"learning_rate": etas, "stretch": t, "e": e},
        attrs={"net": "2-3-2"},
    )
    return {"spectra/stable_set": found}


def nets_data():
    """The networks of the claims, with X = S^(1/2)."""
    names = list(REGRESSIONS)
    most = max(len(r.widths) for r in REGRESSIONS.values())
    widths = np.full((len(names), most), -1)
    x, y = np.full((len(names), 3, 3), np.nan), np.full((len(names), 2, 3), np.nan)
    for k, r in enumerate(REGRESSIONS.values()):
        inputs, outputs = r.widths[0], r.widths[-1]
        W = np.array(r.target) if r.target else np.eye(outputs, inputs)
        W[range(outputs), range(outputs)] *= r.singular_values or 1
        widths[k, : len(r.widths)] = r.widths
        X = np.diag(np.sqrt(r.second_moment or [1.0] * inputs))
        x[k, :inputs, :inputs], y[k, :outputs, :inputs] = X, W @ X
    data = xr.Dataset(
        {
            "widths": (("net", "layer"), widths),
            "x": (("net", "input", "sample"), x),
            "y": (("net", "output", "sample"), y),
        },
        coords={"net": names},
    )
    return {"data/nets": data}


def jacobian():
    etas, eps = np.array([0.25, 0.5, 0.75]), np.array([0.1, 0.01, 1e-3, 1e-4])
    slope = np.stack([0 * eps + 0.25, [0.23, 0.3, 0.37, 0.45], 0.0 * eps + 0.08])
    slope[2] = [0.0757, 0.0829, 0.0887, 0.08]
    line = np.stack([0.5 + 0 * eps, eps / (6 * (10 / 6) ** 0.5)])
    found = xr.Dataset(
        {
            "share": (("learning_rate", "epsilon"), slope * eps),
            "share_error": (("learning_rate", "epsilon"), np.sqrt(slope * eps / 4e6)),
            "smallest": ("learning_rate", [1e-6, 1e-7, 1e-8]),
            "closed_form_error": ("learning_rate", [1e-15] * 3),
            "net_share": (("net", "epsilon"), [[0.7, 0.25, 0.04, 5e-3], 0.6 * eps]),
            "net_smallest": ("net", [1e-6, 1e-5]),
            "net_exact_zeros": ("net", [0, 0]),
            "origin_sign": ("net", [1, 1]),
            "origin_log_determinant": ("net", [-0.4, 0.0]),
            "coincidence_rate": (("net", "singular"), [[1 / 3, 0.5], [np.nan, np.nan]]),
            "coincidence_gap": (("net", "singular"), [[0, 1e-16], [np.nan, np.nan]]),
            "coincidence_elsewhere": (("net", "singular"), [[1e-4, 1e-3], [np.nan, np.nan]]),
            "singular_interval": ("end", [2.5, 3.5]),
            "singular_image": (("singular_rate", "end"), [[0, 0], [1.25, 1.75]]),
            "singular_share": (("singular_rate", "epsilon"), line),
        },
        coords={
            "learning_rate": etas, "epsilon": eps, "net": ["2-3-2", "2-3-3-2"],
            "net_depth": ("net", [2, 3]), "singular_rate": [0.5, 0.25],
        },
        attrs={"points": 4_000_000, "draws": 40_000, "checked": 4096, "box": 3.0},
    )  # fmt: skip
    return {"spectra/jacobian": found}


def manifold():
    """Six networks 2-3-2, the last three with data of rank 1."""
    rank = np.array([2, 2, 2, 1, 1, 1])
    values = np.zeros((6, 5, 12))
    for k, r in enumerate(rank):
        values[k, :, : 2 * r] = np.geomspace(10, 0.1, 2 * r)
    values[..., -1] = 1e-16
    closed = np.sort(values[..., :4], axis=-1)[..., ::-1]
    facts = {"n_params": 12 + 0 * rank, "inputs": 2 + 0 * rank, "outputs": 2 + 0 * rank}
    found = xr.Dataset(
        {
            "eigenvalues": (("net", "point", "value"), values),
            "closed": (("net", "point", "kept"), closed),
            **{name: ("net", v) for name, v in (facts | {"data_rank": rank}).items()},
        },
        coords={"net": [f"net {k}" for k in range(6)], "value": np.arange(1, 13)},
    )
    return {"spectra/manifold": found}


def critical():
    white = {"two-parameter": 4.0, "2-3-2": 6.0, "chain-3": 6.0, "2-3-3-2": 6 * 1.5 ** (4 / 3)}
    bound = {**white, "2-3-2-colored": 10.11977, "2-3-3-2-colored": 16.417125}
    bound |= {f"random {k}": 3.0 + k for k in range(40)}
    names, values = list(bound), np.array(list(bound.values()))
    found = xr.Dataset(
        {
            "bound": ("problem", values),
            "sharpness": ("problem", values * (1 + 1e-9)),
            "misfit": ("problem", np.full(len(names), 1e-16)),
            "white": ("problem", [name in white for name in names]),
            "random": ("problem", [name.startswith("random") for name in names]),
        },
        coords={"problem": names},
    )
    return {"runs/critical": found}


def ideal_spectra():
    """All of them."""
    parts = hyperbola(), stable_set(), nets_data(), jacobian(), manifold(), critical()
    return {ref: ds for part in parts for ref, ds in part.items()}
