"""Join the claims of all papers into results/claims.json and a table for the report."""

import json
from pathlib import Path

from spectral_atlas import store
from spectral_atlas.claims import html_table
from spectral_atlas.workflow import job_log, replace_record

with job_log(snakemake.log[0]):
    rows = [
        row for path in snakemake.input.claims for row in json.loads(Path(path).read_text("utf-8"))
    ]
    store.write_json(rows, Path(snakemake.output.json))
    with store.replacing(Path(snakemake.output.html)) as temporary:
        temporary.write_text(html_table(rows), encoding="utf-8")
    replace_record(snakemake.output.record, {"key": snakemake.params.key, "claims": len(rows)})
