"""Figures of paths where Hessians are uncertain, saddles are not passed, runs do not converge."""

from __future__ import annotations

from tiny_paths import caption, draw, drawn, files


def test_fig1c_leaves_out_what_is_not_certain():
    spectra = files()["spectra/saddles"].copy(deep=True)
    spectra["certain"][:, 1] = False
    drawing = draw("fig1c", files() | {"spectra/saddles": spectra})
    facts = drawing.facts
    assert (facts["shallow"], facts["deep"], facts["uncertain"]) == (2, 2, 4)
    assert "Left out, too near to zero to tell: 4." in caption("fig1c", drawing)
    spectra["slope_rank"][:, 0] = 2
    found = draw("fig1c", files() | {"spectra/saddles": spectra}).table
    assert set(found.loc[(found["panel"] == "hessians") & (found["stage"] == 0), "free"]) == {12}


def test_fig1a_says_what_a_path_never_passes():
    plane, greedy = files()["runs/plane"].copy(deep=True), files()["runs/greedy"]
    plane["passed_at"][0, 0] = -1
    drawing = draw("fig1a", files() | {"runs/plane": plane})
    table = drawing.table[drawing.table["panel"] == "distance"]
    assert table.loc[table["stage"] == 1, "distance"].isna().all()
    assert table.loc[table["stage"] == 2, "distance"].notna().all()
    assert "γ = 4: n/a, 0." in drawing.facts["distances"]
    assert "never has the rank of θ^1 (γ = 4)" in caption("fig1a", drawing)
    assert drawing.facts["minimum"] == 1
    assert "rank of" not in caption("fig1a", drawn("fig1a"))
    cut = greedy.assign(converged=greedy["converged"] & False)
    drawing = draw("fig1a", files() | {"runs/greedy": cut})
    labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
    assert "last end" in labels
    assert "minimum" not in labels
    assert "no minimum" in caption("fig1a", drawing)
