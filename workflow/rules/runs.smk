# Trained ensembles: weights at the checkpoints, outcomes.


rule train:
    input:
        sources("runs"),
    output:
        "results/runs/{paper}/{name}.{key}.nc",
    log:
        "results/logs/runs/{paper}/{name}.{key}.log",
    benchmark:
        "results/benchmarks/runs/{paper}/{name}.{key}.tsv"
    conda:
        "../../environment.yml"
    threads: threads("runs")
    priority: 2
    params:
        planned=planned("runs"),
        section=section("runs"),
        seed=PLAN.config.seed,
    script:
        "../../scripts/runs.py"
