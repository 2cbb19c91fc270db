"""What the configuration allows, refuses in one line, and allows with a caution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from tiny_craciun import changed

from spectral_atlas import cli, config
from spectral_atlas.config import Base, ConfigError, cautions, parse
from spectral_atlas.papers.craciun2024.config import Craciun
from spectral_atlas.papers.craciun2024.rules import rank

SCALES = Path(__file__).parents[3] / "workflow/scales"
NET = "data.nets.nets.1"  # flat: 2-3-2
AT = "data.nets.nets[1]"
TWICE = "must not name a value twice"
# Values by key, and the line from the key on; "..." for what is left out.
BAD: list[tuple[dict[str, Any], str]] = [
    # data
    (
        {f"{NET}.singular_values": None},
        f"{AT}.target: must be given, or singular_values (net flat)",
    ),
    (
        {f"{NET}.target": [[1, 0], [0, 1]]},
        f"{AT}.singular_values: must be left out where target is given (net flat)",
    ),
    (
        {f"{NET}.singular_values": [3, 2, 1]},
        f"{AT}.singular_values: 3 given, must be at most 2 (net flat)",
    ),
    ({f"{NET}.singular_values": [1, 0]}, f"{AT}.singular_values[1] = 0: must be greater than 0"),
    ({f"{NET}.singular_values": []}, f"{AT}.singular_values = []: list should have at least 1 ..."),
    (
        {"data.nets.nets.3.target": [[1, 0]]},
        "data.nets.nets[3].target: must be 2 rows of 2 numbers, as widths = [2, 3, 2] say "
        "(net given)",
    ),
    (
        {"data.nets.nets.3.target": [[1, 0], [0, 1, 2]]},
        "data.nets.nets[3].target: must be 2 rows of 2 numbers, as ... (net given)",
    ),
    (
        {"data.nets.nets.3.target": [[0, 0], [0, 0]]},
        "data.nets.nets[3].target = 0: must not be, its minimizers are no manifold (net given)",
    ),
    (
        {"data.nets.nets.3.target": [[1, 2], [2, 4]]},
        "data.nets.nets[3].target: W* of rank 1, must be of full rank 2, unless "
        "allow_rank_deficient is true (net given)",
    ),
    (
        {f"{NET}.singular_values": [1.5]},
        f"{AT}.singular_values: W* of rank 1, must be of full rank 2, unless allow_rank_deficient "
        "is true (net flat)",
    ),
    (
        {f"{NET}.second_moment": [1, 2, 3]},
        f"{AT}.second_moment: 3 given, must be 2, one for each input (net flat)",
    ),
    (
        {f"{NET}.second_moment": [1, 0]},
        f"{AT}.second_moment: 1 of 2 positive, must be all, unless allow_rank_deficient is true "
        "(net flat)",
    ),
    (
        {f"{NET}.second_moment": [1, -1]},
        f"{AT}.second_moment[1] = -1: must be greater than or equal to 0",
    ),
    (
        {f"{NET}.second_moment": [0, 0], f"{NET}.allow_rank_deficient": True},
        f"{AT}.second_moment = 0: must not be, there would be nothing to learn from (net flat)",
    ),
    (
        {
            f"{NET}.second_moment": [0, 1],
            f"{NET}.singular_values": [1],
            f"{NET}.allow_rank_deficient": True,
        },
        f"{AT}.second_moment: must not be 0 wherever W* is not, W* S = 0 is no task (net flat)",
    ),
    (
        {f"{NET}.widths": [2, 1, 2]},
        f"{AT}.widths = [2, 1, 2]: hidden layers must be at least 2 wide, the rank of W*, not 1 "
        "(net flat)",
    ),
    ({f"{NET}.widths": [2, 2]}, f"{AT}.widths = [2, 2]: list should have at least 3 items ..."),
    ({f"{NET}.samples": 1}, f"{AT}.samples = 1: must be at least 2, the rank of S (net flat)"),
    ({f"{NET}.noise": -1}, f"{AT}.noise = -1: must be greater than or equal to 0"),
    ({f"{NET}.rotated": 1}, f"{AT}.rotated = 1: must be true or false"),
    ({f"{NET}.name": "A b"}, f"{AT}.name = 'A b': string should match pattern ..."),
    (
        {"data.nets.nets.3.name": "flat"},
        "data.nets.nets[3].name = flat: must not be named twice, nets[1] is it",
    ),
    ({"data.points.y": [1, 2]}, "data.points.y: 2 labels for 3 inputs, must be as many"),
    # rates, shares, and other lists
    ({"runs.nets.shares": [0.5, 0]}, "runs.nets.shares[1] = 0: must be greater than 0"),
    ({"runs.nets.shares": [-0.5]}, "runs.nets.shares[0] = -0.5: must be greater than 0"),
    ({"runs.nets.shares": [1, 1]}, f"runs.nets.shares = [1, 1]: {TWICE}"),
    ({"runs.nets.shares": []}, "runs.nets.shares = []: list should have at least 1 item ..."),
    ({"runs.edge_fresh.share": 0}, "runs.edge_fresh.share = 0: must be greater than 0"),
    ({"runs.edge_fresh.share": 2}, "runs.edge_fresh.share = 2: must be less than 2"),
    ({"runs.edge.starts.0.share": -1}, "runs.edge.starts[0].share = -1: must be greater than 0"),
    *(
        ({f"{path}.learning_rates": [1, rate]}, f"{path}.learning_rates[1] = {rate}: must be ...")
        for path in (
            "runs.chain", "runs.two_parameter", "runs.basins", "runs.nonlinear",
            "runs.bifurcation", "runs.minibatch", "spectra.hyperbola", "spectra.stable_set",
            "spectra.jacobian",
        )
        for rate in (0, -0.1)
    ),
    *(
        ({f"{path}": [1, 3, 1]}, f"{path} = [1, 3, 1]: {TWICE}")
        for path in (
            "runs.chain.learning_rates", "runs.two_parameter.learning_rates",
            "runs.basins.learning_rates", "runs.nonlinear.learning_rates",
            "runs.bifurcation.learning_rates", "runs.bifurcation.periods",
            "runs.edge_fresh.initialization_seeds", "runs.wide.initialization_seeds",
            "spectra.hyperbola.learning_rates", "spectra.stable_set.learning_rates",
            "spectra.stable_set.stretches", "spectra.stable_set.narrow",
            "spectra.jacobian.learning_rates", "spectra.jacobian.epsilons",
            "spectra.jacobian.singular_rates",
        )
    ),
    (
        {"runs.nonlinear.activations": ["elu", "elu"]},
        f"runs.nonlinear.activations = ['elu', 'elu']: {TWICE}",
    ),
    (
        {"runs.nonlinear.activations": ["relu"]},
        "runs.nonlinear.activations[0] = 'relu': must be 'tanh' or 'elu'",
    ),
    (
        {"runs.minibatch.learning_rates": [0.3, 0.3]},
        f"runs.minibatch.learning_rates = [0.3, 0.3]: {TWICE}",
    ),
    (
        {"runs.critical.random_widths": [[2, 3, 2], [2, 3, 2]]},
        f"runs.critical.random_widths = [[2, 3, 2], [2, 3, 2]]: {TWICE}",
    ),
    (
        {"runs.critical.random_widths": [[2, 3, 2], [3, 2, 4]]},
        "runs.critical.random_widths[1] = [3, 2, 4]: hidden layers must be at least 3 wide, the "
        "rank of W*",
    ),
    # starts
    (
        {"runs.edge.starts.1.scales": [1, 1, 1]},
        "runs.edge.starts[1].scales: 3 given, must be 2, one for each layer",
    ),
    ({"runs.edge.starts.1.scales": [1, 0]}, "runs.edge.starts[1].scales[1] = 0: must be great..."),
    (
        {"runs.edge.starts.1.name": "A"},
        "runs.edge.starts[1].name = A: must not be named twice, starts[0] is it",
    ),
    (
        {"runs.edge_fresh.scales": [1]},
        "runs.edge_fresh.scales: 1 given, must be 2, one for each layer",
    ),
    ({"runs.wide.scales": [1]}, "runs.wide.scales: 1 given, must be 3, one for each layer"),
    *(
        (
            {f"runs.{name}.singular_values": [4, 3, 2, 1]},
            f"runs.{name}.singular_values: 4 given, must be at most 3, the smallest of widths",
        )
        for name in ("edge", "edge_fresh", "wide")
    ),
    ({"runs.chain.start": [1]}, "runs.chain.start = [1]: list should have at least 2 items ..."),
    ({"runs.chain.stop_loss": 0}, "runs.chain.stop_loss = 0: must be greater than 0"),
    # ensembles
    *(
        (
            {f"runs.{name}.steps": 100, f"runs.{name}.window": 101},
            f"runs.{name}.window = 101: must be at most steps = 100",
        )
        for name in ("two_parameter", "nets", "basins", "nonlinear")
    ),
    ({"runs.two_parameter.window": 1}, "runs.two_parameter.window = 1: must be greater than ..."),
    ({"runs.two_parameter.steps": "9"}, "runs.two_parameter.steps = '9': must be a whole ..."),
    ({"runs.basins.nudge": 0}, "runs.basins.nudge = 0: must be greater than 0"),
    ({"runs.nets.still": 0}, "runs.nets.still = 0: must be greater than 0"),
    (
        {"runs.nets.nets.1.net": "two"},
        "runs.nets.nets[1].net = two: must not be named twice, nets[0] is it",
    ),
    (
        {"runs.nets.nets.1.net": "x"},
        "runs.nets.nets[1].net = x: must be one of two, flat, deep, given",
    ),
    ({"runs.nets.nets.1.std": 0}, "runs.nets.nets[1].std = 0: must be greater than 0"),
    (
        {"spectra.jacobian.nets.0.net": "deficient"},
        "spectra.jacobian.nets[0].net = deficient: must be one of two, flat, deep, given",
    ),
    (
        {"spectra.jacobian.nets": [{"net": "flat", "learning_rate": r} for r in (0.1, 0.2)]},
        "spectra.jacobian.nets[1].net = flat: must not be named twice, nets[0] is it",
    ),
    (
        {"spectra.jacobian.nets": []},
        "spectra.jacobian.nets = []: list should have at least 1 item after validation, not 0",
    ),
    (
        {f"{NET}.second_moment": [1, 0], f"{NET}.allow_rank_deficient": True},
        "spectra.stable_set.net = flat: must have a second_moment above 0 everywhere, its stable "
        "minimizers have no bound otherwise",
    ),
    (
        {"runs.minibatch.inputs": [0.9, 0.9]},
        "runs.minibatch.inputs = [0.9, 0.9]: must differ, else SGD is gradient descent",
    ),
    (
        {"runs.minibatch.every": 500, "runs.minibatch.points": 400},
        "runs.minibatch.every = 500: must be at most points = 400",
    ),
    ({"runs.chain.start": [1.6, -1]}, "runs.chain.start[1] = -1: must be greater than 0"),
    ({"runs.bifurcation.start": [-1, 1]}, "runs.bifurcation.start[0] = -1: must be greater than 0"),
    (
        {"runs.bifurcation.highest": 5},
        "runs.bifurcation.highest = 5: must be less than or equal to 3",
    ),
    ({"spectra.stable_set.net": "x"}, "spectra.stable_set.net = x: must be one of two, flat, ..."),
    (
        {"spectra.stable_set.net": "deep"},
        "spectra.stable_set.net = deep: must have two layers, has 3",
    ),
    # the follow-up
    (
        {"runs.minibatch.probabilities": [0.5]},
        "runs.minibatch.probabilities: 1 given, must be 2, one for each learning rate",
    ),
    ({"runs.minibatch.probabilities": [0.5, 1]}, "runs.minibatch.probabilities[1] = 1: must ..."),
    ({"runs.minibatch.extent": 1}, "runs.minibatch.extent = 1: must be greater than 1"),
    (
        {"runs.bifurcation.lowest": 1.7},
        "runs.bifurcation.lowest = 1.7: must be below highest = 1.62",
    ),
    ({"runs.bifurcation.periods": [0]}, "runs.bifurcation.periods[0] = 0: must be ..."),
    ({"spectra.orbits.gap": 0}, "spectra.orbits.gap = 0: must be greater than 0"),
    ({"spectra.edge.count": 3}, "spectra.edge.count: unknown key; allowed here: values"),
]  # fmt: skip
IDS = [" ".join(f"{k}={v}" for k, v in values.items())[:60] for values, _ in BAD]


def matches(text: str, wanted: str) -> bool:
    """Whether ``text`` is as wanted, where "..." stands for anything."""
    first, *rest = wanted.split("...")
    if not text.startswith(first) or (not rest and text != wanted):
        return False
    return all(part in text for part in rest)


def read(scale: str) -> dict[str, Any]:
    return cli.read_config([] if scale == "default" else [SCALES / f"{scale}.yaml"])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration of this paper only."""
    only = pydantic.create_model("Config", __base__=Base, craciun2024=(Craciun, ...))
    monkeypatch.setattr(config, "model", lambda: only)


