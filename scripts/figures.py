"""Draw one figure from cached files and publish it with its numbers."""

from pathlib import Path

from spectral_atlas import provenance, records, store
from spectral_atlas.plotting.publish import publish
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve
from spectral_atlas.workflow import job_log, unedited

planned = snakemake.params.planned
with job_log(snakemake.log[0]):
    inputs = {ref: store.load(Path(path)) for ref, path in planned.inputs.items()}
    with use_style(snakemake.params.style):
        with unedited(planned.code):
            drawing = resolve(planned.figure.draw)(inputs, snakemake.params.style)
        publish(drawing, planned)
    records.write(
        planned.record,
        {
            "key": planned.key,
            "title": planned.figure.title,
            "evidence": planned.figure.evidence,
            "facts": drawing.facts,
            "inputs": planned.inputs,
            "commit": provenance.commit(),
            "versions": provenance.versions(),
        },
        planned.files.values(),
    )
