# What each cached file holds, weighs and cost: the run statistics of the report.


rule run_table:
    input:
        unless_recorded(PLAN.runs_record),
        [ancient(planned.path) for planned in PLAN.nodes],
    output:
        csv="results/runs.csv",
        html=report("results/runs.html", caption="../report/runs.rst", category="runs"),
        record=PLAN.runs_record,
    log:
        f"results/logs/runs.{PLAN.runs_key}.log",
    benchmark:
        f"results/benchmarks/runs.{PLAN.runs_key}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        nodes=PLAN.nodes,
        key=PLAN.runs_key,
    script:
        "../../scripts/run_table.py"
