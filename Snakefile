# Spectral Atlas: synthetic data -> trained runs -> spectra -> figures -> claims.
#
#   snakemake --cores 8                 every figure and every claim
#   snakemake --cores 8 marion2024      one paper
#   snakemake --cores 8 --configfile workflow/scales/smoke.yaml     everything, tiny

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/spectra.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        [target for paper in PAPERS for target in PLAN.of(paper)],
        rules.claims_table.output,
        rules.run_table.output,


for paper in PAPERS:

    rule:
        name:
            paper
        input:
            list(PLAN.of(paper)),


onsuccess:
    print(summary(PLAN), file=sys.stderr)
