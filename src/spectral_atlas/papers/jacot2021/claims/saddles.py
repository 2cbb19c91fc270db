"""Saddles: those that paths pass, and those that the greedy algorithm finds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.jacot2021.claims.kinds import Sample
from spectral_atlas.papers.jacot2021.claims.study import RANK, Members, Study, Where
from spectral_atlas.papers.jacot2021.readings import Plateau, outstanding, plateau

Array = np.ndarray
DEPTH, WIDTH, EPSILON = 4, 100, 0.1
GAMMAS = (1.5, 2.0, 2.5)
PATHS = {g: Where("saddle_to_saddle", DEPTH, WIDTH, g) for g in GAMMAS}
STARTS = {g: Where("initializations", DEPTH, WIDTH, g) for g in GAMMAS[1:]}
RESTS = 1e-4  # |dC/dtheta| where a stage of the greedy algorithm counts as at rest


def visits(members: Members) -> list[list[int]]:
    """Ranks that each path passes, in order, a rank again where it comes back to it."""
    found = []
    for row, count in zip(
        outstanding(members.spectrum["singular_values"].values),
        members.runs["n_records"].values,
        strict=True,
    ):
        ranks = row[:count]
        changes = np.flatnonzero(np.diff(ranks, prepend=-2))
        found.append([int(r) for r in ranks[changes]])
    return found


def ordered(study: Study, where: Where, whole: bool = True) -> Sample:
    """Whether each path passes the ranks 0, 1, 2 and 3 in this order, each once.

    It must also end there, at a training cost below the asked share of C(0); without `whole` the
    ranks up to 2 are enough, whatever comes next.
    """
    members = study.members(where)
    wanted = list(range(RANK + 1))
    seen = visits(members)
    if whole:
        held = np.array([float(one == wanted) for one in seen])
        return Sample(members.finished(held), members.labels)
    held = np.array([float(one[:RANK] == wanted[:RANK]) for one in seen])
    return Sample(np.where(members.lost, np.nan, held), members.labels)


def plateaus(members: Members, rank: int) -> list[Plateau | None]:
    """The plateau of a rank on each path; None where it diverged or never had the rank."""
    values = members.spectrum["singular_values"].values
    return [
        None if lost else plateau(members.runs.isel(member=i), rank, values[i])
        for i, lost in enumerate(members.lost)
    ]


def costs(members: Members, rank: int) -> Array:
    """C at the plateau of a rank on each path, NaN where there is none."""
    found = plateaus(members, rank)
    return np.array([np.nan if one is None else one.cost for one in found])


def greedy(study: Study, depth: int = DEPTH, epsilon: float = EPSILON) -> xr.Dataset:
    """Runs of the greedy algorithm, one for each target."""
    return study.by_target("runs/greedy", depth=depth, epsilon=epsilon)


def greedy_at(found: xr.Dataset, targets: Array) -> xr.Dataset:
    """The same in the order of some targets; Unmeasured where one is missing."""
    seeds = found["target"].values
    missing = set(targets.tolist()) - set(seeds.tolist())
    if missing:
        listed = ", ".join(map(str, sorted(missing)))
        raise Unmeasured(f"no greedy path for the targets {listed}")
    return found.isel(member=[int(np.flatnonzero(seeds == t)[0]) for t in targets])


def apart(study: Study, where: Where, ranks: tuple[int, ...] = (1, 2)) -> Sample:
    """|C_k - C_k of the greedy algorithm| over the latter, for each target and rank k."""
    members = study.members(where)
    ends = greedy_at(greedy(study), members.targets)["cost"].values
    values = [np.abs(costs(members, k) / ends[:, k - 1] - 1) for k in ranks]
    return _by_rank(members, values, ranks)


def maps_apart(study: Study, where: Where, ranks: tuple[int, ...] = (1, 2)) -> Sample:
    """|A - A_k|_F / |A_k|_F of the maps themselves."""
    members = study.members(where)
    ends = greedy_at(greedy(study), members.targets)["end"].values
    maps, values = members.runs["map"].values, []
    for k in ranks:
        found = np.full(len(members), np.nan)
        for i, one in enumerate(plateaus(members, k)):
            if one is not None:
                end = ends[i, k - 1]
                found[i] = np.linalg.norm(maps[i, one.record] - end) / np.linalg.norm(end)
        values.append(found)
    return _by_rank(members, values, ranks)


def _by_rank(members: Members, values: list[Array], ranks: tuple[int, ...]) -> Sample:
    labels = [f"{label} k = {k}" for k in ranks for label in members.labels]
    return Sample(np.concatenate(values), labels)
