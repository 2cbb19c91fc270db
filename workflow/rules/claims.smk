# Claims: one file for each paper, named by its key, and one table of all.


rule claims:
    input:
        lambda wildcards: [
            ancient(path)
            for path in PLAN.keyed_claims(wildcards.paper, wildcards.key).inputs.values()
        ],
    output:
        "results/claims/{paper}.{key}.json",
    log:
        "results/logs/claims/{paper}.{key}.log",
    benchmark:
        "results/benchmarks/claims/{paper}.{key}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        planned=lambda wildcards: PLAN.keyed_claims(wildcards.paper, wildcards.key),
    script:
        "../../scripts/claims.py"


rule claims_table:
    input:
        unless_recorded(PLAN.claims_record),
        claims=[ancient(planned.path) for planned in PLAN.claims],
    output:
        json="results/claims.json",
        html=report("results/claims.html", caption="../report/claims.rst", category="claims"),
        record=PLAN.claims_record,
    log:
        f"results/logs/claims.{PLAN.claims_key}.log",
    benchmark:
        f"results/benchmarks/claims.{PLAN.claims_key}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        key=PLAN.claims_key,
    script:
        "../../scripts/claims_table.py"
