"""Hessian eigenvalues beside other packages: the same models, one thread, errors beside times.

    pip install -c constraints.txt -c benchmarks/peers/constraints.txt \
        -r benchmarks/peers/requirements.txt    # into an environment that has the project's pins
    PYTHONPATH=src python benchmarks/bench_peers.py [--cases a,b,c,d,e] [--quick] [--out FOLDER]

Cases: a deep linear networks, b small softmax classifiers, c one wide ReLU network beside its bare
matrix products, d blocks of softmax regression, e growth with models, width and k. Writes
benchmarks/results/peers.csv (a to d) and growth.csv (e); rows of cases that are not run stay.
`--quick` takes fewer models and repeats and writes only where `--out` says. A package that is not
installed gets rows that say so.

Every method starts from the parameters, the data and the loss: building its operator is in its
time. The error is the largest |value - reference| / max |lambda| over the models that have a
reference. The peers have no batching: they take the models one after the other, and are timed on
the first few.
"""

from __future__ import annotations

import os

for variable in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{variable}_NUM_THREADS"] = "1"

import argparse  # noqa: E402
import csv  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402
from peers import cases, growth, ours, solvers  # noqa: E402
from peers.floors import gemm_floor, product_seconds, softmax_blocks  # noqa: E402
from peers.timing import COLUMNS, Clock  # noqa: E402

RESULTS = Path(__file__).parent / "results"
# In float32 one row a package: the time budget.
SINGLE = (
    "curvlinops, no check",
    "hessian-eigenthings, LA",
    "PyHessian, defaults",
    "double backward",
)


def ensemble(clock: Clock, make, counts: tuple[int, ...], few: int, slow: int, solve) -> None:
    """Cases a and b: this package on every count, the peers on the first few models."""
    whole = make(max(counts))
    known, scale, how = cases.reference(whole, few)
    print(f"\n{whole.name}, P={whole.n_params}; reference: {how}")
    listed = solvers.peers(solvers.steps_for(whole, known, scale))
    timed: dict[str, dict[str, object]] = {}
    for count in counts:
        problem = whole.first(count)
        enter = partial(
            clock.enter, whole.name, count, parameters=whole.n_params, reference=known, scale=scale
        )
        enter(method=ours.NAME, solve=partial(solve, problem))
        enter(method=ours.LOOSE, solve=partial(solve, problem, 1e-6))
        for name, (solver, is_slow) in listed.items():
            if name not in timed:
                part = problem.first(slow if is_slow else few)
                one_by_one = partial(solvers.one_by_one, solver, part)
                enter(method=name, solve=one_by_one, measured=len(part.modules))
        clock.race()
        for row in timed.values():
            clock.keep(row | {"models": count})
        if count > few:  # more models change nothing for methods that take them one by one
            timed |= {str(r["method"]): r for r in clock.rows if r["models"] == count}
            timed = {name: row for name, row in timed.items() if name in listed}


def case_a(clock: Clock, quick: bool) -> None:
    counts, few = ((1, 20), 2) if quick else ((1, 20, 200, 1000), 8)
    ensemble(clock, cases.deep_linear, counts, few, min(few, 3), ours.linear)


def case_b(clock: Clock, quick: bool) -> None:
    counts, few = ((1, 4), 1) if quick else ((1, 16, 64), 4)
    ensemble(clock, cases.classifier, counts, few, min(few, 2), ours.modules)


def case_c(clock: Clock, quick: bool) -> None:
    double = cases.wide_classifier(256, 64) if quick else cases.wide_classifier()
    known, scale, how = cases.reference(double, 1)
    print(f"\n{double.name}, P={double.n_params}, n={len(double.X)}; reference: {how}")
    for problem, kind in ((double, "float64"), (double.single(), "float32")):
        name, is_double = f"{double.name} {kind}", kind == "float64"
        enter = partial(
            clock.enter, name, 1, parameters=double.n_params, reference=known, scale=scale
        )
        tolerance = 1e-10 if is_double else 1e-5
        floor = product_seconds(problem)  # before and after: the machine's load changes
        enter(method=ours.NAME, solve=partial(ours.modules, problem, tolerance))
        found = clock.race()[ours.NAME]
        gemm_floor(clock, name, problem, found, floor)
        if is_double:
            enter(method=ours.LOOSE, solve=partial(ours.modules, problem, 1e-6), warm=False)
        steps = solvers.steps_for(problem, known, scale, 1e-12 if is_double else 1e-6)
        for method, (solver, _) in solvers.peers(steps, tolerance, limit=200).items():
            if is_double or method.startswith(SINGLE):
                one_by_one = partial(solvers.one_by_one, solver, problem)
                enter(method=method, solve=one_by_one, warm=False)
        clock.race()


def case_d(clock: Clock, quick: bool) -> None:
    print("\nsoftmax regression, full spectra of the class blocks")
    softmax_blocks(clock, *cases.softmax_regression(*((100, 3, 1000) if quick else (1000, 10))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="a,b,c,d,e", help="letters, with commas")
    parser.add_argument("--quick", action="store_true", help="small: to see that it runs")
    parser.add_argument("--out", type=Path, help="folder of the csv files")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for package, missing in solvers.missing_packages().items():
        print(f"{package} is missing: {missing}")
    chosen = set(given.cases.split(","))
    out = given.out or (None if given.quick else RESULTS)
    clock = Clock(repeats=2 if given.quick else 5, seconds=1.0 if given.quick else 3.0)
    for letter, case in {"a": case_a, "b": case_b, "c": case_c, "d": case_d}.items():
        if letter in chosen:
            first = len(clock.rows)
            case(clock, given.quick)
            for row in clock.rows[first:]:
                row["case"] = f"{letter}: {row['case']}"
    if out is not None and chosen & set("abcd"):
        write(out / "peers.csv", COLUMNS, clock.rows)
    if "e" in chosen:
        rows = growth.measure(Clock(clock.repeats, clock.seconds / 2), given.quick)
        if out is not None:
            write(out / "growth.csv", growth.COLUMNS, rows)


def write(path: Path, columns: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    """Write the rows; rows of cases that were not run now stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = []
    if path.exists():
        done = {str(row[columns[0]])[:2] for row in rows}
        with path.open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if row[columns[0]][:2] not in done]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(sorted([*kept, *rows], key=lambda row: str(row[columns[0]])[:2]))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
