"""Records of published files."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectral_atlas import records


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for name in ("fig.pdf", "fig.png"):
        Path(name).write_text(name, encoding="utf-8")
    return ["fig.pdf", "fig.png"]


def test_a_record_is_current_until_a_file_changes_or_is_lost(published: list[str]) -> None:
    assert not records.is_current("r/fig.aaa.json")
    records.write("r/fig.aaa.json", {"facts": {"n": 3}}, published)
    assert records.is_current("r/fig.aaa.json")
    assert records.read("r/fig.aaa.json")["facts"] == {"n": 3}
    Path("fig.png").write_text("by hand", encoding="utf-8")
    assert not records.is_current("r/fig.aaa.json")
    records.write("r/fig.aaa.json", {}, published)
    Path("fig.pdf").unlink()
    assert not records.is_current("r/fig.aaa.json")


def test_a_new_record_replaces_those_for_other_keys_only(published: list[str]) -> None:
    records.write("r/fig.aaa.json", {}, published)
    records.write("r/figure2.bbb.json", {}, published)
    records.write("r/fig.ccc.json", {}, published)
    assert sorted(p.name for p in Path("r").iterdir()) == ["fig.ccc.json", "figure2.bbb.json"]
