"""Files of descents, made up so that every claim on them holds, and that they are what they say."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import xarray as xr

from spectral_atlas.data.matrix_completion import entry_order, gaussian_factors
from spectral_atlas.papers.jacot2021 import readings, theory
from spectral_atlas.papers.jacot2021.claims.kernels import derived_deviation
from spectral_atlas.papers.jacot2021.problems import problem

TEN, RATE, NARROW_RATE, TOP = list(range(10)), 0.2, 0.02, 10.0
COSTS = (0.5, 0.1)  # at the saddles of rank one and two
BLURRED = 0.05  # |grad| where a path slows down but little, half of that around
RISE = np.linspace(-9, 8, 86)  # times around the escape


def completion() -> xr.Dataset:
    """Ten matrices of rank 3."""
    rng = np.random.default_rng(5)
    dims = ("target", "row", "column")
    return xr.Dataset(
        {
            "matrix": (dims, np.stack([gaussian_factors(rng, 10, 10, 3) for _ in TEN])),
            "order": (dims, np.stack([entry_order(rng, 10, 10) for _ in TEN])),
            "noise": (dims, rng.standard_normal((10, 10, 10))),
        },
        coords={"target": TEN},
        attrs={"rank": 3, "observed": 80, "law": "Gaussian factors"},
    )


DATA = completion()
TASKS = [problem(DATA, t) for t in TEN]
PAIRS = [np.linalg.svd(task.gradient(np.zeros((10, 10)))) for task in TASKS]
SLOPES = np.array([s for _, s, _ in PAIRS])


def along_pairs(target: int, values, tilt: float = 0.0) -> np.ndarray:
    """Singular values on the pairs of -dC/dA(0), the first pair tilted towards the second."""
    u, _, vt = PAIRS[target]
    u, v = u.copy(), vt.T.copy()
    u[:, 0] += tilt * u[:, 1]
    v[:, 0] += tilt * v[:, 1]
    return -(u[:, : len(values)] * values) @ v[:, : len(values)].T


def joined(members: list[xr.Dataset], **attrs) -> xr.Dataset:
    """Members one after the other, padded along records; xarray takes ten times longer."""
    made, longest = {}, max(m.sizes["record"] for m in members)
    for name, one in members[0].variables.items():
        if name == "record":
            continue
        rows = [np.asarray(m[name].values) for m in members]
        if one.dims[:1] == ("record",):
            rows = [
                np.pad(
                    r, [(0, longest - len(r))] + [(0, 0)] * (r.ndim - 1),
                    constant_values=-1 if name == "step" else np.nan,
                )
                for r in rows
            ]  # fmt: skip
        made[name] = (("member", *one.dims), np.stack(rows))
    out = xr.Dataset(made).set_coords([n for n in members[0].coords if n != "record"])
    usual = {"noise": 0.0, "ridge": 0.0, "scale": 1.0, "stop_share": 1e-6, "data": "completion"}
    return out.assign_attrs(usual | attrs)


def named(ds: xr.Dataset, depth, width, gamma, target, start=0, observed=80) -> xr.Dataset:
    return ds.assign_coords(
        depth=depth, width=width, gamma=gamma, target=target, initialization=start,
        observed=observed,
    )  # fmt: skip


def member(step, maps, s, train, test, gradient=None, squared=None, **numbers):
    """Runs and spectra of one path."""
    n, maps, s = len(step), np.asarray(maps), np.asarray(s, dtype=float)
    numbers = {"learning_rate": RATE, "stopped": True, "diverged_at": -1} | numbers
    runs = xr.Dataset(
        {
            "step": ("record", np.asarray(step, dtype=np.int64)),
            "map": (("record", "row", "column"), maps),
            "train_cost": ("record", np.broadcast_to(train, n).astype(float)),
            "gradient_norm": ("record", np.ones(n) if gradient is None else gradient),
            "squared_norm": ("record", np.ones(n) if squared is None else squared),
            "n_records": n, "last_step": int(step[-1]), **numbers,
        },
        coords={"record": np.arange(n)},
    )  # fmt: skip
    spectra = xr.Dataset(
        {
            "singular_values": (("record", "value"), np.pad(s, ((0, 0), (0, 10 - s.shape[1])))),
            "test_cost": ("record", np.broadcast_to(test, n).astype(float)),
            "cosine": ("record", np.full(n, 0.999)),
            "test_at_zero": 1.0,
        }
    )
    return runs, spectra


def files(name: str, pairs, **attrs) -> dict[str, xr.Dataset]:
    runs, spectra = zip(*pairs, strict=True)
    spectra = joined(list(spectra), **attrs)
    targets = spectra["target"].values
    spectra = spectra.assign(origin_slopes=(("member", "value"), SLOPES[targets]))
    return {f"runs/{name}": joined(list(runs), **attrs), f"spectra/{name}": spectra}


def rise(escape: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps around an escape, and s_1 there: half of `TOP` at the escape."""
    step = np.unique(np.maximum(np.rint((escape + RISE) / RATE), 0)).astype(int)
    step = step if step[0] == 0 else np.concatenate([[0], step])
    return step, np.maximum(TOP / (1 + np.exp(np.minimum(escape - RATE * step, 600))), 1e-9)


