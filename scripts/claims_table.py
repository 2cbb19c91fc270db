"""Join the claims of all papers into results/claims.json and a table for the report."""

import json
from pathlib import Path

from spectral_atlas import records, store
from spectral_atlas.claims import html_table
from spectral_atlas.workflow import job_log

with job_log(snakemake.log[0]):
    rows = [
        row for path in snakemake.input.claims for row in json.loads(Path(path).read_text("utf-8"))
    ]
    store.write_json(rows, Path(snakemake.output.json))
    with store.replacing(Path(snakemake.output.html)) as temporary:
        temporary.write_text(html_table(rows), encoding="utf-8")
    published = [snakemake.output.json, snakemake.output.html]
    records.write(snakemake.output.record, {"key": snakemake.params.key}, published)
