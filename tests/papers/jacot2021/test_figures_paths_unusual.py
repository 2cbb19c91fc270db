"""Figures of paths at scales and outcomes that the default does not have."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from matplotlib import pyplot as plt
from tiny_paths import FIGURES, caption, draw, files, lost, members

from spectral_atlas.plotting.publish import Drawing

Files = dict


def one_member(found: Files) -> Files:
    for name in ("saddle_to_saddle", "initializations", "shares", "escape"):
        found = members(found, name, [0])
    return found


def one_gamma(found: Files) -> Files:
    runs = found["runs/saddle_to_saddle"]
    return members(found, "saddle_to_saddle", [i for i, g in enumerate(runs["gamma"]) if g == 4])


def many_gammas(found: Files) -> Files:
    found = members(found, "saddle_to_saddle", [0, 1] * 4)
    gammas = [1.2, 1.4, 1.6, 1.8, 2.2, 3.0, 4.0, 0.6]
    for ref in ("runs/saddle_to_saddle", "spectra/saddle_to_saddle"):
        found = found | {ref: found[ref].assign_coords(gamma=("member", gammas))}
    return found


def no_plateau(found: Files) -> Files:
    """Maps too small for any singular value to count."""
    for name in ("saddle_to_saddle", "initializations"):
        runs, spectra = found[f"runs/{name}"], found[f"spectra/{name}"]
        small = spectra.assign(singular_values=spectra["singular_values"] * 1e-3)
        found = found | {
            f"runs/{name}": runs.assign(map=runs["map"] * 1e-3), f"spectra/{name}": small
        }  # fmt: skip
    return found


def diverged(found: Files) -> Files:
    for name in ("saddle_to_saddle", "initializations", "shares", "escape"):
        runs, spectra = lost(found[f"runs/{name}"], found[f"spectra/{name}"], 0)
        found = found | {f"runs/{name}": runs, f"spectra/{name}": spectra}
    return found


def all_diverged(found: Files) -> Files:
    return diverged(one_member(found))


def other_targets(found: Files) -> Files:
    """Neither greedy runs nor first paths of the targets that were trained on."""
    for ref in ("runs/greedy", "runs/first_path", "spectra/saddles"):
        found = found | {ref: found[ref].assign_coords(target=found[ref]["target"] + 7)}
    return found


def other_problem(found: Files) -> Files:
    """Runs on other entries than the greedy algorithm had."""
    for name in ("saddle_to_saddle", "initializations"):
        runs, spectra = found[f"runs/{name}"], found[f"spectra/{name}"]
        found = found | {
            f"runs/{name}": runs.assign(cost_at_zero=runs["cost_at_zero"] * 1.1),
            f"spectra/{name}": spectra.assign(origin_slopes=spectra["origin_slopes"] * 1.1),
        }
    return found


def shallow_only(found: Files) -> Files:
    keep = [i for i, L in enumerate(found["runs/escape"]["depth"]) if L == 2]
    found = members(found, "escape", keep)
    for ref in ("runs/greedy", "runs/first_path", "spectra/saddles"):
        one = found[ref]
        found = found | {ref: one.isel(member=one["depth"].values == 2)}
    return found


def cut_short(found: Files) -> Files:
    """No record but the first."""
    for name in ("saddle_to_saddle", "initializations", "shares", "escape"):
        runs, spectra = found[f"runs/{name}"], found[f"spectra/{name}"]
        runs = runs.isel(record=[0]).assign(n_records=runs["n_records"] * 0 + 1)
        runs = runs.assign(last_step=runs["last_step"] * 0, stopped=runs["stopped"] & False)
        found = found | {f"runs/{name}": runs, f"spectra/{name}": spectra.isel(record=[0])}
    return found


def stages_that_move(found: Files) -> Files:
    greedy = found["runs/greedy"]
    return found | {"runs/greedy": greedy.assign(gradient_norm=greedy["gradient_norm"] * 0 + 1)}


def diverged_stage(found: Files) -> Files:
    """The last stage of every greedy run overflowed."""
    greedy = found["runs/greedy"].copy(deep=True)
    for name in ("cost", "test", "gradient_norm", "end", "theta", "train_cost", "test_cost"):
        greedy[name][{"stage": 1}] = float("nan")
    greedy["converged"][:], greedy["diverged"][:] = False, True
    return found | {"runs/greedy": greedy, "runs/plane": found["runs/plane"].isel(stage=[0])}


def never_passed(found: Files) -> Files:
    plane = found["runs/plane"]
    return found | {"runs/plane": plane.assign(passed_at=plane["passed_at"] * 0 - 1)}


def one_stage(found: Files) -> Files:
    """Matrices of rank one: the algorithm ends after its first stage."""
    greedy = found["runs/greedy"].isel(stage=[0])
    saddles = found["spectra/saddles"].isel(stage=[0, 1])
    plane = found["runs/plane"].isel(stage=[0])
    greedy = greedy.assign(width=greedy["width"] * 0 + 1)
    return found | {"runs/greedy": greedy, "spectra/saddles": saddles, "runs/plane": plane}


CASES: dict[str, Callable[[Files], Files]] = {
    case.__name__: case
    for case in (
        one_member, one_gamma, many_gammas, no_plateau, diverged, all_diverged, other_targets,
        other_problem, shallow_only, cut_short, stages_that_move, one_stage,
        diverged_stage, never_passed,
    )
}  # fmt: skip
ROOM = (("many_gammas", "fig1b"), ("one_member", "fig1c"), ("cut_short", "escape_law"))


def letters_of(text: str) -> list[str]:
    """Panels that a caption speaks of, ``**a, c**`` and ``**b–d**`` among others."""
    found: list[str] = []
    for first, last, more in re.findall(r"\*\*([a-z])(?:–([a-z])|((?:, [a-z])*))\*\*", text):
        found += map(chr, range(ord(first), ord(last or first) + 1))
        found += more.split(", ")[1:]
    return sorted(found)


def letters_on(drawing: Drawing) -> list[str]:
    titles = [ax.get_title(loc="left") for ax in drawing.figure.axes]
    return sorted(match[1] for title in titles if (match := re.match(r"\$\\bf\{(\w)\}\$", title)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error")
def test_unusual_scales_are_drawn(case):
    found = CASES[case](files())
    for name in FIGURES:
        drawing = draw(name, found)
        assert letters_of(caption(name, drawing)) == letters_on(drawing)
        if (case, name) in ROOM:
            drawing.figure.canvas.draw()  # what has no room would warn here
        plt.close("all")


def test_what_is_missing_is_said():
    facts = draw("fig1b", other_targets(files())).facts
    assert facts["agreement"] == "none"
    facts = draw("fig1b", no_plateau(files())).facts
    assert facts["no_plateau"] == 4
    assert facts["no_saddle"] == 0
    facts = draw("escape_law", other_problem(files())).facts
    assert facts["cosines"] == "none" or "0 of 0" in facts["cosines"]
    assert "1 diverged" in draw("fig1b", diverged(files())).facts["fates"]
    plt.close("all")