def descent(target: int, gamma: float, last=(3, 1e-5)):
    """From saddle to saddle at L = 4, w = 100: the law's times, the greedy saddles, the tilt."""
    s = SLOPES[target]
    law = 100 ** (gamma - 1)
    escape, off = 0.6 * law / s[0], {1.5: 0.02, 2.0: 1e-4, 2.5: 1e-6}[gamma]
    tilt = 0.02 * 100 ** (-(gamma - 2) * (1 - s[1] / s[0]) / 2)
    step, tops = rise(escape)
    after = np.rint(np.array([2, 2.9, 3, 3.5, 3.9, 4, 4.5]) * escape / RATE).astype(int)
    steps = np.concatenate([step, after])
    second = 1e-4 * 100 ** (-2 * (gamma - 2))
    late = [[0, 0], [0.2, 0], [1, 0], [5, 0], [5, 0.2], [5, 1], [5, 3]]
    values = [[v, v * second, 0] for v in tops] + [[TOP, *v] for v in late]
    values[-1] = [TOP, 5, 3][: last[0]] + [0] * (3 - last[0])
    maps = [along_pairs(target, v[:1], tilt) for v in values[:-7]]
    maps += [along_pairs(target, v) for v in values[-7:]]
    train = np.where(tops > 0.3, 0.7, 2.0)
    rest = BLURRED if gamma < 2 else 1e-3
    gradient = np.concatenate([np.full(len(tops), 0.1), [rest, 0.1, 0.1, rest, 0.1, 0.1, 1e-6]])
    one, two = (c * (1 + off) for c in COSTS)
    cost = np.concatenate([train, [one, one, two, two, two, 0.05, 1e-7]])
    return member(steps, maps, values, cost, last[1], gradient)


def paths() -> dict[str, xr.Dataset]:
    """Descents from saddle to saddle: ten targets, eight starts, four numbers of entries."""

    def some(cases):
        return [
            tuple(named(ds, 4, 100, g, t, start, n) for ds in descent(t, g, last))
            for g, t, start, n, last in cases
        ]  # fmt: skip

    good = (3, 1e-5)
    ends = {55: 0, 60: 4, 70: 10, 80: 10}  # recovered targets
    return (
        files("saddle_to_saddle", some((g, t, 0, 80, good) for g in (1.5, 2.0, 2.5) for t in TEN))
        | files(
            "initializations",
            some((g, t, i, 80, good) for g in (2.0, 2.5) for i in range(8) for t in (6, 0, 1)),
        )
        | files(
            "shares",
            some((2.0, t, 0, n, good if t < k else (2, 3.0)) for t in TEN for n, k in ends.items()),
        )
    )


def escapes() -> dict[str, xr.Dataset]:
    pairs = []
    for L, w, g, t, i in product((2, 3, 4), (50, 100, 200), (1.5, 2.0), range(3), range(3)):
        c = {2: 3 + g / 2 * np.log(w), 3: 1.0, 4: 0.6}[L]
        step, tops = rise(c * float(theory.escape_time_scale(w, g, L)) / SLOPES[t, 0])
        maps = np.zeros((len(step), 10, 10))
        pairs.append(
            tuple(named(ds, L, w, g, t, i) for ds in member(step, maps, tops[:, None], 1.0, 1.0))
        )
    return files("escape", pairs)


