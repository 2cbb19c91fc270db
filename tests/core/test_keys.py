"""Keys: what changes a digest, and what must not."""

from __future__ import annotations

import pytest

from spectral_atlas import keys
from spectral_atlas.registry import papers

SOURCE = '''"""Module docstring."""
import math

def area(r):
    """Docstring."""
    # a comment
    return math.pi * r**2
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another comment"),
        ('"""Docstring."""', '"""Other words."""'),
        ('    """Docstring."""\n', ""),
        ('"""Module docstring."""\n', '"""Longer.\n\nText."""\n\n'),
        ("    return math.pi * r**2", "    return (math.pi * r**2)"),
    ],
)
def test_words_and_layout_do_not_change_a_digest(old: str, new: str) -> None:
    assert old in SOURCE
    assert keys.syntax_digest(SOURCE.replace(old, new)) == keys.syntax_digest(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("r**2", "r**3"), ("area", "Area"), ("(r)", "(r=1)")])
def test_code_changes_a_digest(old: str, new: str) -> None:
    assert keys.syntax_digest(SOURCE.replace(old, new)) != keys.syntax_digest(SOURCE)


def test_a_string_that_is_no_docstring_counts() -> None:
    text = 'x = 1\n"""not a docstring: it is not first"""\n'
    assert keys.syntax_digest(text) != keys.syntax_digest("x = 1\n")


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert keys.digest({"a": 1, "b": [2]}) == keys.digest({"b": [2], "a": 1})
    assert keys.digest({"a": 1.0}) != keys.digest({"a": 2.0})


def test_the_closure_follows_imports_but_not_those_for_types() -> None:
    found = keys.closure("spectral_atlas.papers.marion2024.sweeps")
    assert "spectral_atlas.training.gradient_descent" in found
    assert "spectral_atlas.training.kernels_linear" in found, "imported inside a function"
    assert "numba" in found
    assert "spectral_atlas.papers.marion2024.config" not in found
    assert "spectral_atlas.config" not in found


def test_versions_count_only_where_the_code_imports_the_package() -> None:
    linear = keys.code("spectral_atlas.papers.marion2024.sweeps:gaussian")
    gelu = keys.code("spectral_atlas.papers.marion2024.gelu_spectra:extremes")
    assert "torch" in gelu["versions"]
    assert "numba" in linear["versions"]
    assert set(linear["versions"]) <= set(keys.NUMERIC_PACKAGES)


def test_no_computed_file_hides_its_code_behind_a_lazy_package() -> None:
    """A package that imports on first use shows the import graph nothing."""
    lazy = {
        "spectral_atlas.spectra",
    }
    for paper in papers().values():
        for reference in (*(n.function for n in paper.nodes), paper.claims):
            assert not keys.closure(reference.partition(":")[0]) & lazy, reference


def test_an_edit_after_planning_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = keys.code("spectral_atlas.papers.marion2024.sweeps:gaussian")
    assert keys.changed_modules(code) == []
    edited = "spectral_atlas.papers.marion2024.ensemble"
    old = keys._module_digest
    monkeypatch.setattr(keys, "_module_digest", lambda m: "new" if m == edited else old(m))
    assert keys.changed_modules(code) == [edited]
