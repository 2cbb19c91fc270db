"""Estimates of the sharpness at initialization against dense Hessians and Lanczos by hand."""

import numpy as np
import pytest
import tiny

from spectral_atlas.papers.kalra2023.estimators import estimators
from spectral_atlas.papers.kalra2023.members import PAPER
from spectral_atlas.papers.kalra2023.sections import Estimators
from spectral_atlas.rng import generator

PRODUCTS = (2, 4, 8, 40)


def krylov(H, v, products):
    """Largest Ritz value of the Krylov space of `products` products."""
    basis = []
    for _ in range(products):
        for q in [*basis, *basis]:
            v = v - (q @ v) * q
        basis.append(v / np.linalg.norm(v))
        v = H @ basis[-1]
    Q = np.array(basis)
    return np.linalg.eigvalsh(Q @ H @ Q.T)[-1]


@pytest.fixture(scope="module")
def found():
    groups = [tiny.models(seeds=2), tiny.models(seeds=1, output="centred", widths=[12])]
    section = Estimators(models=groups, lanczos_steps=list(PRODUCTS))
    return groups, estimators(section, {"data/images": tiny.mixture()}, tiny.JOB)


def cases(found):
    groups, data = found
    members = [tiny.members_of(group) for group in groups]
    rows = [(members[0], 0, 0), (members[0], 1, 1), (members[1], 0, 2)]
    return [(m, r, data.isel(run=run)) for m, r, run in rows]


def test_certified_values_are_the_top_of_the_dense_hessian(found):
    for members, row, data in cases(found):
        dense = tiny.Dense(members, row)
        values = np.linalg.eigvalsh(dense.hessian(dense.start))
        assert float(data["certified"]) == pytest.approx(values[-1], rel=1e-5)
        assert float(data["second"]) == pytest.approx(values[-2], rel=1e-4)
        assert 0 < float(data["certified_bound"]) < 1e-4 * values[-1]


def test_power_is_twenty_products_and_a_rayleigh_quotient(found):
    for members, row, data in cases(found):
        dense = tiny.Dense(members, row)
        H = dense.hessian(dense.start)
        v = generator(tiny.SEED, PAPER, "power iteration").standard_normal(len(H))
        for _ in range(20):
            v = H @ v
            v /= np.linalg.norm(v)
        assert float(data["power"]) == pytest.approx(v @ H @ v, rel=1e-4)


def test_short_lanczos_is_short(found):
    """Not solved densely, small as these networks are, where it has not converged."""
    for members, row, data in cases(found):
        dense, count = tiny.Dense(members, row), len(members.seeds)
        H = dense.hessian(dense.start)
        rng = generator(tiny.SEED, PAPER, "estimators", members.name, "lanczos")
        starts = [rng.standard_normal((1, 1, len(H))) for _ in range(count)]
        for products in PRODUCTS[:3]:
            value = float(data["lanczos"].sel(lanczos_steps=products))
            assert value == pytest.approx(krylov(H, starts[row][0, 0], products), rel=1e-4)
        assert float(data["lanczos"].sel(lanczos_steps=2)) < 0.97 * float(data["certified"])
        long = float(data["lanczos"].sel(lanczos_steps=40))
        assert long == pytest.approx(float(data["certified"]), rel=1e-5)
