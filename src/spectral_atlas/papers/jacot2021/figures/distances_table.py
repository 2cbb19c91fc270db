"""Numbers of the figure of distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spectral_atlas.papers.jacot2021.figures.common import (
    Inputs,
    at_end,
    fates_text,
    members_frame,
    networks_text,
)
from spectral_atlas.papers.jacot2021.theory import distance_to_minima, kernel_scale
from spectral_atlas.plotting.facts import quoted, span
from spectral_atlas.plotting.regression import fit_line

ARRIVED = 1e-2  # of C(0): a run that was cut off below this is near a minimum


def distance_table(inputs: Inputs) -> pd.DataFrame:
    """One row for each member of `distances`.

    Returns
    -------
    DataFrame with the columns of `members_frame` and

    - ``bound``, (|W_1|^2 + |W_L|^2)^(1/2) at the start: setting both to zero gives a saddle;
      ``sides``, n_0 + n_L;
    - ``displacement``, |theta_end - theta_0|, NaN for runs that diverged; ``cost``, the last C
      over C(0);
    - ``state``: stopped, arrived (cut off with a cost below `ARRIVED`), on the way or
      diverged;
    - ``prediction``, |A* - A_0|_F of the observed entries over Theta^(1/2), and ``ratio``, the
      displacement over it; both NaN unless gamma < 1.
    """
    runs = inputs["runs/distances"]
    frame = members_frame(runs)
    cost = at_end(runs, runs, "train_cost") / runs["cost_at_zero"].values
    # C(A_0) is the mean square of these entries.
    residual = np.sqrt(frame["observed"].to_numpy(float) * runs["train_cost"].values[:, 0])
    theta = [kernel_scale(L, w, g) for L, w, g in frame[["depth", "width", "gamma"]].to_numpy()]
    prediction = distance_to_minima(residual, np.array(theta))
    with np.errstate(invalid="ignore"):
        near = np.where(cost < ARRIVED, "arrived", "on the way")
    whole = frame["fate"] != "diverged"
    found = frame.assign(
        bound=runs["end_layers"].values,
        sides=runs.sizes["row"] + runs.sizes["column"],
        displacement=np.where(whole, runs["displacement"].values, np.nan),
        cost=cost,
        state=np.where(frame["fate"] == "unfinished", near, frame["fate"]),
        prediction=np.where(frame["gamma"] < 1 - 1e-9, prediction, np.nan),
    )
    return found.assign(ratio=found["displacement"] / found["prediction"])


def facts(table: pd.DataFrame) -> dict[str, Any]:
    """Numbers for the caption; displacements are those of runs that stopped or arrived."""
    arrived = table[table["state"].isin(("stopped", "arrived"))]
    lazy = arrived[arrived["gamma"] < 1 - 1e-9]
    others = arrived[arrived["gamma"] >= 1 - 1e-9]
    lost = table[table["state"] == "on the way"]
    return {
        "members": networks_text(table),
        "starts": table["initialization"].nunique(),
        "fates": fates_text(table["fate"]),
        "arrived": int((table["state"] == "arrived").sum()),
        "on_the_way": len(lost),
        "widths": span(table["width"]),
        "share": quoted(100 * ARRIVED),
        "bound_over_law": span(
            table["bound"] / np.sqrt(table["sides"] * table["width"] ** (1 - table["gamma"]))
        ),
        "slopes": _slopes(table.drop_duplicates(["depth", "width", "gamma", "initialization"])),
        "ratio": "; ".join(
            f"{span(part['ratio'], 3)} (L = {L}, γ = {gamma:.3g})"
            for (L, gamma), part in lazy.groupby(["depth", "gamma"])
        ) or "n/a",
        "ratio_widest": span(lazy["ratio"][lazy["width"] == lazy["width"].max()]),
        "others": "; ".join(
            f"{span(part['displacement'], 2)} (γ = {gamma:g})"
            for gamma, part in others.groupby("gamma")
        ) or "n/a",
        "lost": "; ".join(
            f"{len(part)} at L = {L}, γ = {gamma:g}"
            for (L, gamma), part in lost.groupby(["depth", "gamma"])
        ) or "none",
    }  # fmt: skip


def _slopes(starts: pd.DataFrame) -> str:
    """Slope of the logarithm of the bound in ln w, and that of the law, over all gamma."""
    texts = []
    for gamma, own in starts.groupby("gamma"):
        x, y = np.log(own["width"].to_numpy(float)), np.log(own["bound"].to_numpy(float))
        slope = fit_line(x, y, own["depth"].to_numpy()).slope
        texts.append(f"{quoted(slope, 2)} against {quoted((1 - gamma) / 2, 2)} (γ = {gamma:.3g})")
    return "; ".join(texts) or "n/a"
