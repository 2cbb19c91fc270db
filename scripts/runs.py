"""Train one ensemble."""

from spectral_atlas.workflow import compute

compute(snakemake)
