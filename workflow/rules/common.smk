# The plan of this run. The configuration is checked here, before any job.

import os
import sys
from pathlib import Path

# A clone runs its own code, whichever copy of the package the environment has installed.
SOURCE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(SOURCE))
SEARCHED = [str(SOURCE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
os.environ.update(PYTHONPATH=os.pathsep.join(SEARCHED))

from spectral_atlas import records
from spectral_atlas.workflow import PLANNED_NOW, kernel_cache, read_plan, summary

PLAN = read_plan(config)
PAPERS = PLAN.papers
os.environ.update(NUMBA_CACHE_DIR=kernel_cache())


wildcard_constraints:
    paper="|".join(PAPERS),
    name=r"\w+",
    key="[0-9a-f]+",


def planned(stage):
    """Params function: the planned node behind a job of this stage."""
    return lambda wildcards: PLAN.keyed_node(wildcards.paper, stage, wildcards.name, wildcards.key)


def section(stage):
    """Params function: the one section of the configuration that the job may read."""
    return lambda wildcards: PLAN.section(planned(stage)(wildcards))


def sources(stage):
    """Input function. Names hold keys, so time stamps say nothing: hence ancient()."""
    return lambda wildcards: [ancient(p) for p in planned(stage)(wildcards).inputs.values()]


def unless_recorded(record):
    """An input newer than any file, for published files that are not what their record says.

    Without it, asking for one file of a stale figure by name would find that the file exists.
    """
    return [] if records.is_current(record) else [PLANNED_NOW]


def threads(stage):
    """Threads function; Snakemake lowers it to --cores, which results do not depend on."""
    return lambda wildcards: planned(stage)(wildcards).node.threads


def shown(figure, form):
    """How the report shows one file of a figure."""
    return {
        "caption": f"../report/{figure.paper}/{figure.figure.id}.rst",
        "category": figure.paper,
        "subcategory": figure.figure.evidence,
        "labels": {"figure": figure.figure.id, "title": figure.figure.title, "file": form},
    }
