"""Spectra beside their predictions: what is counted, and how errors are quoted."""

from __future__ import annotations

import numpy as np
import pytest
from xor_runs import draw, drawn, files


@pytest.mark.parametrize(
    ("name", "studies"),
    [
        ("bulk_and_outliers", ("mixture_recalled", "mixture_moderate")),
        ("bulk_and_outliers_xor", ("xor_recalled", "xor_theorem")),
    ],
)
def test_bulk_and_outliers_counts_beyond_the_predicted_edge(name, studies):
    drawing, inputs = drawn(name), files()
    for which in studies:
        spectra, predicted = inputs[f"spectra/{which}"], inputs[f"spectra/{which}_effective"]
        for m, matrix in enumerate(("hessian", "gradient")):
            found, told, errors = [], [], []
            for i in range(2):
                values = spectra["spectrum"].values[m, i]
                edge = predicted["edge"].values[m, 0, i]
                beyond = values[values > 1.05 * edge]
                outliers = predicted["outliers"].values[m, 0, i]
                found.append(str(len(beyond)))
                told.append(str(int((outliers > 1.05 * edge).sum())))
                errors.append(abs(values[np.isfinite(outliers).sum()] / edge - 1))
                time = float(spectra["density_time"].values[i])
                own = drawing.table["study"].eq(which) & drawing.table["time"].eq(time)
                table = drawing.table[own & drawing.table["matrix"].eq(matrix)]
                kinds = dict(list(table.groupby("kind")))
                assert kinds["predicted edge"]["eigenvalue"].item() == edge
                drawn_found = kinds["outlier"]["eigenvalue"] if "outlier" in kinds else []
                np.testing.assert_array_equal(drawn_found, beyond)
                bars = kinds["histogram"]
                width = np.log(bars["eigenvalue"].iloc[1] / bars["eigenvalue"].iloc[0])
                inside = (values > bars["eigenvalue"].min() * np.exp(-width / 2)).mean()
                assert bars["share"].sum() * width == pytest.approx(inside)
            assert drawing.facts[f"{which}_{matrix}_found"] == ", ".join(found)
            assert drawing.facts[f"{which}_{matrix}_clear"] == ", ".join(told)
            assert drawing.facts[f"{which}_{matrix}_edge_error"] == pytest.approx(
                max(errors), rel=5e-2
            )


def test_the_error_of_the_top_outlier_is_the_worst_of_all_runs():
    inputs = dict(files())
    for which, variable in (
        ("mixture_recalled", "eigenvalues"),
        ("xor_theorem", "neuron_eigenvalues"),
    ):
        spectra = inputs[f"spectra/{which}"].copy(deep=True)
        predicted = inputs[f"spectra/{which}_effective"]
        top = predicted["outliers"].values[0, 1, 1, 0]
        neuron = int(predicted["spectrum_neuron"].values[1]) if "xor" in which else 0
        spectra[variable].values[0, 1, -1, neuron, 0] = 3 * top
        inputs[f"spectra/{which}"] = spectra
    for name, which in (
        ("bulk_and_outliers", "mixture_recalled"),
        ("bulk_and_outliers_xor", "xor_theorem"),
    ):
        assert draw(name, inputs).facts[f"{which}_hessian_top_error"] == pytest.approx(2, rel=1e-6)


def test_an_outlier_counts_from_five_percent_beyond_the_edge():
    inputs, which = dict(files()), "mixture_recalled"
    spectra = inputs[f"spectra/{which}"].copy(deep=True)
    edge = inputs[f"spectra/{which}_effective"]["edge"].values[1, 0, 0]
    values = np.linspace(1, 0.1, spectra.sizes["value"])
    values[:3] = [1.07, 1.06, 1.04]
    spectra["spectrum"].values[1, 0] = edge * values
    facts = draw("bulk_and_outliers", inputs | {f"spectra/{which}": spectra}).facts
    assert facts[f"{which}_gradient_found"].split(", ")[0] == "2"
