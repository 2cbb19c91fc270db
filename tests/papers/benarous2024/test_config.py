"""What the configuration refuses, in one line that names the key."""

from __future__ import annotations

from typing import Any

import pytest

from spectral_atlas import cli
from spectral_atlas.config import ConfigError, parse

BAD: dict[str, tuple[str, Any, str]] = {
    "XOR with a ridge that collapses": (
        "train.xor_recalled.ridge", 0.125, "train.xor_recalled.ridge = 0.125: must be less than",
    ),
    "more classes than dimensions": (
        "data.mixture_gaussian.classes", 401, "classes = 401 must be at most dimension = 400",
    ),
    "a negative share": (
        "data.mixture_unequal.weights", [-1.0] + [1.0] * 9, r"weights\[0\] = -1\.0: must be",
    ),
    "shares of too few classes": (
        "data.mixture_unequal.weights", [1.0, 2.0], "weights: 2 given, must be one for each of 10",
    ),
    "only shares of zero": (
        "data.mixture_unequal.weights", [0.0] * 10, "weights: one at least must be positive",
    ),
    "a test set smaller than the dimension": (
        "data.xor_four.test_samples", 249, "test_samples = 249 must be at least dimension = 250",
    ),
    "a correlation for orthonormal means": (
        "data.mixture_recalled.correlation", 0.5, "correlation = 0.5 must be 0",
    ),
    "a step at which the ridge alone overflows": (
        "train.mixture_recalled.step", 2e5, r"step = 200000: must be less than 2 dim",
    ),
    "a step at which the XOR network overflows": (
        "train.xor_recalled.step", 250.0, r"step = 250: must be less than 2 dimension / sqrt\(1",
    ),
    "times out of order": (
        "train.xor_four.checkpoints", [0, 5, 5], "must be numbers that increase, one at least",
    ),
    "a time that is not kept": (
        "spectra.mixture_limit.times", [0, 11], "limit.times: must be among 0, 10, 30, .* 11",
    ),
    "a density at a time that is not measured": (
        "spectra.mixture_recalled_train.density_times", [0], "must be among 10, 30, 0 is not",
    ),
    "a prediction at a time that is not kept": (
        "effective.xor_theorem.times", [4], "xor_theorem.times: must be among .* 4 is not",
    ),
    "no time at all": (
        "spectra.xor_theorem.times", [], "must be numbers that increase, one at least",
    ),
    "a smaller set at a time that is not measured": (
        "spectra.mixture_recalled.times", [0, 10, 100], "times: must be among|30 is not",
    ),
    "a prediction where nothing is measured": (
        "spectra.xor_recalled.times", [0, 10, 100], "times: must be among 0, 10, 100, 30 is not",
    ),
    "training spectra on test samples": (
        "spectra.xor_theorem_train.samples", "test", "samples = 'test': must be 'train'",
    ),
    "test spectra on training samples": (
        "spectra.xor_four.samples", "train", "samples = 'train': must be 'test'",
    ),
    "variants without all classes": (
        "spectra.mixture_unequal.all_classes_seeds", 0, "all_classes_seeds = 0: must be 1 at least",
    ),
    "outcomes that are not those of the spectra": (
        "spectra.xor_four.times", [0, 40], "times: must end with the last checkpoint, 80",
    ),
    "variants of different lengths": (
        "train.mixture_gaussian.checkpoints", [0, 100, 200], "must end with the last|same last",
    ),
    "a law of chosen starts": (
        "train.xor_four.per_count", 2, "train.xor_four.per_count = 2: must be 0",
    ),
    "four basins for three neurons": (
        "train.xor_four_recalled.neurons", 3, "neurons = 3 must be at least 4 where per_count",
    ),
    "a width twice": (
        "train.xor_widths.neurons", [6, 6], "must not repeat a number of neurons",
    ),
    "predictions for more samples than there are": (
        "effective.mixture_moderate.sample_ratios", [20], "sample_ratios: 20 must be at most",
    ),
    "smaller sample sets at no time": (
        "spectra.mixture_moderate.ratio_time", None, "moderate.ratio_time: missing; sample_ratios",
    ),
    "first layers that figures draw": (
        "spectra.xor_theorem.neuron_runs", 0, "xor_theorem.neuron_runs = 0: must be 1 at least",
    ),
    "smaller sample sets that are larger": (
        "spectra.mixture_moderate.sample_ratios", [20], "sample_ratios: 20 must be at most .* = 10",
    ),
    "fewer training samples than test samples": (
        "train.mixture_moderate.checkpoints", [0, 9], "9000 steps draw fewer samples than",
    ),
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    raw = cli.read_config()
    section = raw["benarous2024"]
    *folders, key = path.split(".")
    for name in folders:
        section = section[name]
    section[key] = value
    if path == "train.mixture_moderate.checkpoints":  # so that only one rule is broken
        spectra = raw["benarous2024"]["spectra"]
        spectra["mixture_moderate"], spectra["mixture_moderate_train"] = {}, {"samples": "train"}
        raw["benarous2024"]["effective"]["mixture_moderate"] = {"times": [0]}
    return raw


@pytest.mark.parametrize("what", BAD)
def test_one_line_names_the_key_and_what_is_allowed(what: str) -> None:
    path, value, message = BAD[what]
    with pytest.raises(ConfigError, match=message) as caught:
        parse(changed(path, value))
    text = str(caught.value)
    assert text.startswith("config error: benarous2024.")
    assert "\n" not in text
    assert len(text) < 200


def test_steps_just_below_the_limits_are_allowed() -> None:
    parse(changed("train.mixture_limit.step", 9.9e4))
    parse(changed("train.xor_recalled.step", 198.0))
