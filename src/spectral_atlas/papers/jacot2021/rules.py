"""What sections must have in common, with one line for each breach, before any job starts."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

SPARE = 2.0  # a random matrix may be this much larger than its mean square says
LONGEST = 5e6  # steps of the path of width 1
MARGIN, MOST_STEPS = 2000, 200_000  # those of `greedy_low_rank`


def check(data: Any, runs: Any, spectra: Any) -> None:
    """Raise ValueError for the first thing that does not fit."""
    if data.completion.rank < 2:
        raise ValueError(
            "data.completion.rank = 1: must be 2 at least, to have a saddle on the way"
        )
    for name in type(runs).model_fields:
        _run(f"runs.{name}", getattr(runs, name), data)
    if data.full.observed != (size := data.full.rows * data.full.columns):
        raise ValueError(f"data.full.observed = {data.full.observed}: must be all {size} entries")
    if not runs.ridge_gd.ridge:
        raise ValueError("runs.ridge_gd.ridge = 0: must be positive, it is what the run is about")
    if data.completion.rank < 2:
        raise ValueError(
            "data.completion.rank = 1: must be 2 at least, to have a saddle on the way"
        )
    _noise(runs)
    _greedy_steps(runs.greedy, data.completion)
    _first_steps(runs.first_path, data.completion)
    _plane(runs)
    _included(data.completion, runs, spectra)


def _run(where: str, section: Any, data: Any) -> None:
    """One section of `runs`, with the matrices that its job is given."""
    given = "full" if where == "runs.minima_full" else "completion"
    if getattr(section, "data", given) != given:
        raise ValueError(f"{where}.data = '{section.data}': must be '{given}' in this run")
    matrices = getattr(data, given)
    if hasattr(section, "targets"):
        _known(f"{where}.targets", section.targets, matrices.target_seeds)
    if getattr(section, "observed", None):
        _countable(f"{where}.observed", section.observed, matrices)
    if hasattr(section, "learning_rate"):
        _stable(where, section, matrices)
    if hasattr(section, "ranks"):
        _searchable(where, section, matrices)


def _noise(runs: Any) -> None:
    """What figures call noisy is, and what they call clean is not."""
    for name, noisy in (("minima_noisy", True), ("minima_clean", False), ("minima_full", False)):
        if bool(given := getattr(runs, name).noise) != noisy:
            wanted = "positive" if noisy else "0"
            raise ValueError(f"runs.{name}.noise = {given:g}: must be {wanted}, as its name says")


def _known(where: str, targets: list[int], known: list[int]) -> None:
    for target in targets:
        if target not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"{where}: must be among the target seeds {listed}; {target} is not")


def _countable(where: str, counts: list[int], matrices: Any) -> None:
    size = matrices.rows * matrices.columns
    for count in counts:
        if count > size:
            raise ValueError(f"{where}: must be at most {size}, the number of entries, not {count}")


def _typical_value(matrices: Any) -> float:
    """s_1 of A*, or for Gaussian factors what it is at least where |A*|^2 is as expected."""
    if matrices.spectrum is not None:
        return float(matrices.spectrum[0])
    return sqrt(matrices.rows * matrices.columns)


def _stable(where: str, section: Any, matrices: Any) -> None:
    """Steps must be below 2 / sharpness at a minimum.

    To leading order the sharpness is 2 L s_1^(2 - 2/L) sum_ij weights_ij u_i^2 v_j^2, and the sum,
    whose weights are 1/N on N random entries, is 1 / (rows columns) in the mean.
    """
    s = getattr(section, "scale", 1.0) * _typical_value(matrices)
    size = matrices.rows * matrices.columns
    sharpness, L = max((2 / size * L * s ** (2 - 2 / L), L) for L in section.depths)
    if section.learning_rate >= 2 / sharpness:
        raise ValueError(
            f"{where}.learning_rate = {section.learning_rate:g}: must be below {2 / sharpness:.3g}"
            f" = 2 / sharpness; that of a minimum of depth {L} with s_1 = {s:.3g} is "
            f"{sharpness:.3g}"
        )


def _searchable(where: str, section: Any, matrices: Any) -> None:
    smaller = min(matrices.rows, matrices.columns)
    if (largest := max(section.ranks)) > smaller:
        raise ValueError(
            f"{where}.ranks: must be at most {smaller}, the smaller side of the matrices, not "
            f"{largest}"
        )
    if matrices.rank not in section.ranks:
        raise ValueError(
            f"{where}.ranks: must have the rank of the matrices, {matrices.rank}, among them"
        )


def _greedy_steps(greedy: Any, matrices: Any) -> None:
    """Refuse what takes too many steps for any matrix; the run checks each stage of its own."""
    s = SPARE * 2 / matrices.observed * sqrt(matrices.rank) * _typical_value(matrices)
    for L in greedy.depths:
        for epsilon in greedy.epsilons:
            grown = 1.3 / ((L - 2) * s * epsilon ** (L - 2) * greedy.learning_rate) if L > 2 else 0
            needed = ceil(MARGIN + grown)
            why = f"depth {L} and epsilon {epsilon:g}, or new neurons have no time to settle"
            if greedy.steps is not None and greedy.steps < needed:
                raise ValueError(
                    f"runs.greedy.steps = {greedy.steps}: must be at least {needed} for {why}"
                )
            if greedy.steps is None and needed > MOST_STEPS:
                raise ValueError(f"runs.greedy.steps: must be given, at least {needed} for {why}")


def _first_steps(first: Any, matrices: Any) -> None:
    """Refuse a path of width 1 that takes too long to leave the origin, whatever the matrix."""
    s = SPARE * 2 / matrices.observed * sqrt(matrices.rank) * _typical_value(matrices)
    for L in first.depths:
        needed = 1.3 / (max(L - 2, 1) * s * first.epsilon ** (L - 2) * first.learning_rate)
        if L > 2 and needed > LONGEST:
            raise ValueError(
                f"runs.first_path.epsilon = {first.epsilon:g}: must be larger for depth {L}, which "
                f"would take {needed:.2g} steps, more than {LONGEST:.0e}"
            )


def _plane(runs: Any) -> None:
    path, plane, greedy = runs.saddle_to_saddle, runs.plane, runs.greedy
    for other in ("greedy", "first_path"):
        known = getattr(runs, other).targets
        _among("runs.saddle_to_saddle.targets", path.targets, known, f"runs.{other}.targets")
    _among("runs.plane.target", [plane.target], path.targets, "runs.saddle_to_saddle.targets")
    _among("runs.plane.target", [plane.target], greedy.targets, "runs.greedy.targets")
    _among("runs.plane.gammas", plane.gammas, path.gammas, "runs.saddle_to_saddle.gammas")
    _among("runs.plane.epsilon", [plane.epsilon], greedy.epsilons, "runs.greedy.epsilons")
    where, depth = "runs.saddle_to_saddle", path.depths[0]
    _among(f"{where}.depths", [depth], greedy.depths, "runs.greedy.depths")
    low = 1 - 1 / depth
    for gamma in plane.gammas:
        if gamma != "ntk" and gamma < low - 1e-12:
            raise ValueError(
                f"runs.plane.gammas: must be 1 - 1/L = {low:g} or more for the depth {depth} of "
                f"saddle_to_saddle, not {gamma:g}"
            )
    for key, value in (("noise", 0), ("ridge", 0), ("scale", 1), ("observed", None)):
        if (given := getattr(path, key)) != value:
            wanted = "left out" if value is None else value
            raise ValueError(
                f"{where}.{key} = {given}: must be {wanted}, as for the greedy paths beside it"
            )


def _among(where: str, values: list[Any], known: list[Any], of: str) -> None:
    for value in values:
        if value not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"{where}: must be among {of} ({listed}); {value} is not")


def _included(matrices: Any, runs: Any, spectra: Any) -> None:
    at, rank = spectra.landscape, max(runs.landscape.ranks)
    if at.width <= rank:
        raise ValueError(
            f"spectra.landscape.width = {at.width}: must be more than {rank}, the largest rank in "
            "runs.landscape.ranks, to have room for another neuron"
        )
    at, smaller = spectra.saddles, min(matrices.rows, matrices.columns)
    _among("spectra.saddles.epsilon", [at.epsilon], runs.greedy.epsilons, "runs.greedy.epsilons")
    if at.width < smaller:
        raise ValueError(
            f"spectra.saddles.width = {at.width}: must be at least {smaller}, the rank that the "
            "greedy algorithm can reach"
        )
