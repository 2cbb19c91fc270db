"""What the configuration allows, refuses in one line, and allows with a caution."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pydantic
import pytest
from pydantic import ValidationError
from tiny_jacot import changed

from spectral_atlas import cli, config
from spectral_atlas.config import Base, ConfigError, cautions, parse
from spectral_atlas.papers.jacot2021 import plateaus, rules
from spectral_atlas.papers.jacot2021.config import Jacot
from spectral_atlas.papers.jacot2021.sections import COUNTS
from spectral_atlas.training.greedy_low_rank import greedy_low_rank

SCALES = Path(__file__).parents[3] / "workflow/scales"
# Key, value, and the line from the key on; "..." for what is left out.
BAD: list[tuple[str, Any, str]] = [
    # matrices
    (
        "data.completion.rank", 11,
        "data.completion.rank = 11: must be at most 10, the smaller side of a 10 x 10 matrix",
    ),
    ("data.completion.rank", 0, "data.completion.rank = 0: must be greater than or equal to 1"),
    (
        "data.completion.observed", 101,
        "data.completion.observed = 101: must be from 1 to 100, the entries of a 10 x 10 matrix",
    ),
    ("data.completion.observed", 0, "data.completion.observed = 0: must be from 1 to 100, the ..."),
    (
        "data.full.spectrum", [10, 6],
        "data.full.spectrum: 2 singular values given, must be rank = 3",
    ),
    ("data.full.spectrum", [6, 10, 3], "data.full.spectrum: must be in decreasing order"),
    (
        "data.full.spectrum", [6, 6, 3],
        "data.full.spectrum = [6, 6, 3]: must not name a value twice",
    ),
    ("data.full.observed", 99, "data.full.observed = 99: must be all 100 entries"),
    (
        "data.completion.target_seeds", [0, 1, 0],
        "data.completion.target_seeds = [0, 1, 0]: must not name a value twice",
    ),
    # descents
    (
        "runs.lazy.targets", [1, 11],
        "runs.lazy.targets: must be among the target seeds 0, 1, 2, 3; 11 is not",
    ),
    ("runs.minima_full.targets", [11], "runs.minima_full.targets: must be among the target ..."),
    ("runs.basin.targets", [11], "runs.basin.targets: must be among the target seeds ..."),
    (
        "runs.shares.observed", [80, 101],
        "runs.shares.observed: must be at most 100, the number of entries, not 101",
    ),
    (
        "runs.ridge_gd.ridge", 0,
        "runs.ridge_gd.ridge = 0: must be positive, it is what the run is about",
    ),
    (
        "runs.escape.learning_rate", 0.8,
        "runs.escape.learning_rate = 0.8: must be below 0.791 = 2 / sharpness; that of a minimum "
        "of depth 4 with s_1 = 10 is 2.53",
    ),
    ("runs.identity.learning_rate", 1, "runs.identity.learning_rate = 1: must be below 0.502 ..."),
    ("runs.greedy.learning_rate", 1, "runs.greedy.learning_rate = 1: must be below 0.791 ..."),
    (
        "runs.regimes.gammas", [0.3, 0.45],
        "runs.regimes.gammas = [0.3, 0.45]: one at least must be 1 - 1/L = 0.5 or more",
    ),
    (
        "runs.regimes.gammas", [1, "ntx"],
        "runs.regimes.gammas[1] = 'ntx': must be ntk or a number above 0, at most 10",
    ),
    (
        "runs.regimes.gammas", [0],
        "runs.regimes.gammas[0] = 0: must be ntk or a number above 0, at most 10",
    ),
    ("runs.lazy.widths", [8, 8], "runs.lazy.widths = [8, 8]: must not name a value twice"),
    ("runs.lazy.gammas", ["ntk"] * 2, "runs.lazy.gammas = [...]: must not name a value twice"),
    ("runs.shares.observed", [80, 80], "runs.shares.observed = [...]: must not name a value ..."),
    ("runs.lazy.depths", [1], "runs.lazy.depths[0] = 1: must be greater than or equal to 2"),
    ("runs.lazy.stop_share", 1, "runs.lazy.stop_share = 1: must be less than 1"),
    # greedy paths, and what is shown beside them
    (
        "runs.greedy.steps", 2010,
        "runs.greedy.steps = 2010: must be at least 2076 for depth 3 and epsilon 0.1, or new "
        "neurons have no time to settle",
    ),
    (
        "runs.greedy.epsilons", [0.1, 0.001],
        "runs.greedy.steps: must be given, at least 3754777 for depth 4 and epsilon 0.001, or ...",
    ),
    ("runs.greedy.depths", [2, 2], "runs.greedy.depths = [2, 2]: must not name a value twice"),
    (
        "runs.greedy.depths", [2, 3],
        "runs.saddle_to_saddle.depths: must be among runs.greedy.depths (2, 3); 4 is not",
    ),
    (
        "runs.plane.target", 12,
        "runs.plane.target: must be among runs.saddle_to_saddle.targets (0, 1); 12 is not",
    ),
    (
        "runs.greedy.targets", [1],
        "runs.saddle_to_saddle.targets: must be among runs.greedy.targets (1); 0 is not",
    ),
    (
        "runs.first_path.targets", [0],
        "runs.saddle_to_saddle.targets: must be among runs.first_path.targets (0); 1 is not",
    ),
    (
        "runs.first_path.epsilon", 0.0005,
        "runs.first_path.epsilon = 0.0005: must be larger for depth 4, which would take ... steps, "
        "...",
    ),
    ("data.completion.rank", 1, "data.completion.rank = 1: must be 2 at least, ..."),
    ("runs.minima_clean.noise", 0.3, "runs.minima_clean.noise = 0.3: must be 0, as its name says"),
    (
        "runs.minima_noisy.noise", 0,
        "runs.minima_noisy.noise = 0: must be positive, as its name says",
    ),
    (
        "runs.minima_clean.ranks", [0, 1],
        "runs.minima_clean.ranks: must have the rank of the matrices, 3, among them",
    ),
    (
        "runs.plane.gammas", [2, 3],
        "runs.plane.gammas: must be among runs.saddle_to_saddle.gammas (1.5, 2.0, 2.5); 3.0 is not",
    ),
    (
        "runs.plane.epsilon", 0.3,
        "runs.plane.epsilon: must be among runs.greedy.epsilons (0.1, 0.05); 0.3 is not",
    ),
    (
        "runs.saddle_to_saddle.noise", 0.3,
        "runs.saddle_to_saddle.noise = 0.3: must be 0, as for the greedy paths beside it",
    ),
    ("runs.saddle_to_saddle.ridge", 0.1, "runs.saddle_to_saddle.ridge = 0.1: must be 0, ..."),
    ("runs.saddle_to_saddle.scale", 0.5, "runs.saddle_to_saddle.scale = 0.5: must be 1, ..."),
    (
        "runs.saddle_to_saddle.observed", [70],
        "runs.saddle_to_saddle.observed = [70]: must be left out, ...",
    ),
    # minima
    ("runs.landscape.data", "full", "runs.landscape.data = 'full': must be 'completion' in ..."),
    (
        "runs.minima_full.data", "completion",
        "runs.minima_full.data = 'completion': must be 'full' in this run",
    ),
    (
        "runs.minima_noisy.ranks", [0, 11],
        "runs.minima_noisy.ranks: must be at most 10, the smaller side of the matrices, not 11",
    ),
    ("runs.minima_noisy.ranks", [1, 0], "runs.minima_noisy.ranks = [1, 0]: must be in ..."),
    ("runs.landscape.ridges", [0.2, 0.1], "runs.landscape.ridges = [...]: must be in incr..."),
    ("runs.landscape.ridges", [0], "runs.landscape.ridges[0] = 0: must be greater than 0"),
    (
        "runs.minima_clean.parts", 11,
        "runs.minima_clean.parts = 11: must be at most 4, the number of targets",
    ),
    ("runs.thresholds.ridges", [1, 1], "runs.thresholds.ridges = [1, 1]: must not name ..."),
    ("runs.basin.depths", [2], "runs.basin.depths[0] = 2: must be greater than or equal to 3"),
    # Hessians
    (
        "spectra.landscape.width", 9,
        "spectra.landscape.width = 9: must be more than 9, the largest rank in runs.landscape."
        "ranks, to have room for another neuron",
    ),
    (
        "spectra.saddles.width", 9,
        "spectra.saddles.width = 9: must be at least 10, the rank that the greedy algorithm can "
        "reach",
    ),
    (
        "spectra.saddles.epsilon", 0.2,
        "spectra.saddles.epsilon: must be among runs.greedy.epsilons (0.1, 0.05); 0.2 is not",
    ),
    (
        "spectra.kernels.gammas", [0.2],
        "spectra.kernels.gammas = [0.2]: one at least must be 1 - 1/L = 0.5 or more",
    ),
]  # fmt: skip
IDS = [f"{path}={value}"[:50] for path, value, _ in BAD]


def bad(path: str, value: Any) -> dict[str, Any]:
    return changed(**{path.replace(".", "__"): value})


def matches(text: str, wanted: str) -> bool:
    """Whether ``text`` is as wanted, where "..." stands for anything."""
    first, *rest = wanted.split("...")
    if not text.startswith(first) or (not rest and text != wanted):
        return False
    return all(part in text for part in rest)


def read(scale: str) -> dict[str, Any]:
    return cli.read_config([] if scale == "default" else [SCALES / f"{scale}.yaml"])


@pytest.mark.parametrize("scale", ["default", "smoke", "paper"])
def test_every_scale_is_valid_and_gives_no_caution(scale: str) -> None:
    found = Jacot.model_validate(read(scale)["jacot2021"])
    assert cautions(found, "jacot2021") == []


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=IDS)
def test_one_line_names_the_key_the_value_and_what_is_allowed(
    path: str, value: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = pydantic.create_model("Config", __base__=Base, jacot2021=(Jacot, ...))
    monkeypatch.setattr(config, "model", lambda: alone)
    with pytest.raises(ConfigError) as caught:
        parse({"jacot2021": bad(path, value)})
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 200
    assert matches(text, f"config error: jacot2021.{message}"), text


def test_errors_of_the_whole_configuration_read_the_same() -> None:
    raw = cli.read_config()
    for path, value, message in BAD[::9]:
        with pytest.raises(ConfigError) as caught:
            parse(raw | {"jacot2021": bad(path, value)})
        assert matches(str(caught.value), f"config error: jacot2021.{message}")


def test_the_whole_configuration_is_read_at_every_scale() -> None:
    for scale in ("default", "smoke", "paper"):
        raw = read(scale)
        assert parse(raw).jacot2021 == Jacot.model_validate(raw["jacot2021"])


def test_values_at_the_limits_are_allowed() -> None:
    for path, value in {
        "data.completion.observed": 100,
        "data.completion.rank": 3,
        "data.full.rank": 3,
        "runs.greedy.steps": 3502,
        "runs.escape.learning_rate": 0.79,
        "runs.regimes.gammas": [0.3, 0.5],
        "runs.minima_noisy.parts": 4,
        "runs.minima_noisy.ranks": [0, 3, 10],
        "runs.shares.observed": [100],
        "spectra.landscape.width": 10,
        "spectra.saddles.width": 10,
        "runs.saddle_to_saddle.depths": [4, 5],
    }.items():
        Jacot.model_validate(bad(path, value))


def test_a_plane_has_no_gamma_that_its_depth_leaves_out() -> None:
    raw = changed(
        runs__saddle_to_saddle__depths=[4, 2],
        runs__saddle_to_saddle__gammas=[0.6, 2],
        runs__plane__gammas=[2, 0.6],
    )
    with pytest.raises(ValidationError, match=r"runs.plane.gammas: must be 1 - 1/L = 0.75 or more"):
        Jacot.model_validate(raw)


def test_the_largest_stable_step_is_that_of_the_deepest_network_and_of_the_scale() -> None:
    """2 / sharpness = size / (L s^(2 - 2/L)), where s is 10 times the scale."""
    for scale, depths in ((0.25, [2, 3, 4]), (2.0, [2, 3])):
        s, L = 10 * scale, max(depths)
        limit = 100 / (L * s ** (2 - 2 / L))
        for share, fine in ((0.999, True), (1.001, False)):
            raw = changed(
                runs__distances__scale=scale,
                runs__distances__depths=depths,
                runs__distances__learning_rate=share * limit,
            )
            if fine:
                Jacot.model_validate(raw)
                continue
            with pytest.raises(ValidationError, match=f"must be below {limit:.3g} = 2 / sharpness"):
                Jacot.model_validate(raw)


def test_singular_values_that_no_rank_counts_are_allowed_with_a_caution() -> None:
    (line,) = cautions(Jacot.model_validate(changed(data__full__spectrum=[10, 6, 0.3])))
    assert line.startswith("config warning: data.full.spectrum = [10.0, 6.0, 0.3]: singular values")
    assert plateaus.STANDS_OUT == COUNTS


def test_too_few_observed_entries_are_allowed_with_a_caution() -> None:
    raw = changed(data__completion__observed=50, runs__shares__observed=[51, 50])
    assert cautions(Jacot.model_validate(raw), "jacot2021") == [
        "config warning: jacot2021.runs.shares.observed = 50: fewer than the 51 degrees of freedom "
        "of the matrix, so they cannot determine it",
        "config warning: jacot2021.data.completion.observed = 50: a 10 x 10 matrix of rank 3 has "
        "51 degrees of freedom, so fewer entries than 51 cannot determine it",
    ]
    assert cautions(Jacot.model_validate(changed(runs__shares__observed=[51]))) == []


def test_the_limits_of_the_greedy_algorithm_are_those_of_the_library() -> None:
    defaults = inspect.signature(greedy_low_rank).parameters
    assert defaults["margin"].default == rules.MARGIN
    assert defaults["most_steps"].default == rules.MOST_STEPS


def test_parts_share_out_the_targets() -> None:
    minima = Jacot.model_validate(changed(runs__minima_noisy__parts=3)).runs.minima_noisy
    shares = [minima.part(i) for i in range(3)]
    assert [share.targets for share in shares] == [[0, 3], [1], [2]]
    for share in shares:
        assert share.parts == 1
        assert share.model_copy(update={"targets": minima.targets, "parts": 3}) == minima