def first_paths() -> xr.Dataset:
    """Width one: the law of radii to half of the end, the same rise as wide paths."""
    parts, first, end = [], 0.14, 4.0
    for L, t in product((2, 3, 4), TEN):
        s = SLOPES[t, 0]
        speed = float(theory.optimal_escape_speed(s, L))
        half = (
            np.log(end / 2 / first) / speed
            if L == 2
            else (first ** (2 - L) - (end / 2) ** (2 - L)) / ((L - 2) * speed)
        )
        middle = half + 12
        time = np.concatenate([np.linspace(0, half, 40), middle + RISE, [middle + 40]])
        step = np.unique(np.rint(np.sort(time) / NARROW_RATE).astype(int))
        time = step * NARROW_RATE
        before = np.minimum(time, half)
        r = np.where(time <= half, theory.escape_radius(before, first, speed, L), end)
        tops = TOP / (1 + np.exp(middle - time))
        tops[-1] = TOP
        maps = [along_pairs(t, [v]) for v in tops]
        runs, _ = member(step, maps, tops[:, None], 1.0, 1.0, squared=r**2)
        parts.append(runs.assign(slope=s).assign_coords(depth=L, target=t))
    return joined(parts).assign_attrs(learning_rate=NARROW_RATE, epsilon=0.1)


def greedy() -> dict[str, xr.Dataset]:
    cases = list(product((2, 3, 4), TEN, (0.1, 0.05)))
    n = len(cases)
    L, t, epsilon = (np.array(v) for v in zip(*cases, strict=True))
    ends = [[along_pairs(k, [TOP, 5, 3][:r]) for r in (1, 2, 3)] for k in t]
    stage = ("member", "stage")
    runs = xr.Dataset(
        {
            "cost": (stage, np.tile([*COSTS, 1e-9], (n, 1))),
            "test": (stage, np.tile([0.5, 0.3, 1e-7], (n, 1))),
            "gradient_norm": (stage, np.full((n, 3), 1e-7)),
            "slope": (stage, np.ones((n, 3))),
            "end": ((*stage, "row", "column"), np.array(ends)),
            "width": ("member", np.full(n, 3)),
            "converged": ("member", np.ones(n, dtype=bool)),
            "test_at_zero": ("member", np.ones(n)),
        },
        coords={"depth": ("member", L), "target": ("member", t), "epsilon": ("member", epsilon)},
    )
    kept = runs.isel(member=np.flatnonzero(epsilon == 0.1))
    m, depth = kept.sizes["member"], kept["depth"].values[:, None]
    k = np.arange(4)[None]
    negative = np.where((depth == 2) & (k < 3), (12 - k) * (10 - k), 0.0)
    spectra = xr.Dataset(
        {
            "negative": (stage, negative),
            "zero": (stage, np.full((m, 4), 300.0)),
            "rotations": (stage, np.full((m, 4), 30.0)),
            "certain": (stage, np.ones((m, 4))),
            "gradient_norm": (stage, np.full((m, 4), 1e-7)),
            "slope": (stage, np.ones((m, 4))),
            "slope_rank": (stage, np.broadcast_to(10 - k, (m, 4))),
        },
        coords={name: kept[name] for name in ("depth", "target", "epsilon")},
        attrs={"width": 12},
    )
    return {"runs/greedy": runs, "spectra/saddles": spectra}


def plane() -> xr.Dataset:
    start = np.array([1.48, 1.48 * 100**-0.25])
    far = np.repeat(np.array([3.0, 0.97, 2.0])[None, :, None], 3, axis=2)
    return xr.Dataset(
        {
            "distances": (("gamma", "record", "stage"), far * start[:, None, None]),
            "squared_norm": (("gamma", "record"), np.tile(start[:, None] ** 2, (1, 3))),
            "passed_at": (("gamma", "stage"), np.tile([200, 300, 400], (2, 1))),
        },
        coords={"gamma": [2.0, 2.5]},
        attrs={"target": 6, "depth": 4, "width": 100},
    )


