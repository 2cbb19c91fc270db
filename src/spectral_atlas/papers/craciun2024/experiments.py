"""Registry of the paper of Craciun & Ghoshdastidar: its files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.craciun2024"
EDGES = ("edge", "edge_fresh", "chain")


def _node(ref: str, function: str, *inputs: str, threads: int = 1, config: str = "") -> Node:
    stage, _, name = ref.partition("/")
    section = config or f"{stage}.{name}"
    return Node(stage, name, f"{HERE}.{function}", section, inputs, threads=threads)  # type: ignore[arg-type]


NODES = (
    _node("data/nets", "problems:problems"),
    _node("data/regressions", "problems:problems"),
    _node("data/points", "problems:points"),
    _node("runs/edge", "edge:edge"),
    _node("runs/edge_fresh", "edge:edge_fresh"),
    _node("runs/chain", "edge:chain"),
    _node("runs/wide", "wide:wide"),
    _node("runs/two_parameter", "two_parameter:two_parameter", threads=2),
    _node("runs/nets", "nets:nets", "data/nets", threads=2),
    _node("runs/basins", "basins:basins", threads=2),
    _node("runs/nonlinear", "nonlinear:nonlinear", "data/points", threads=2),
    _node("runs/critical", "critical:critical", "data/nets"),
    _node("runs/bifurcation", "bifurcation:bifurcation"),
    _node("runs/minibatch", "minibatch:minibatch"),
    *(
        _node(f"spectra/{name}", "along:along", f"runs/{name}", config="spectra.edge")
        for name in EDGES
    ),
    _node("spectra/wide", "wide_spectra:wide_spectra", "runs/wide"),
    _node("spectra/hyperbola", "hyperbola:hyperbola"),
    _node("spectra/stable_set", "stable_set:stable_set", "data/nets"),
    _node("spectra/jacobian", "jacobian:jacobian", "data/nets"),
    _node("spectra/nets", "rest:rest", "data/nets", "runs/nets", config="runs.nets"),
    _node("spectra/orbits", "orbits:orbits", "data/nets", "runs/nets"),
    _node(
        "spectra/nonlinear", "rest:nonlinear", "data/points", "runs/nonlinear",
        config="spectra.nonlinear",
    ),
    _node("spectra/manifold", "manifold:manifold", "data/regressions"),
)  # fmt: skip

SHOWN = {  # the claims that each figure lets a reader judge
    "eos_run": "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20",
    "eos_seeds": "A21 A22 A23 A24 A25 A26 A27",
    "minima_hyperbola": "B1 B2 B3 B4 B6 B7",
    "stable_set": "B5 B8 B9 B10 B11 B12",
    "gd_jacobian": "C1 C2 C3 C4 C5 C6 C7 C8 C9 C14",
    "singular_map": "C10 C11 C12 C13",
    "converging_fraction": "D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 D13 D14 D15 D16 D17",
    "asymptotic_gradient": "E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E15",
    "basins": "F1 F2 F3 F4 F5 F6 F7 F8",
    "nonlinear": "G1 G2 G3 G4 G5 G6 G7",
    "spectra_on_manifold": "B13 B14 B15 B16 B17 B18 B19 B20 B21",
    "bifurcation": "E16 E17 E18 E19 E20 E21 E22 E23 H1 H2 H3 H4 H5",
    "sgd_stability": "H6 H7 H8 H9 H10 H11 H12 H13 H14 H15 H16 H17",
    "wide_edge": "A28 A29 A30 A31 A32 A33",
}

ABSTRACT = "after the abstracts"
FOLLOW_UP = "of the follow-up, arXiv:2510.24466"


def _figure(id: str, title: str, evidence: str, *inputs: str, module: str = "") -> Figure:
    draw = f"{HERE}.figures.{module or id}:{id}"
    return Figure(id, title, evidence, draw, inputs, tuple(SHOWN[id].split()))


def _paths(*names: str) -> tuple[str, ...]:
    return tuple(f"{stage}/{name}" for name in names for stage in ("runs", "spectra"))


FIGURES = (
    _figure(
        "eos_run", "Deep linear networks at the edge of stability", ABSTRACT,
        *_paths("edge", "chain"),
    ),
    _figure("eos_seeds", "The same from fresh starts", "beyond the paper", *_paths("edge_fresh")),
    _figure(
        "minima_hyperbola", "Minimizers of two parameters, and which are stable", ABSTRACT,
        "spectra/hyperbola",
    ),
    _figure(
        "stable_set", "How far stable minimizers reach", ABSTRACT, "spectra/stable_set",
        "runs/two_parameter",
    ),
    _figure(
        "gd_jacobian", "Where the gradient-descent map is singular", ABSTRACT, "spectra/jacobian",
    ),
    _figure(
        "singular_map", "A loss whose gradient-descent map is singular", f"Fig. 1 {FOLLOW_UP}",
        "spectra/jacobian",
    ),
    _figure(
        "converging_fraction", "Share of starts that converge", ABSTRACT, "runs/two_parameter",
        "runs/nets", "spectra/nets", "runs/critical",
    ),
    _figure(
        "asymptotic_gradient", "Asymptotic gradient norm", ABSTRACT, "runs/nets", "spectra/nets",
        "spectra/orbits", "runs/two_parameter",
    ),
    _figure("basins", "Where starts end, below and above the critical step", ABSTRACT,
            "runs/basins"),
    _figure("nonlinear", "tanh and ELU networks", ABSTRACT, "runs/nonlinear", "spectra/nonlinear"),
    _figure(
        "spectra_on_manifold", "Hessian spectra at minimizers", ABSTRACT, "spectra/manifold",
        "runs/critical",
    ),
    _figure("bifurcation", "Periodic orbits on the diagonal", f"Fig. 3 {FOLLOW_UP}",
            "runs/bifurcation"),
    _figure("sgd_stability", "Minimizers that are stable for SGD", f"Fig. 4 {FOLLOW_UP}",
            "runs/minibatch"),
    _figure("wide_edge", "Wide networks at the edge of stability", "beyond the paper",
            *_paths("wide")),
)  # fmt: skip

PAPER = Paper(
    key="craciun2024",
    title="On the stability of gradient descent for large learning rate",
    citation="A. Craciun and D. Ghoshdastidar, 2024, arXiv:2402.13108",
    config=f"{HERE}.config:Craciun",
    nodes=NODES,
    figures=FIGURES,
    claims=f"{HERE}.claims:evaluate",
    claim_inputs=tuple(node.ref for node in NODES),
)
