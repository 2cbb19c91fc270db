# Synthetic data sets. What others wait for comes first, figures last: they fill the cores that the last long
# spectra leave idle.


rule generate:
    input:
        sources("data"),
    output:
        "results/data/{paper}/{name}.{key}.nc",
    log:
        "results/logs/data/{paper}/{name}.{key}.log",
    benchmark:
        "results/benchmarks/data/{paper}/{name}.{key}.tsv"
    priority: 3
    conda:
        "../../environment.yml"
    threads: threads("data")
    params:
        planned=planned("data"),
        section=section("data"),
        seed=PLAN.config.seed,
    script:
        "../../scripts/data.py"
