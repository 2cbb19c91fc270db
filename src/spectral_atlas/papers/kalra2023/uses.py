"""Which training sets each study may use: its files are inputs of the study's own."""

from __future__ import annotations

STUDIES: dict[str, tuple[str, ...]] = {
    "early.fcn": ("images",),
    "early.fcn_deep": ("images",),
    "early.fcn_deeper": ("images",),
    "early.myrtle": ("fields",),
    "early.resnet": ("fields_large",),
    "early.trajectories": ("images",),
    "early.output": ("images",),
    "early.cross_entropy": ("images",),
    "early.data_sets": ("isotropic", "steep", "teacher", "teacher_scalar", "random_labels"),
    "early.variants": ("images",),
    "early.authors": ("images",),
    "regimes": ("random_labels",),
    "saturation": ("images",),
    "saturation_variants": ("images", "teacher", "random_labels"),
    "estimators": ("images",),
}


def name_of(path: str) -> str:
    """The node of a study: the last part of its path."""
    return path.rpartition(".")[2]
