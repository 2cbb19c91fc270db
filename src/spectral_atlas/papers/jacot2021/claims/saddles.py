"""Saddles: those that paths pass, and those that the greedy algorithm finds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectral_atlas.checks import Unmeasured
from spectral_atlas.claim_kinds import Sample
from spectral_atlas.papers.jacot2021.claims.study import RANK, Members, Study, Where
from spectral_atlas.papers.jacot2021.plateaus import AT_REST, QUIET, STANDS_OUT, outstanding
from spectral_atlas.papers.jacot2021.readings import Plateau, crossing_time, plateau

Array = np.ndarray
DEPTH, WIDTH, EPSILON = 4, 100, 0.1
GAMMAS = (1.5, 2.0, 2.5)
PATHS = {g: Where("saddle_to_saddle", DEPTH, WIDTH, g) for g in GAMMAS}
STARTS = {g: Where("initializations", DEPTH, WIDTH, g) for g in GAMMAS[1:]}
PLATEAU = f"a plateau: |grad| has a minimum inside, below {QUIET:g} of its maxima before and after"
REST = f"stages at rest, |dC/dtheta| < {AT_REST:g} s_1(dC/dA) where they began"


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

    It must rest at ranks 1 and 2, and end at 3, at a training cost below the asked share of C(0);
    without `whole` the ranks up to 2 are enough, whatever comes next.
    """
    members = study.members(where)
    wanted = list(range(RANK + 1))
    seen = visits(members)
    in_order = [one == wanted if whole else one[:RANK] == wanted[:RANK] for one in seen]
    held = (np.array(in_order) & rests(members).all(0)).astype(float)
    kept = members.finished(held) if whole else np.where(members.lost, np.nan, held)
    return Sample(kept, members.labels)


def rests(members: Members) -> Array:
    """Whether each path has a plateau of rank 1 and 2: (rank, member)."""
    found = [[p is not None and p.rests for p in plateaus(members, k)] for k in range(1, RANK)]
    return np.array(found, dtype=bool)


def plateaus(members: Members, rank: int) -> list[Plateau | None]:
    """Where each path is quietest at a rank; None where it diverged or never had the rank."""
    values = members.spectrum["singular_values"].values
    return [
        None if lost else plateau(members.runs.isel(member=i), rank, values[i])
        for i, lost in enumerate(members.lost)
    ]


def costs(members: Members, rank: int) -> Array:
    """C at the plateau of a rank on each path, NaN where there is none."""
    found = plateaus(members, rank)
    return np.array([np.nan if one is None else one.cost for one in found])


def stays(members: Members, rank: int) -> Array:
    """Time from where a path comes to a rank to where it comes to the next; NaN if it does not."""
    s, step = members.spectrum["singular_values"].values, members.runs["step"].values
    rate = members.runs["learning_rate"].values
    come = np.array(
        [
            [crossing_time(step[i], s[i, :, k], STANDS_OUT, rate[i]) for k in (rank - 1, rank)]
            for i in range(len(members))
        ]
    )
    return np.where(members.lost, np.nan, come[:, 1] - come[:, 0])


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
