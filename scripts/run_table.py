"""Write the run statistics as CSV and as a page of the report."""

import csv
import html
from pathlib import Path

from spectral_atlas import records, store
from spectral_atlas.claims import page
from spectral_atlas.run_table import rows
from spectral_atlas.workflow import job_log

with job_log(snakemake.log[0]):
    found = rows(snakemake.params.nodes)
    columns = tuple(found[0]) if found else ()
    with (
        store.replacing(Path(snakemake.output.csv)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(found)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(str(row[c]))}</td>" for c in columns) + "</tr>"
        for row in found
    ]
    with store.replacing(Path(snakemake.output.html)) as temporary:
        temporary.write_text(page("Runs", columns, lines), encoding="utf-8")
    published = [snakemake.output.csv, snakemake.output.html]
    records.write(snakemake.output.record, {"key": snakemake.params.key}, published)
