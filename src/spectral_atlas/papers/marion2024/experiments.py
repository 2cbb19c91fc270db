"""Registry of the Marion & Chizat paper: its computed files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.marion2024"
THREADS = 2


def _data(name: str, function: str) -> Node:
    return Node("data", name, f"{HERE}.data:{function}", f"data.{name}")


def _runs(name: str, function: str, data: str) -> Node:
    return Node("runs", name, f"{HERE}.{function}", name, (f"data/{data}",), THREADS)


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
    _runs("underdetermined_sweep", "sweeps:gaussian", "underdetermined"),
    _runs("gelu_sweep", "gelu:gelu_sweep", "noiseless"),
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
    "fig1a": "sweeps",
    "fig1b": "sweeps",
    "fig1c": "evolution",
    "fig1d": "evolution",
    "fig2": "depths",
    "fig3": "sweeps",
    "fig4a": "sweeps",
    "fig4b": "sweeps",
    "fig4c": "evolution",
    "fig4d": "evolution",
    "fig5": "sweeps",
    "fig6a": "sweeps",
    "fig6b": "generalization",
    "fig7": "sweeps",
    "sharpness_vs_depth": "minimizers",
    "ratio_vs_conditioning": "ratio",
    "rank_one_alignment": "alignment",
}

MLP = _all("mlp_sweep", "linear")
RESIDUAL = _all("residual_sweep", "linear")
EVOLUTION = _all("evolution", "linear")
BEYOND = tuple(
    dict.fromkeys(
        ref
        for name in ("minimizers", "depth_sweep", "alignment")
        for ref in _all(name, "linear")
    )
)
UNDERDETERMINED = _all("underdetermined_sweep", "underdetermined")

FIGURES = (
    _figure("fig1a", "Distance to the optimal regressor, Gaussian initialization", "Fig. 1a", MLP, ()),
    _figure("fig1b", "Sharpness before and after training, Gaussian initialization", "Fig. 1b", MLP, ()),
    _figure("fig1c", "Training at a small learning rate, Gaussian initialization", "Fig. 1c", EVOLUTION, ()),
    _figure("fig1d", "Training at the edge of stability, Gaussian initialization", "Fig. 1d", EVOLUTION, ()),
    _figure("fig2", "Learning fails above the critical learning rate", "Fig. 2", _all("depth_sweep", "linear"), ()),
    _figure("fig3", "Probability of divergence, Gaussian initialization", "Fig. 3", MLP, ()),
    _figure("fig4a", "Distance to the optimal regressor, residual initialization", "Fig. 4a, number inferred", RESIDUAL, ()),
    _figure("fig4b", "Sharpness before and after training, residual initialization", "Fig. 4b, number inferred", RESIDUAL, ()),
    _figure("fig4c", "Training at a small learning rate, residual initialization", "Fig. 4c, number inferred", EVOLUTION, ()),
    _figure("fig4d", "Training at the edge of stability, residual initialization", "Fig. 4d, number inferred", EVOLUTION, ()),
    _figure("fig5", "Probability of divergence, residual initialization", "Fig. 5, number inferred", RESIDUAL, ()),
    _figure("fig6a", "Sharpness with fewer samples than dimensions", "Fig. 6a", UNDERDETERMINED, ()),
    _figure("fig6b", "Generalization gap against sharpness", "Fig. 6b", UNDERDETERMINED, ()),
    _figure("fig7", "Sharpness before and after training, GELU network", "Fig. 7", _all("gelu_sweep", "noiseless"), ()),
    _figure("sharpness_vs_depth", "Sharpness of minimizers against depth", "after Theorem 1", BEYOND, ()),
    _figure("ratio_vs_conditioning", "Sharpness over its lower bound against condition number, dimension and depth", "after the abstract and Corollary 2", _all("ratio", "ratio"), ()),
    _figure("rank_one_alignment", "Rank-one structure against the initialization scale", "after Corollary 1", _all("alignment", "linear"), ()),
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
