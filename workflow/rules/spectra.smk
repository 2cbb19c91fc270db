# Hessian spectra of the checkpoints, certified.


rule measure:
    input:
        sources("spectra"),
    output:
        "results/spectra/{paper}/{name}.{key}.nc",
    log:
        "results/logs/spectra/{paper}/{name}.{key}.log",
    benchmark:
        "results/benchmarks/spectra/{paper}/{name}.{key}.tsv"
    priority: 1
    conda:
        "../../environment.yml"
    threads: threads("spectra")
    params:
        planned=planned("spectra"),
        section=section("spectra"),
        seed=PLAN.config.seed,
    script:
        "../../scripts/spectra.py"
