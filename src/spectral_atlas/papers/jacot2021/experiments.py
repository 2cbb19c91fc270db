"""Registry of the paper of Jacot, Ged, Gabriel, Simsek & Hongler: its files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.jacot2021"

DESCENTS = (
    "saddle_to_saddle", "initializations", "shares", "regimes", "lazy", "escape", "distances",
    "ridge_gd",
)  # fmt: skip
MINIMA = ("minima_noisy", "minima_clean", "minima_full", "landscape")


def _runs(name: str, function: str, *more: str, data: str = "completion") -> Node:
    return Node("runs", name, f"{HERE}.{function}", f"runs.{name}", (f"data/{data}", *more))


def _minima(name: str) -> Node:
    data = "full" if name == "minima_full" else "completion"
    function, section = f"{HERE}.minima:minima", f"runs.{name}"
    return Node("runs", name, function, section, (f"data/{data}",), along="target")


NODES = (
    *(
        Node("data", name, f"{HERE}.problems:matrices", f"data.{name}")
        for name in ("completion", "full")
    ),
    *(_runs(name, "descent:descend") for name in DESCENTS),
    *(_minima(name) for name in MINIMA),
    _runs("first_path", "first_path:first_path"),
    _runs("greedy", "greedy:greedy"),
    _runs("plane", "plane:plane", "runs/saddle_to_saddle", "runs/greedy"),
    _runs("identity", "identity:identity"),
    Node("runs", "thresholds", f"{HERE}.thresholds:thresholds", "runs.thresholds"),
    _runs("basin", "thresholds:basin"),
    *(
        Node(
            "spectra",
            name,
            f"{HERE}.along:along",
            f"runs.{name}",
            ("data/completion", f"runs/{name}"),
        )
        for name in DESCENTS
    ),
    Node(
        "spectra",
        "saddles",
        f"{HERE}.hessians:saddles",
        "spectra.saddles",
        ("data/completion", "runs/greedy"),
    ),
    Node(
        "spectra",
        "landscape",
        f"{HERE}.hessians:landscape",
        "spectra.landscape",
        ("data/completion", "runs/landscape"),
    ),
    Node("spectra", "kernels", f"{HERE}.hessians:kernels", "spectra.kernels", ("data/completion",)),
)


def _trained(*names: str) -> tuple[str, ...]:
    """Runs of some descents, and the spectra along them."""
    return tuple(f"{stage}/{name}" for name in names for stage in ("runs", "spectra"))


SHOWN = {  # the claims that each figure lets a reader judge
    "fig1a": "A16 A17 A18 A19",
    "fig1b": "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15",
    "fig1c": "A20 A21 A22 A23 A24 A25 A26 A27 A28 A29 A30",
    "escape_law": "B1 B2 B2b B3 B4 B5 B6 B6b B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 B17 B18 B19 B20",
    "lazy": "C1 C2 C3 C4 C5 C6 C7 C8 C9 C9b C10 C11 C12 C13",
    "regimes_a": "D16",
    "regimes_b": "D17",
    "regimes_c": "D12 D12b D13",
    "regimes_d": "D14 D15",
    "regimes_e": "D1 D2 D3 D4 D5 D6 D8 D9 D10 D11",
    "distances": "E1 E2 E3 E4 E5 E6 E7 E8",
    "schatten": "F1 F2 F3 F4 F5 F6 F7 F8 F9",
    "landscape": "G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13",
    "ridge_gd": "G14 G15 G16 G17 G18 G19",
    "generalize": "H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15",
}


def _figure(id: str, title: str, evidence: str, module: str, inputs: tuple[str, ...]) -> Figure:
    draw = f"{HERE}.figures.{module}:{id}"
    return Figure(id, title, evidence, draw, inputs, tuple(SHOWN[id].split()))


REGIME_FILES = ("data/completion", *_trained("regimes", "lazy"))
RECALLED = "second version's Fig. 1 as recalled"
REGIMES = "beyond what is recalled: a comparison of regimes, content proposed"
FIGURES = (
    _figure(
        "fig1a",
        "A path in parameter space, from saddle to saddle",
        RECALLED,
        "paths",
        ("runs/plane", "runs/greedy"),
    ),
    _figure(
        "fig1b",
        "Costs with a plateau for every saddle",
        RECALLED,
        "costs",
        (*_trained("saddle_to_saddle", "initializations", "shares"), "runs/greedy"),
    ),
    _figure(
        "fig1c",
        "Costs along the greedy paths, one after the other",
        RECALLED,
        "greedy_costs",
        ("runs/greedy", "spectra/saddles"),
    ),
    _figure("regimes_a", "Costs of shallow networks", REGIMES, "regimes", REGIME_FILES),
    _figure("regimes_b", "Costs of deep networks", REGIMES, "regimes", REGIME_FILES),
    _figure(
        "regimes_c",
        "Singular values of shallow networks",
        REGIMES,
        "regimes",
        REGIME_FILES,
    ),
    _figure(
        "regimes_d",
        "Singular values of deep networks",
        REGIMES,
        "regimes",
        REGIME_FILES,
    ),
    _figure(
        "regimes_e",
        "What is learned, against gamma",
        "after the second abstract's two regimes, gamma < 1 and > 1; content proposed",
        "regimes_end",
        REGIME_FILES,
    ),
    _figure(
        "lazy",
        "Deep networks of large variance are linear models",
        "after the first abstract's claim; content proposed",
        "lazy",
        ("data/completion", *_trained("lazy"), "spectra/kernels"),
    ),
    _figure(
        "escape_law",
        "How a path leaves the origin",
        "after the second abstract's theorem; content proposed",
        "escape_law",
        (*_trained("escape", "saddle_to_saddle"), "runs/first_path"),
    ),
    _figure(
        "schatten",
        "L2 on the weights is a Schatten quasi-norm of the map",
        "after the first abstract's claim; content proposed",
        "schatten",
        ("runs/identity", "runs/thresholds", "runs/basin"),
    ),
    _figure(
        "landscape",
        "Critical points of the regularized loss by rank",
        "after the first abstract's claim; content proposed",
        "landscape",
        ("runs/landscape", "spectra/landscape"),
    ),
    _figure(
        "generalize",
        "Local minima against global ones",
        "after the first abstract's claim; content proposed",
        "generalize",
        ("data/full", "runs/minima_noisy", "runs/minima_clean", "runs/minima_full"),
    ),
    _figure(
        "ridge_gd",
        "Where regularized descent ends, by gamma",
        "after the first abstract's claim; content proposed",
        "ridge_gd",
        (*_trained("ridge_gd"), "runs/landscape"),
    ),
    _figure(
        "distances",
        "Distance to saddles and to minima at initialization",
        "after the second abstract's claim; content proposed",
        "distances",
        _trained("distances"),
    ),
)

PAPER = Paper(
    key="jacot2021",
    title="Deep linear networks dynamics: low-rank biases induced by initialization scale and L2 "
    "regularization",
    citation="A. Jacot, F. Ged, F. Gabriel, B. Simsek and C. Hongler, 2021, arXiv:2106.15933",
    config=f"{HERE}.config:Jacot",
    nodes=NODES,
    figures=FIGURES,
    claims=f"{HERE}.claims:evaluate",
    claim_inputs=tuple(node.ref for node in NODES),
)
