"""Registry of the paper of Ben Arous, Gheissari, Huang & Jagannath: its files and its figures."""

from __future__ import annotations

from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.benarous2024"
MANY_THREADS = 8  # Snakemake lowers it to --cores

MIXTURES = tuple(
    f"mixture_{name}"
    for name in (
        "recalled", "theorem", "moderate", "limit", "unequal", "correlated", "gaussian",
    )
)  # fmt: skip
XORS = ("xor_recalled", "xor_theorem", "xor_four", "xor_four_recalled")
ON_TRAIN = ("mixture_recalled", "mixture_moderate", "xor_theorem")
PREDICTED = (*MIXTURES[:3], *XORS[:2])


def _data(name: str, function: str) -> Node:
    return Node("data", name, f"{HERE}.study:{function}", f"data.{name}")


def _runs(name: str, function: str, threads: int = 1) -> Node:
    return Node("runs", name, f"{HERE}.{function}", f"train.{name}", (f"data/{name}",), threads)


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
    *(_data(name, "xor") for name in (*XORS, "xor_widths")),
    *(_runs(name, "softmax:softmax") for name in MIXTURES),
    *(_runs(name, "two_layer:two_layer") for name in XORS[:2]),
    *(_runs(name, "two_layer:two_layer", MANY_THREADS) for name in XORS[2:]),
    _runs("xor_widths", "two_layer:widths", MANY_THREADS),
    *(_spectra(name) for name in (*MIXTURES, *XORS)),
    *(_spectra(name, "_train") for name in ON_TRAIN),
    *(_predicted(name) for name in PREDICTED),
    Node(
        "spectra",
        "agreement",
        f"{HERE}.agreement:agreement",
        "agreement",
        (*_trained("mixture_theorem"), *_trained("xor_theorem")),
    ),
)

FIGURES: tuple[Figure, ...] = ()

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
