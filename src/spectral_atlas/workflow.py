"""What the Snakefile and its scripts call."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from spectral_atlas import keys
from spectral_atlas.config import ConfigError, cautions, parse
from spectral_atlas.plan import Plan
from spectral_atlas.registry import resolve

PLANNED_NOW = ".cache/planned"  # written anew whenever a run is planned


def read_plan(raw: dict[str, Any]) -> Plan:
    """Validate the configuration and plan the run.

    A wrong configuration ends the process with one line for each wrong key and exit status 1: a
    traceback would bury the line.
    """
    try:
        plan = Plan(parse(raw))
        _ = plan.figures, plan.claims, plan.nodes  # every key, so that the digests can be kept
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        raise SystemExit(1) from None
    for line in cautions(plan.config):
        sys.stderr.write(f"{line}\n")
    keys.remember()
    now = Path(PLANNED_NOW)
    now.parent.mkdir(exist_ok=True)
    # Snakemake takes an input with the same content as last time for unchanged, however new it is.
    now.write_text(str(time.time_ns()), encoding="utf-8")
    return plan


def kernel_cache() -> str:
    """Folder for numba's machine code, one for each state of the kernels' sources."""
    return str(keys.kernel_cache().absolute())


@contextmanager
def job_log(path: str) -> Iterator[TextIO]:
    """Open a job's log; warnings and an uncaught error end up in it, the error on stderr too."""
    with Path(path).open("w", encoding="utf-8", buffering=1) as log:
        logging.basicConfig(stream=log, level=logging.INFO, format="%(levelname)s %(message)s")
        logging.captureWarnings(True)
        try:
            yield log
        except Exception as error:
            logging.exception("job failed")
            sys.stderr.write(f"{type(error).__name__}: {error} (log: {path})\n")
            raise SystemExit(1) from None


@contextmanager
def unedited(code: dict[str, Any]) -> Iterator[None]:
    """Make sure that the code of a job is still the planned one, before and after it ran.

    Raises
    ------
    RuntimeError
        If a module was edited after the run was planned: the key would be a lie.
    """
    _refuse_edits(code)
    yield
    _refuse_edits(code)


def _refuse_edits(code: dict[str, Any]) -> None:
    if edited := keys.changed_modules(code):
        raise RuntimeError(f"{', '.join(edited)} was edited since this run began; start it again")


def compute(snakemake: Any) -> None:
    """The body of the data, runs and spectra scripts: read the inputs, call, write the file."""
    from spectral_atlas import store
    from spectral_atlas.stage import Job

    planned = snakemake.params.planned
    with job_log(snakemake.log[0]) as log:
        inputs = {ref: store.load(Path(path)) for ref, path in planned.inputs.items()}
        job = Job(seed=snakemake.params.seed, threads=snakemake.threads, log=log)
        with unedited(planned.code):
            result = resolve(planned.node.function)(snakemake.params.section, inputs, job)
        store.save(
            result,
            Path(snakemake.output[0]),
            key=planned.key,
            config=planned.config,
            versions=planned.code["versions"],
        )


def summary(plan: Plan) -> str:
    """One line for the end of a run: how many claims hold, and how to see them."""
    found = [Path(claims.path) for claims in plan.claims]
    rows = [
        row
        for path in found
        if path.exists()
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]
    if not rows:
        return "no claims evaluated in this run"
    verdicts = [row["verdict"] for row in rows]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
    scale = plan.config.scale
    overlay = "" if scale == "default" else f" --configfile workflow/scales/{scale}.yaml"
    return f"{len(verdicts)} claims: {counts} (python -m spectral_atlas claims{overlay})"
