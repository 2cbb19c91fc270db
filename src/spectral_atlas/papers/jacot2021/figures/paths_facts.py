"""What the caption of costs quotes, and the table behind the drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spectral_atlas.papers.jacot2021.figures.common import fates_text, gamma_label, networks_text
from spectral_atlas.papers.jacot2021.figures.paths_plateaus import CLOSE
from spectral_atlas.plotting.facts import quoted

RECOVERED = 1e-3  # a member completes its matrix below this share of the test error of zero


def cost_table(
    path: pd.DataFrame, costs: pd.DataFrame, saddles: np.ndarray, plateaus: pd.DataFrame,
    over_starts: pd.DataFrame, shares: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """All plotted numbers; ``panel`` says what of."""
    lines = pd.DataFrame({"rank": np.arange(len(saddles)), "greedy": saddles})
    parts = {
        "path": path, "saddles": lines, "targets": costs, "agreement": plateaus,
        "starts": over_starts, "entries": shares,
    }  # fmt: skip
    return pd.concat([part.assign(panel=name) for name, part in parts.items()], ignore_index=True)


def agreement_facts(
    members: pd.DataFrame, shown: pd.Series, saddles: np.ndarray, plateaus: pd.DataFrame
) -> dict[str, Any]:
    """The path that is shown, and by gamma how far plateaus are from saddles."""
    facts: dict[str, Any] = {
        "depth": int(shown["depth"]), "width": int(shown["width"]),
        "gamma": quoted(float(shown["gamma"])), "target": int(shown["target"]),
        "observed": int(shown["observed"]), "networks": networks_text(members),
        "fates": fates_text(members["fate"]),
        "no_saddle": int(plateaus["greedy"].isna().sum()),
        "no_plateau": int(plateaus["cost"].isna().sum()),
        "saddle_costs": ", ".join(f"{c:.4g}" for c in saddles),
    }  # fmt: skip
    texts = []
    for gamma, own in plateaus.groupby("gamma"):
        values = own["deviation"].to_numpy(float)
        values = values[np.isfinite(values)]
        if values.size:
            within = int((values < CLOSE).sum())
            texts.append(
                f"{gamma_label(float(gamma))}: median {np.median(values):.1e}, worst "
                f"{values.max():.1e}, {within} of {values.size} below {100 * CLOSE:g} %"
            )
    return facts | {"agreement": "; ".join(texts) or "none"}


def start_and_share_facts(
    more: pd.DataFrame, over_starts: pd.DataFrame, spreads: pd.DataFrame, shares: pd.DataFrame
) -> dict[str, Any]:
    """Spread over starts, and how many members complete their matrix by number of entries."""
    spread = [
        f"{gamma_label(float(r.gamma))}, target {r.target}: {100 * r.spread:.2g} %"
        for r in spreads.itertuples()
    ]
    recovered = [
        f"{int((own['ratio'] < RECOVERED).sum())} of {len(own)} at N = {n}"
        for n, own in shares.groupby("observed")
    ]
    return {
        "starts": networks_text(more),
        "starts_fates": fates_text(more["fate"]),
        "spread": "; ".join(spread) or "none",
        "recovered": ", ".join(recovered),
        "threshold": RECOVERED,
        "shares_gamma": quoted(float(shares["gamma"].iloc[0])),
        "shares_fates": fates_text(shares["fate"]),
    }
