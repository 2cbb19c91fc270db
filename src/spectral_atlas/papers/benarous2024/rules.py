"""What sections of one configuration must have in common, with one line for each breach.

Each function takes the four groups of sections, which hold a section for each study under its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TRAINED_ON = "_train"  # suffix of the spectra on training samples
VARIANTS = ("mixture_unequal", "mixture_correlated", "mixture_gaussian")
FOUR = ("xor_four", "xor_four_recalled", "xor_four_theorem")


def check(data: Any, train: Any, spectra: Any, effective: Any) -> None:
    """Raise ValueError for the first thing that does not fit."""
    for name, training in _sections(train):
        _stable_step(name, training, getattr(data, name))
    for group, sections in (("spectra", spectra), ("effective", effective)):
        for name, section in _sections(sections):
            study = name.removesuffix(TRAINED_ON)
            _times(f"{group}.{name}", section, getattr(train, study).checkpoints)
            _smaller_sets(f"{group}.{name}", section, getattr(data, study))
    for name, section in _sections(effective):
        measured = getattr(spectra, name).times or getattr(train, name).checkpoints
        _among(f"effective.{name}.times", section.times, measured)
    for name, section in _sections(spectra):
        _samples(name, section, getattr(train, name.removesuffix(TRAINED_ON)), data)
    _what_figures_need(train, spectra)


def _sections(group: Any) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(group, name)) for name in type(group).model_fields)


def _stable_step(name: str, training: Any, data: Any) -> None:
    limits = {"2 dimension / ridge": 2 * data.dimension / max(training.ridge, 1e-300)}
    if name.startswith("xor"):
        # A sample changes v_i +- W_i X / |X| by the factor 1 -+ delta |X| (s - y).
        length = (1 + data.dimension / data.precision) ** 0.5
        limits["2 dimension / sqrt(1 + dimension / precision)"] = 2 * data.dimension / length
    rule, limit = min(limits.items(), key=lambda item: item[1])
    if training.step >= limit:
        raise ValueError(
            f"train.{name}.step = {training.step:g}: must be less than {rule} = {limit:.4g}, or "
            "SGD overflows"
        )


def _times(where: str, section: Any, checkpoints: list[float]) -> None:
    """Times are checkpoints; more is kept only of what is measured."""
    own = getattr(section, "times", None)
    _among(f"{where}.times", own or [], checkpoints)
    known = checkpoints if own is None or where.startswith("effective") else own
    for key in ("density_times", "all_classes_times"):
        _among(f"{where}.{key}", getattr(section, key, None) or [], known)
    if getattr(section, "sample_ratios", None):
        if section.ratio_time is None:
            raise ValueError(f"{where}.ratio_time: missing; sample_ratios need it")
        _among(f"{where}.ratio_time", [section.ratio_time], known)


def _among(where: str, times: list[float], known: list[float]) -> None:
    for time in times:
        if time not in known:
            listed = ", ".join(f"{t:g}" for t in known)
            raise ValueError(f"{where}: must be among {listed}, {time:g} is not")


def _smaller_sets(where: str, section: Any, data: Any) -> None:
    available = data.test_samples / data.dimension
    for ratio in getattr(section, "sample_ratios", ()):
        if ratio > available:
            raise ValueError(
                f"{where}.sample_ratios: {ratio:g} must be at most test_samples / dimension = "
                f"{available:g}"
            )


def _samples(name: str, section: Any, training: Any, data: Any) -> None:
    wanted = "train" if name.endswith(TRAINED_ON) else "test"
    if section.samples != wanted:
        raise ValueError(f"spectra.{name}.samples = '{section.samples}': must be '{wanted}'")
    if wanted == "test":
        return
    study = name.removesuffix(TRAINED_ON)
    own = getattr(data, study)
    steps = training.checkpoints[-1] * own.dimension / training.step
    if steps < own.test_samples:
        raise ValueError(
            f"train.{study}.checkpoints: {steps:g} steps draw fewer samples than test_samples = "
            f"{own.test_samples}, which spectra.{name} needs"
        )


def _what_figures_need(train: Any, spectra: Any) -> None:
    for name in ("xor_recalled", "xor_theorem", "xor_theorem_train"):
        if not getattr(spectra, name).neuron_runs:
            raise ValueError(f"spectra.{name}.neuron_runs = 0: must be 1 at least, for figures")
    for name in VARIANTS:
        if not getattr(spectra, name).all_classes_seeds:
            raise ValueError(f"spectra.{name}.all_classes_seeds = 0: must be 1 at least")
    for name in (*FOUR, *VARIANTS):
        times, last = getattr(spectra, name).times, getattr(train, name).checkpoints[-1]
        if times is not None and times[-1] != last:
            raise ValueError(f"spectra.{name}.times: must end with the last checkpoint, {last:g}")
    ends = {name: getattr(train, name).checkpoints[-1] for name in VARIANTS}
    if len(set(ends.values())) > 1:
        listed = ", ".join(f"{name} {end:g}" for name, end in ends.items())
        raise ValueError(f"train: the variants must have the same last checkpoint, not {listed}")
    if train.xor_four.per_count:
        raise ValueError(
            f"train.xor_four.per_count = {train.xor_four.per_count}: must be 0, its runs are "
            "counted as they come"
        )
