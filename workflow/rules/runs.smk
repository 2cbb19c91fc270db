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
    priority: 2
    conda:
        "../../environment.yml"
    threads: threads("runs")
    params:
        planned=planned("runs"),
        section=section("runs"),
        seed=PLAN.config.seed,
    script:
        "../../scripts/runs.py"