def regimes() -> dict[str, xr.Dataset]:
    test = {
        2: {0.5: 1.5, 0.75: 0.9, 1.0: 0.45, 1.25: 0.25, 1.5: 0.15, 1.75: 0.1, 2.0: 0.05},
        4: {0.75: 1.7, 1.0: 0.4, 1.25: 0.03, 1.5: 2e-4, 1.75: 2e-5, 2.0: 2e-5},
    }
    tail = {2: {2.0: 0.03}, 4: {2.0: 1e-5}}
    pairs = []
    for L in test:
        for (g, value), t in product(test[L].items(), TEN):
            s = np.array([[TOP, 5, 3, TOP * tail[L].get(g, 0.3)]])
            path = member([0], np.zeros((1, 10, 10)), s, 1e-7, value)
            pairs.append(tuple(named(ds, L, 100, g, t) for ds in path))
    return files("regimes", pairs)


def lazy() -> dict[str, xr.Dataset]:
    pairs, limits = [], []
    rng = np.random.default_rng(2)
    for L, w, t in product((2, 3, 4), (100, 400, 1000), TEN):
        task, gamma = TASKS[t], theory.smallest_gamma(L)
        start = 3 * rng.standard_normal((10, 10))
        limit = np.where(task.mask, task.observed, start)
        limits.append(limit)
        moved = np.linalg.norm(limit - start)
        end = limit * (1 + 0.5 / w**0.5 * moved / np.linalg.norm(limit))
        kernel = float(theory.kernel_scale(L, w, gamma))
        rate = min(RATE, 10 / kernel)
        step = np.arange(0, 40)
        train = np.exp(2 * float(theory.lazy_rate(rate, kernel, 80)) * step)
        maps = np.array([start] * 39 + [end])
        s = np.linalg.svd(maps, compute_uv=False)
        runs, spectra = member(step, maps, s, train, 1.5, learning_rate=rate)
        spectra = spectra.assign(test_of_limit=1.5)
        pairs.append(tuple(named(ds, L, w, gamma, t) for ds in (runs, spectra)))
    made = files("lazy", pairs)
    limit = (("member", "row", "column"), np.array(limits))
    return made | {"spectra/lazy": made["spectra/lazy"].assign(limit=limit)}


def kernels() -> xr.Dataset:
    cases = list(product((2, 3, 4), (100, 400, 1000), range(3)))
    L, w, start = (np.array(v) for v in zip(*cases, strict=True))
    values = [derived_deviation(int(a), int(b)) for a, b in zip(L, w, strict=True)]
    every = {"depth": L, "width": w, "gamma": 1 - 1 / L, "initialization": start}
    return xr.Dataset(
        {
            "deviation": ("network", values),
            "eigenvalues": (("network", "index"), np.ones((len(cases), 100))),
        },
        coords={name: ("network", value) for name, value in every.items()},
    )


def distances() -> dict[str, xr.Dataset]:
    parts = []
    for L, w in product((2, 3, 4), (50, 100, 200, 400)):
        for g, t in product((theory.smallest_gamma(L), 0.85, 1.0, 1.5), range(3)):
            left = np.linalg.norm(0.25 * TASKS[t].observed)
            way = float(theory.distance_to_minima(left, theory.kernel_scale(L, w, g)))
            numbers = {
                "displacement": way if g < 1 else 3.0,
                "end_layers": 20**0.5 * w ** ((1 - g) / 2),
                "stopped": g < 1.2,
            }
            runs, _ = member([0], np.zeros((1, 10, 10)), np.zeros((1, 3)), 1.0, 1.0, **numbers)
            parts.append(named(runs, L, w, g, t))
    return {"runs/distances": joined(parts, scale=0.25)}


@cache
def ideal_paths() -> dict[str, xr.Dataset]:
    """All of them, by "stage/name"."""
    return (
        {"data/completion": DATA, "runs/first_path": first_paths(), "runs/plane": plane()}
        | paths() | escapes() | greedy() | regimes() | lazy() | distances()
        | {"spectra/kernels": kernels()}
    )  # fmt: skip


def test_the_rise_crosses_half_where_it_should():
    step, tops = rise(60.0)
    assert abs(readings.crossing_time(step, tops, TOP / 2, RATE) - 60) < 1e-3


def test_the_path_of_width_one_keeps_the_law():
    made = first_paths()
    for i in (0, 15, 25):
        law = readings.radius_law(made.isel(member=i), NARROW_RATE)
        assert law.early.sum() > 20
        np.testing.assert_allclose(law.slope, law.expected, rtol=1e-9)
