"""Evaluate the claims of one paper from cached files."""

from pathlib import Path

from spectral_atlas import store
from spectral_atlas.claims import as_rows
from spectral_atlas.registry import papers, resolve
from spectral_atlas.workflow import job_log, unedited

planned = snakemake.params.planned
with job_log(snakemake.log[0]):
    inputs = {ref: store.load(Path(path)) for ref, path in planned.inputs.items()}
    with unedited(planned.code):
        found = resolve(papers()[planned.paper].claims)(inputs)
    store.write_json(as_rows(planned.paper, found), Path(snakemake.output[0]))
