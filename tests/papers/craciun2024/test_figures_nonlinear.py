"""The figure of tanh and ELU networks, against its files; slow runs, one rate, all diverged."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from drawing import drawn

from spectral_atlas.papers.craciun2024.figures.nonlinear import nonlinear
from spectral_atlas.plotting.intervals import share_interval

ETAS = (0.3, 0.1, 0.2, 0.4)
REST, BOUNDED, DIVERGED = 0, 1, 2
MEASURED = ("loss", "loss_least", "loss_most", "gradient_norm", "gradient_mean", "gradient_least",
            "gradient_most", "period_two_gap")  # fmt: skip


def files(
    activations: tuple[str, ...] = ("tanh", "elu"), etas: tuple[float, ...] = ETAS, starts: int = 6
) -> dict[str, xr.Dataset]:
    """All at rest, except that tanh diverges beyond .3 and ELU from .3 on."""
    rng = np.random.default_rng(3)
    dims, shape = ("activation", "learning_rate", "start"), (len(activations), len(etas), starts)
    last = np.array([0.3 if name == "tanh" else 0.2 for name in activations])[:, None, None]
    outcome = np.where(np.array(etas)[:, None] > last, DIVERGED, REST)
    outcome = np.broadcast_to(outcome, shape).astype(np.int8)
    flags = {"flag_values": [0, 1, 2], "flag_meanings": "at_rest bounded diverged"}
    lost = outcome == DIVERGED
    values = {name: (dims, np.where(lost, np.nan, rng.uniform(1e-16, 1e-13, shape)))
              for name in MEASURED}  # fmt: skip
    coords = {"activation": list(activations), "learning_rate": list(etas)}
    runs = xr.Dataset(
        {
            "outcome": (dims, outcome.copy(), flags),
            "left": (dims, np.zeros(shape, dtype=bool)),
            **values,
        },
        coords=coords,
        attrs={"width": 20, "steps": 1000, "window": 50, "still": 1e-8},
    )
    ratio = np.where(lost, np.nan, rng.uniform(0.3, 0.999, shape))
    return {
        "runs/nonlinear": runs,
        "spectra/nonlinear": xr.Dataset({"ratio": (dims, ratio)}, coords=coords),
    }


def change(inputs: dict[str, xr.Dataset], place: tuple[int, int, int], **values: float) -> None:
    for name, value in values.items():
        inputs["runs/nonlinear"][name].values[place] = value
    inputs["spectra/nonlinear"]["ratio"].values[place] = np.nan


def moving(inputs: dict[str, xr.Dataset], place: tuple[int, int, int], loss: float, **g: float):
    change(inputs, place, outcome=BOUNDED, loss=loss, loss_least=loss, loss_most=loss, **g)


def test_numbers_against_the_files():
    inputs = files()
    table, facts, text = drawn(nonlinear, inputs, lay_out=True)
    runs, spectra = inputs["runs/nonlinear"], inputs["spectra/nonlinear"]
    rates, every = table[table["panel"] == "a"], table[table["panel"] == "b, c, d"]
    assert len(rates) == 8
    assert len(every) == 48
    assert rates["learning_rate"].tolist() == sorted(ETAS) * 2
    for row in rates.to_dict("records"):
        where = {"activation": row["activation"], "learning_rate": row["learning_rate"]}
        resting = int((runs["outcome"].sel(where) == REST).sum())
        assert row["at_rest"] == resting
        assert (row["low"], row["high"]) == pytest.approx(share_interval(resting, 6))
        own = every[(every["activation"] == row["activation"])
                    & (every["learning_rate"] == row["learning_rate"])]  # fmt: skip
        np.testing.assert_array_equal(own["ratio"], spectra["ratio"].sel(where))
        for name in ("gradient_mean", "loss", "loss_most"):
            np.testing.assert_array_equal(own[name], runs[name].sel(where))
    assert facts["leaves"] == facts["reaches"] == "tanh 0.4, ELU 0.3"
    assert facts["diverged"] == "tanh 6, ELU 12"
    assert facts["resting"] == facts["minima"] == 30
    assert facts["zeros"] == 3
    assert facts["zero_bound"] == 0.5
    assert facts["largest_ratio"].startswith(f"tanh {float(spectra['ratio'][0].max()):.4g}"[:9])
    assert "Shares of 0 (3 points)" in text
    assert "slowly drifting" not in text


def test_bounded_runs_by_what_they_do():
    inputs = files()
    falls = {"gradient_norm": 1e-6, "gradient_least": 1e-6, "gradient_most": 3e-6}
    rises = {"gradient_norm": 3e-6, "gradient_least": 1e-6, "gradient_most": 3e-6}
    cycle = {"gradient_norm": 0.4, "gradient_least": 0.4, "gradient_most": 0.6}
    moving(inputs, (1, 2, 0), 1e-13, gradient_mean=2e-6, **falls)  # ELU at .2
    moving(inputs, (1, 2, 1), 1e-13, gradient_mean=2e-6, **rises)
    moving(inputs, (0, 3, 2), 0.1, gradient_mean=0.5, **cycle)  # tanh at .4, where none rests
    table, facts, text = drawn(nonlinear, inputs, lay_out=True)
    bounded = table[table["outcome"] == "bounded"]
    assert bounded["trend"].tolist() == ["", "falls", "rises"]
    assert (facts["slow"], facts["falling"], facts["moving"], facts["beyond"]) == (2, 1, 1, 1)
    assert facts["slow_where"] == "2 of ELU at 0.2"
    assert facts["beyond_gradient"] == facts["moving_gradient"] == "0.5"
    assert facts["bounded"] == "tanh 1, ELU 2"
    assert facts["leaves"] == "tanh 0.4, ELU 0.2"
    assert "2 of ELU at 0.2" in text


def test_rest_elsewhere_than_at_minima_and_unstable_rest_are_counted():
    inputs = files()
    inputs["runs/nonlinear"]["loss_most"].values[0, 0, :2] = 0.3
    inputs["spectra/nonlinear"]["ratio"].values[0, 0, 3] = 1.2
    inputs["runs/nonlinear"]["left"].values[1, 0, 0] = True
    _, facts, _ = drawn(nonlinear, inputs)
    assert (facts["resting"], facts["minima"], facts["over"], facts["left"]) == (30, 28, 1, 1)


@pytest.mark.parametrize(
    ("activations", "etas", "starts"),
    [(("elu",), (0.1,), 1), (("tanh",), (0.1, 0.2), 3), (("elu", "tanh"), (5.0,), 2)],
)
def test_few_runs(activations, etas, starts):
    table, facts, _ = drawn(nonlinear, files(activations, etas, starts), lay_out=starts < 3)
    assert len(table) == len(activations) * len(etas) * (starts + 1)
    if etas[0] == 5.0:
        assert facts["resting"] == 0
        assert facts["reaches"] == "ELU 5, tanh 5"
        assert facts["largest_ratio"] == "ELU n/a, tanh n/a"
    else:
        assert "n/a" in facts["leaves"]
        assert "n/a" in facts["reaches"]


def test_dimensions_in_another_order():
    table, _, _ = drawn(nonlinear, files())
    turned = {ref: one.transpose("start", "learning_rate", ...) for ref, one in files().items()}
    assert drawn(nonlinear, turned)[0].equals(table)