@pytest.mark.parametrize("scale", ["default", "smoke", "paper"])
def test_every_scale_is_valid_and_gives_no_caution(scale: str) -> None:
    found = Craciun.model_validate(read(scale)["craciun2024"])
    assert cautions(found, "craciun2024") == []


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("values", "message"), BAD, ids=IDS)
def test_one_line_names_the_key_and_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"craciun2024": changed(values)})
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 200
    assert matches(text, f"config error: craciun2024.{message}"), text


def test_errors_of_the_whole_configuration_read_the_same() -> None:
    raw = cli.read_config()
    for values, message in BAD[::9]:
        with pytest.raises(ConfigError) as caught:
            parse(raw | {"craciun2024": changed(values)})
        assert matches(str(caught.value), f"config error: craciun2024.{message}")


@pytest.mark.usefixtures("alone")
def test_values_at_the_limits_are_allowed() -> None:
    for values in (
        {},
        {f"{NET}.widths": [2, 2, 2], f"{NET}.samples": 2},
        {f"{NET}.singular_values": [1.5], f"{NET}.allow_rank_deficient": True},
        {f"{NET}.second_moment": [1, 0], f"{NET}.allow_rank_deficient": True, f"{NET}.samples": 1,
         "spectra.stable_set.net": "two"},
        {f"{NET}.singular_values": [1], f"{NET}.second_moment": [0, 1], f"{NET}.rotated": True,
         f"{NET}.allow_rank_deficient": True, "spectra.stable_set.net": "two"},
        {"data.nets.nets.3.target": [[1, 2], [2, 4]],
         "data.nets.nets.3.allow_rank_deficient": True},
        {"runs.nets.steps": 200, "runs.nets.window": 200},
        {"runs.minibatch.probabilities": [0.5, 0.5]},
        {"runs.edge.singular_values": [3, 2, 1]},
        {"runs.edge.starts.1.numpy_seed": 2, "runs.edge.starts.0.share": 1.99},
        {"runs.critical.random_widths": []},
        {"runs.critical.random_widths": [[2, 2, 3]]},
    ):  # fmt: skip
        parse({"craciun2024": changed(values)})


@pytest.mark.usefixtures("alone")
def test_one_line_for_each_of_several_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"craciun2024": changed({f"{NET}.samples": 1, "runs.nets.shares": [0]})})
    assert len(str(caught.value).splitlines()) == 2


def test_shares_beyond_1_6_are_allowed_with_a_caution() -> None:
    assert cautions(Craciun.model_validate(changed({"runs.nets.shares": [1.6]}))) == []
    found = Craciun.model_validate(changed({"runs.nets.shares": [1.8, 0.5]}))
    assert cautions(found, "craciun2024") == [
        "config warning: craciun2024.runs.nets.shares = 1.8: beyond 1.6 networks of three layers "
        "and more linger near the saddle at 0, so that more steps are needed to tell where they end"
    ]


def test_the_rank_is_that_of_singular_values() -> None:
    rng = np.random.default_rng(1)
    for rows, columns, r in [(1, 1, 1), (3, 3, 2), (2, 5, 2), (5, 4, 1), (4, 4, 4), (3, 2, 0)]:
        for scale in (1e-9, 1.0, 1e9):
            factors = rng.standard_normal((rows, r)), rng.standard_normal((r, columns))
            assert rank((scale * factors[0] @ factors[1]).tolist()) == r
