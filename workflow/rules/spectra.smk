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
    params:
        planned=planned("spectra"),
        section=section("spectra"),
        seed=PLAN.config.seed,
    threads: threads("spectra")
    conda:
        "../../environment.yml"
    script:
        "../../scripts/spectra.py"
