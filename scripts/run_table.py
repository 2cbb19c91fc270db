"""Write the run statistics as CSV and as a page of the report."""

import csv
import html
from pathlib import Path

from spectral_atlas import records, store
from spectral_atlas.claims import page
from spectral_atlas.run_table import COLUMNS, rows
from spectral_atlas.workflow import job_log

with job_log(snakemake.log[0]):
    found = rows(snakemake.params.nodes)
    with (
        store.replacing(Path(snakemake.output.csv)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(found)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(str(row[c]))}</td>" for c in COLUMNS) + "</tr>"
        for row in found
    ]
    with store.replacing(Path(snakemake.output.html)) as temporary:
        temporary.write_text(page("Runs", COLUMNS, lines), encoding="utf-8")
    published = [snakemake.output.csv, snakemake.output.html]
    records.write(snakemake.output.record, {"key": snakemake.params.key}, published)
