"""Registry of the paper of Ben Arous, Gheissari, Huang & Jagannath: its files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.benarous2024"

MIXTURES = tuple(
    f"mixture_{name}"
    for name in (
        "recalled", "theorem", "moderate", "limit", "unequal", "correlated", "gaussian",
    )
)  # fmt: skip
XORS = ("xor_recalled", "xor_theorem", "xor_four", "xor_four_recalled", "xor_four_theorem")
WIDTHS = ("xor_widths", "xor_widths_moderate")
ON_TRAIN = ("mixture_recalled", "mixture_moderate", "xor_theorem")
PREDICTED = (*MIXTURES[:3], *XORS[:2])


def _data(name: str, function: str) -> Node:
    return Node("data", name, f"{HERE}.study:{function}", f"data.{name}")


def _runs(name: str, function: str) -> Node:
    return Node("runs", name, f"{HERE}.{function}", f"train.{name}", (f"data/{name}",))


def _spectra(name: str, suffix: str = "") -> Node:
    kind = "softmax_spectra:class" if name in MIXTURES else "two_layer_spectra:layer"
    section = f"spectra.{name}{suffix}"
    return Node("spectra", f"{name}{suffix}", f"{HERE}.{kind}_blocks", section, _trained(name))


def _predicted(name: str) -> Node:
    kind = "class" if name in MIXTURES else "neuron"
    function = f"{HERE}.effective_spectra:{kind}_prediction"
    return Node("spectra", f"{name}_effective", function, f"effective.{name}", _trained(name))


def _trained(name: str) -> tuple[str, ...]:
    return (f"data/{name}", f"runs/{name}")


NODES = (
    *(_data(name, "classes") for name in MIXTURES),
    *(_data(name, "xor") for name in (*XORS, *WIDTHS)),
    *(_runs(name, "softmax:softmax") for name in MIXTURES),
    *(_runs(name, "two_layer:two_layer") for name in XORS),
    *(_runs(name, "two_layer:widths") for name in WIDTHS),
    *(_spectra(name) for name in (*MIXTURES, *XORS)),
    *(_spectra(name, "_train") for name in ON_TRAIN),
    *(_predicted(name) for name in PREDICTED),
    Node(
        "spectra",
        "agreement",
        f"{HERE}.agreement:agreement",
        "agreement",
        (*_trained("mixture_limit"), *_trained("xor_theorem")),
    ),
)


def _all(*names: str, extra: str = "") -> tuple[str, ...]:
    """Data, runs and spectra of some studies, and their spectra with a suffix."""
    found = [(*_trained(name), f"spectra/{name}") for name in names]
    more = [f"spectra/{name}{extra}" for name in names] if extra else []
    return (*(ref for refs in found for ref in refs), *more)


def _figure(
    id: str, title: str, evidence: str, module: str, inputs: tuple[str, ...], claims: str = ""
) -> Figure:
    draw = f"{HERE}.figures.{module}:{id}"
    return Figure(id, title, evidence, draw, inputs, tuple(claims.split()))


ROWS = ("mixture_recalled", "mixture_theorem")
FIGURES = (
    _figure(
        "fig3_1",
        "SGD aligns with the top eigenspace of its own class blocks",
        "Fig. 3.1 as recalled",
        "class_alignment",
        _all(*ROWS),
        "A1 A2 A3 A4 B1 B2 B5 D3 D4 D5 D6",
    ),
    _figure(
        "fig3_2",
        "Parameters and leading eigenvectors share their coordinates",
        "Fig. 3.2 as recalled",
        "class_heatmaps",
        _all(*ROWS),
        "A5 B3 B4",
    ),
    _figure(
        "fig3_3",
        "Inner products with the means",
        "Fig. 3.3, content as recalled",
        "class_products",
        _all(*ROWS),
        "D1 D2",
    ),
    _figure(
        "fig3_4",
        "Leading eigenvalues of a class block over time",
        "Fig. 3.4 as recalled",
        "class_eigenvalues",
        _all(*ROWS, extra="_effective"),
        "C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 D7",
    ),
    _figure(
        "fig4_1",
        "Alignment layer by layer",
        "Fig. 4.1 as recalled",
        "layer_alignment",
        _all("xor_recalled", "xor_theorem", extra="_effective"),
        "F5 F6 F9 F10 G1 G2 G3 G4 G11 G12 G15 G16 G17",
    ),
    _figure(
        "fig4_2",
        "Eigenvalues of the second layer's block over time",
        "Fig. 4.2 as recalled",
        "readout_spectrum",
        _all("xor_recalled", "xor_theorem"),
        "F1 F2 F3 F4 F7 F8 G5 G6 G7 G8 G9 G10",
    ),
    _figure(
        "fig4_3",
        "Second-layer outliers by the number of learned means",
        "Fig. 4.3, content as recalled",
        "readout_by_count",
        _all("xor_four_recalled", "xor_four_theorem"),
        "H6 H7 H11",
    ),
    _figure(
        "bulk_and_outliers",
        "Bulk and outliers of a class block, with their limits",
        "after the abstract and the authors' later theory",
        "bulk_and_outliers",
        _all("mixture_recalled", "mixture_moderate", extra="_effective"),
        "E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E15 E16 E17 E18 E19 E20 E24 E25 E26 "
        "E27 E28 E29 E30",
    ),
    _figure(
        "bulk_and_outliers_xor",
        "Bulk and outliers of a neuron's block, with their limits",
        "after the abstract and the authors' later theory",
        "bulk_and_outliers",
        _all("xor_recalled", "xor_theorem", extra="_effective"),
        "E21 E22 E23",
    ),
    _figure(
        "outcome_law",
        "How many of the four means a network learns",
        "beyond the paper; after the 2022 companion's law",
        "outcome_law",
        (*_all("xor_four"), *(ref for name in WIDTHS for ref in _trained(name))),
        "H1 H2 H3 H4 H5 H8 H9 H10 L1 L2 L3 L4 L5 L6 L7",
    ),
    _figure(
        "heatmaps_xor",
        "Neurons and eigenvectors by coordinate, theorem's regime",
        "after the section of additional figures, content not known",
        "layer_heatmaps",
        _all("xor_theorem"),
        "G13 G14 G19 G20",
    ),
    _figure(
        "heatmaps_xor_recalled",
        "Neurons and eigenvectors by coordinate, recalled parameters",
        "after the section of additional figures, content not known",
        "layer_heatmaps",
        _all("xor_recalled"),
    ),
    _figure(
        "train_vs_test",
        "Blocks on training samples against held-out samples",
        "after the second version's extension to training data, content not known",
        "train_vs_test",
        _all("mixture_recalled", "mixture_moderate", "xor_theorem", extra="_train"),
        "J1 J2 J3 J4 J5 J6",
    ),
    _figure(
        "variants",
        "Unequal shares, correlated means, Gaussian means",
        "beyond the paper",
        "variants",
        _all("mixture_unequal", "mixture_correlated", "mixture_gaussian", "mixture_moderate"),
        "K1 K2 K3 K4 K5 K6",
    ),
)

PAPER = Paper(
    key="benarous2024",
    title="High-dimensional SGD aligns with emerging outlier eigenspaces",
    citation="G. Ben Arous, R. Gheissari, J. Huang and A. Jagannath, ICLR 2024, arXiv:2310.03010",
    config=f"{HERE}.config:BenArous",
    nodes=NODES,
    figures=FIGURES,
    claims=f"{HERE}.claims:evaluate",
    claim_inputs=tuple(node.ref for node in NODES),
)
