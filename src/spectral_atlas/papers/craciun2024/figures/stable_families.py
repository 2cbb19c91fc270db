"""Families of minimizers: the widest stable ones, ones without end, ones of small eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.plotting.facts import listed, quoted, span

FLATTEST = 6.0  # sharpness of the stretched minimizers, and of the flattest of 1-2-2-1


def widest(spectra: xr.Dataset) -> pd.DataFrame:
    """Largest |theta|^2 of stable minimizers, beside what it cannot exceed."""
    frame = spectra["largest_squared_norm"].to_dataframe("squared_norm").reset_index()
    bound = spectra["squared_norm_bound"].values
    return frame.assign(panel="b", bound=bound).sort_values("learning_rate")


def stretched_family(spectra: xr.Dataset) -> pd.DataFrame:
    """1-2-2-1 with W_2 = diag(1, t): sharpness, |theta| and what they should be."""
    columns = {n: spectra[f"stretched_{n}"].values for n in ("sharpness", "norm", "loss")}
    frame = pd.DataFrame({"panel": "c", "stretch": spectra["stretch"].values, **columns})
    formulas = {
        "predicted_sharpness": FLATTEST,
        "predicted_norm": np.sqrt(3 + frame["stretch"] ** 2),
    }
    return frame.assign(**formulas).sort_values("stretch")


def narrow_family(spectra: xr.Dataset) -> pd.DataFrame:
    """2-2-1 with W_1 = diag(1/e, 0), W_2 = (e, 0): both nonzero eigenvalues, and rounding."""
    e, values = spectra["e"].values, np.sort(spectra["narrow_eigenvalues"].values, axis=1)
    frame = pd.DataFrame({"panel": "d", "e": e, "least": values[:, -2], "most": values[:, -1]})
    frame["rounding"] = np.abs(values[:, :-2]).max(axis=1)
    frame["loss"] = spectra["narrow_loss"].values
    formulas = {"predicted_least": 2 * e**2, "predicted_most": 2 * (e**2 + e**-2.0)}
    return frame.assign(**formulas).sort_values("e")


def family_facts(
    net: str, wide: pd.DataFrame, stretched: pd.DataFrame, narrow: pd.DataFrame
) -> dict[str, Any]:
    """Numbers of panels b to d."""
    errors = [
        float((frame[name] / frame[f"predicted_{name}"] - 1).abs().max())
        for frame, names in ((stretched, ("norm", "sharpness")), (narrow, ("least", "most")))
        for name in names
    ]
    product = wide["squared_norm"] * wide["learning_rate"]
    return {
        "net": net,
        "rates": listed([f"{eta:g}" for eta in wide["learning_rate"]]),
        "products": span(product, 7),
        "none_found": int(wide["squared_norm"].isna().sum()),
        "stretches": listed([f"{t:g}" for t in stretched["stretch"]]),
        "sharpness": span(stretched["sharpness"], 10),
        "norm": quoted(float(stretched["norm"].max()), 4),
        "narrow": listed([f"{e:g}" for e in narrow["e"]]),
        "least": span(narrow["least"]),
        "most": span(narrow["most"]),
        "zeros": quoted(float(narrow["rounding"].max()), 1),
        "loss": quoted(float(max(stretched["loss"].max(), narrow["loss"].max())), 1),
        "error": quoted(max(errors), 1),
    }
