"""Registry of the paper of Kalra & Barkeshli: its files and its figures."""

from __future__ import annotations

from typing import Literal

from spectral_atlas.papers.kalra2023.uses import STUDIES, name_of
from spectral_atlas.registry import Figure, Node, Paper

HERE = "spectral_atlas.papers.kalra2023"
FIELDS = ("fields", "fields_large")
IMAGES = ("images", "isotropic", "steep")
TEACHERS = ("teacher", "teacher_scalar")
FUNCTIONS = {
    "regimes": "long_runs:regimes",
    "saturation": "long_runs:saturation",
    "saturation_variants": "long_runs:saturation",
    "estimators": "estimators:estimators",
}


def _data(name: str, function: str) -> Node:
    return Node("data", name, f"{HERE}.data:{function}", f"data.{name}")


def _study(path: str) -> Node:
    name = name_of(path)
    function = FUNCTIONS.get(name, "constants:early")
    inputs = tuple(f"data/{data}" for data in STUDIES[path])
    stage: Literal["runs", "spectra"] = "spectra" if name == "estimators" else "runs"
    return Node(stage, name, f"{HERE}.{function}", path, inputs, along="run")


NODES = (
    *(_data(name, "images") for name in IMAGES),
    *(_data(name, "teacher") for name in TEACHERS),
    _data("random_labels", "random_labels"),
    *(_data(name, "fields") for name in FIELDS),
    *(_study(path) for path in STUDIES),
    Node("runs", "uv", f"{HERE}.uv:uv", "uv"),
)


def _figure(id: str, title: str, evidence: str, runs: str, claims: str = "") -> Figure:
    inputs = tuple(
        f"{'spectra' if name == 'estimators' else 'runs'}/{name}" for name in runs.split()
    )
    return Figure(id, title, evidence, f"{HERE}.figures.{id}:{id}", inputs, tuple(claims.split()))


DIAGRAM = "fcn fcn_deep fcn_deeper myrtle resnet"
FIGURES = (
    _figure(
        "fig1",
        "The four regimes of training",
        "Fig. 1 as recalled",
        "regimes",
        "E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12",
    ),
    _figure(
        "fig2",
        "Early training of a wide and of a deep, narrow network",
        "Fig. 2 as recalled",
        "trajectories",
        "R1 R2 R3 R4 R5 R6 R7 R8 R9 R10",
    ),
    _figure(
        "fig3",
        "Phase diagrams of early training",
        "Fig. 3 as recalled",
        DIAGRAM,
        "C1 C2 L1 L2 L3 L4 L5 L6 L7 L8 M1 M2 M3 M4 M5 M6 M7 W1",
    ),
    _figure(
        "fig4",
        "Relations between the critical constants",
        "Fig. 4 as recalled",
        DIAGRAM,
        "B1 B2 B3 B4 O1 O2 O3",
    ),
    _figure(
        "fig5",
        "Effect of the network's output at initialization",
        "Fig. 5 as recalled, layout not known",
        "output fcn fcn_deep",
        "Z1 Z2 Z3 Z4 Z5 Z6 Z7",
    ),
    _figure(
        "fig6",
        "Phase diagrams with cross-entropy",
        "Fig. 6 as recalled, layout not known",
        "cross_entropy",
        "X1 X2 X3 X4",
    ),
    _figure(
        "fig7",
        "The uv model",
        "Fig. 7 as recalled",
        "uv",
        "D1 D2 D3 D4 D5 U1 U2 U3 U4 U5 U6 U7 U8 U9 U10 U11 U12 U13 U14 U15",
    ),
    _figure(
        "fig8",
        "Sharpness at intermediate saturation",
        "Fig. 8 as recalled",
        "saturation uv",
        "S1 S2 S3 S4",
    ),
    _figure(
        "a1",
        "Phase diagrams for other training sets",
        "after the appendix, content not known",
        f"data_sets {DIAGRAM}",
        "V1 V2 V3 V4 V5",
    ),
    _figure(
        "a2",
        "Early trajectories for other training sets and architectures",
        "after the appendix, content not known",
        "data_sets myrtle resnet",
        "C3",
    ),
    _figure(
        "a3",
        "Relations between the constants, by training set",
        "after the appendix, content not known",
        "data_sets fcn fcn_deep",
    ),
    _figure(
        "a4",
        "Saturation for other training sets, activations and losses",
        "after the appendix, content not known",
        "saturation_variants saturation",
    ),
    _figure(
        "a5",
        "Cross-entropy: trajectories, relations, saturation",
        "after the appendix, content not known",
        "cross_entropy saturation_variants",
    ),
    _figure(
        "a6",
        "Output at initialization: scale, centring, both losses",
        "after the appendix, content not known",
        "output cross_entropy fcn fcn_deep",
    ),
    _figure(
        "a7",
        "The uv model's averages, and deep linear networks",
        "after the appendix, content not known",
        "uv variants",
        "V9",
    ),
    _figure(
        "a8",
        "Robustness: batch size, activation, parameterization, measurement",
        "after the appendix, content not known",
        "variants authors estimators fcn",
        "P1 P2 P3 P4 P5 P6 V6 V7 V8",
    ),
)

PAPER = Paper(
    key="kalra2023",
    title="Phase diagram of early training dynamics in deep neural networks",
    citation="D. S. Kalra and M. Barkeshli, NeurIPS 2023, arXiv:2302.12250",
    config=f"{HERE}.config:Kalra",
    nodes=NODES,
    figures=FIGURES,
    claims=f"{HERE}.claims:evaluate",
    claim_inputs=tuple(node.ref for node in NODES),
    cost=f"{HERE}.cost:estimate",
)
