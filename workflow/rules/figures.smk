# Figures keep stable names. Their record is named by the key they were drawn for and is written with
# them, so a figure is drawn again exactly when its record is missing: after an edit, after a switch of
# scale, and after the switch back.

for figure in PLAN.figures:

    rule:
        name:
            f"draw_{figure.paper}_{figure.figure.id}"
        input:
            [ancient(path) for path in figure.inputs.values()],
            unless_recorded(figure.record),
        output:
            pdf=report(figure.files["pdf"], **shown(figure, "PDF")),
            svg=report(figure.files["svg"], **shown(figure, "SVG")),
            png=figure.files["png"],
            csv=report(figure.files["csv"], **shown(figure, "numbers")),
            record=figure.record,
        log:
            f"results/logs/figures/{figure.paper}/{figure.figure.id}.{figure.key}.log",
        benchmark:
            f"results/benchmarks/figures/{figure.paper}/{figure.figure.id}.{figure.key}.tsv"
        localrule: True
        conda:
            "../../environment.yml"
        params:
            planned=figure,
            style=PLAN.config.style,
            facts=lambda wildcards, figure=figure: figure.facts(),
        script:
            "../../scripts/figures.py"
