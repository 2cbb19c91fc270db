"""Registry of the Marion & Chizat paper: its computed files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.marion2024"
MANY_THREADS = 8  # Snakemake lowers it to --cores


def _data(name: str, function: str) -> Node:
    return Node("data", name, f"{HERE}.data:{function}", f"data.{name}")


def _runs(name: str, function: str, data: str, threads: int = 1) -> Node:
    return Node("runs", name, f"{HERE}.{function}", name, (f"data/{data}",), threads)


def _spectra(name: str, function: str, data: str) -> Node:
    inputs = (f"data/{data}", f"runs/{name}")
    return Node("spectra", name, f"{HERE}.{function}", "spectra", inputs)


def _all(name: str, data: str) -> tuple[str, ...]:
    return (f"data/{data}", f"runs/{name}", f"spectra/{name}")


def _figure(
    id: str, title: str, evidence: str, inputs: tuple[str, ...], claims: tuple[str, ...]
) -> Figure:
    return Figure(id, title, evidence, f"{HERE}.figures.{_MODULES[id]}:{id}", inputs, claims)


NODES = (
    _data("linear", "regression"),
    _data("underdetermined", "regression"),
    _data("noiseless", "regression"),
    _data("ratio", "ratio"),
    _runs("mlp_sweep", "sweeps:gaussian", "linear"),
    _runs("residual_sweep", "sweeps:residual", "linear"),
    _runs("evolution", "sweeps:evolution", "linear"),
    _runs("depth_sweep", "sweeps:depths", "linear"),
    _runs("underdetermined_sweep", "sweeps:gaussian", "underdetermined", MANY_THREADS),
    _runs("gelu_sweep", "gelu:gelu_sweep", "noiseless", MANY_THREADS),
    _runs("alignment", "alignment:alignment", "linear"),
    _runs("minimizers", "minimizers:minimizers", "linear"),
    _runs("ratio", "ratio:ratio", "ratio"),
    _spectra("mlp_sweep", "linear_spectra:extremes", "linear"),
    _spectra("residual_sweep", "linear_spectra:extremes", "linear"),
    _spectra("evolution", "linear_spectra:extremes", "linear"),
    _spectra("depth_sweep", "linear_spectra:extremes", "linear"),
    _spectra("underdetermined_sweep", "linear_spectra:extremes", "underdetermined"),
    _spectra("gelu_sweep", "gelu_spectra:extremes", "noiseless"),
    _spectra("alignment", "linear_spectra:structure", "linear"),
    _spectra("minimizers", "linear_spectra:extremes", "linear"),
    _spectra("ratio", "linear_spectra:extremes", "ratio"),
)

_MODULES = {
    "fig1a": "distance",
    "fig1b": "sharpness",
    "fig1c": "evolution",
    "fig1d": "evolution",
    "fig2": "depths",
    "fig3": "divergence",
    "fig4a": "distance",
    "fig4b": "sharpness",
    "fig4c": "evolution",
    "fig4d": "evolution",
    "fig5": "divergence",
    "fig6a": "sharpness",
    "fig6b": "generalization",
    "fig7": "sharpness",
    "sharpness_vs_depth": "minimizers",
    "ratio_vs_conditioning": "ratio",
    "rank_one_alignment": "alignment",
}

MLP = _all("mlp_sweep", "linear")
RESIDUAL = _all("residual_sweep", "linear")
EVOLUTION = _all("evolution", "linear")
BEYOND = tuple(
    dict.fromkeys(
        ref for name in ("minimizers", "depth_sweep", "alignment") for ref in _all(name, "linear")
    )
)
UNDERDETERMINED = _all("underdetermined_sweep", "underdetermined")

FIGURES = (
    _figure(
        "fig1a",
        "Distance to the optimal regressor, Gaussian initialization",
        "Fig. 1a",
        MLP,
        ("T13c", "T11a"),
    ),
    _figure(
        "fig1b",
        "Sharpness before and after training, Gaussian initialization",
        "Fig. 1b",
        MLP,
        ("T1c", "T2b", "T8a", "T8b", "T8c", "T12c", "T13b", "T14c", "T17a"),
    ),
    _figure(
        "fig1c",
        "Training at a small learning rate, Gaussian initialization",
        "Fig. 1c",
        EVOLUTION,
        ("T15a", "T15f"),
    ),
    _figure(
        "fig1d",
        "Training at the edge of stability, Gaussian initialization",
        "Fig. 1d",
        EVOLUTION,
        ("T15b", "T15c", "T15g"),
    ),
    _figure(
        "fig2",
        "Learning fails above the critical learning rate",
        "Fig. 2",
        _all("depth_sweep", "linear"),
        ("T11a", "T11b", "T11c", "T11d", "T11e", "T14f"),
    ),
    _figure(
        "fig3",
        "Probability of divergence, Gaussian initialization",
        "Fig. 3",
        MLP,
        ("T14a", "T14h"),
    ),
    _figure(
        "fig4a",
        "Distance to the optimal regressor, residual initialization",
        "Fig. 4a, number inferred",
        RESIDUAL,
        ("T10a", "T11a"),
    ),
    _figure(
        "fig4b",
        "Sharpness before and after training, residual initialization",
        "Fig. 4b, number inferred",
        RESIDUAL,
        ("T10b", "T12a", "T12b", "T14d", "T14e", "T1c"),
    ),
    _figure(
        "fig4c",
        "Training at a small learning rate, residual initialization",
        "Fig. 4c, number inferred",
        EVOLUTION,
        ("T10c", "T15e"),
    ),
    _figure(
        "fig4d",
        "Training at the edge of stability, residual initialization",
        "Fig. 4d, number inferred",
        EVOLUTION,
        ("T15d", "T15h"),
    ),
    _figure(
        "fig5",
        "Probability of divergence, residual initialization",
        "Fig. 5, number inferred",
        RESIDUAL,
        ("T13a", "T14b"),
    ),
    _figure(
        "fig6a",
        "Sharpness with fewer samples than dimensions",
        "Fig. 6a",
        UNDERDETERMINED,
        ("T1d", "T1e", "T14g", "T17b", "T12a"),
    ),
    _figure(
        "fig6b",
        "Generalization gap against sharpness",
        "Fig. 6b",
        UNDERDETERMINED,
        ("T16a", "T16b", "T16c"),
    ),
    _figure(
        "fig7",
        "Sharpness before and after training, GELU network",
        "Fig. 7",
        _all("gelu_sweep", "noiseless"),
        ("T17c", "F7a", "F7b", "F7c", "F7d"),
    ),
    _figure(
        "sharpness_vs_depth",
        "Sharpness of minimizers against depth",
        "after Theorem 1",
        BEYOND,
        ("T1a", "T1b", "T2a", "T2c", "T3", "T4", "T5", "T17d"),
    ),
    _figure(
        "ratio_vs_conditioning",
        "Sharpness over its lower bound against condition number, dimension and depth",
        "after the abstract and Corollary 2",
        _all("ratio", "ratio"),
        ("T9a", "T9b", "T9c"),
    ),
    _figure(
        "rank_one_alignment",
        "Rank-one structure against the initialization scale",
        "after Corollary 1",
        _all("alignment", "linear"),
        ("T6a", "T6b", "T7a", "T7b", "T7c", "T7d"),
    ),
)

PAPER = Paper(
    key="marion2024",
    title="Deep linear networks for regression are implicitly regularized towards flat minima",
    citation="P. Marion and L. Chizat, NeurIPS 2024, arXiv:2405.13456",
    config=f"{HERE}.config:MarionChizat",
    nodes=NODES,
    figures=FIGURES,
    claims=f"{HERE}.claims:evaluate",
    claim_inputs=tuple(node.ref for node in NODES),
)
