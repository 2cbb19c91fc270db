"""Names of the training sets, and the families of networks that were trained on them."""

from __future__ import annotations

import pandas as pd

from spectral_atlas.papers.kalra2023.figures.shared import network_label

DATA_NAMES = {
    "images": "images",
    "isotropic": "isotropic",
    "steep": "steep spectrum",
    "teacher": "teacher",
    "teacher_scalar": "scalar teacher",
    "random_labels": "random labels",
    "fields": "fields",
    "fields_large": "large fields",
}
Family = tuple[str, str, int]  # network, data, depth


def families(frame: pd.DataFrame) -> list[Family]:
    """Every architecture, training set and depth, in the order of the names.

    Parameters
    ----------
    frame : of `shared.runs_frame`
    """
    order = {name: place for place, name in enumerate(DATA_NAMES)}
    kinds = {name: place for place, name in enumerate(("fcn", "myrtle", "resnet"))}
    found = {
        (str(n), str(data), int(d))
        for n, data, d in zip(frame["network"], frame["data"], frame["depth"], strict=True)
    }
    return sorted(found, key=lambda f: (kinds.get(f[0], 9), order.get(f[1], 99), f[2]))


def data_sets(frame: pd.DataFrame) -> list[str]:
    """The training sets of the frame, in the order of the names."""
    present = set(frame["data"])
    return [name for name in DATA_NAMES if name in present] + sorted(present - set(DATA_NAMES))


def family_label(network: str, data: str, depth: int) -> str:
    """``"teacher, d = 4"``, ``"Myrtle CNN, d = 5"``."""
    if network != "fcn":
        return network_label(network, depth)
    return f"{DATA_NAMES.get(data, data)}, d = {depth}"
