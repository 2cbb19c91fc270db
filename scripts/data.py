"""Generate one file of synthetic data."""

from spectral_atlas.workflow import compute

compute(snakemake)
