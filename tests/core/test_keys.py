"""Keys: what changes a digest, and what must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from spectral_atlas import keys
from spectral_atlas.cli import read_config
from spectral_atlas.config import Section, parse
from spectral_atlas.plan import Plan
from spectral_atlas.registry import papers
from spectral_atlas.workflow import unedited

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


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of a module whose file is another one from now on."""
    module = "spectral_atlas.papers.marion2024.ensemble"
    other = tmp_path / "edited.py"
    other.write_text("EDITED = True\n", encoding="utf-8")
    old = keys._module_path
    monkeypatch.setattr(keys, "_module_path", lambda m: other if m == module else old(m))
    return module


def test_an_edit_after_planning_is_noticed(request: pytest.FixtureRequest) -> None:
    code = keys.code("spectral_atlas.papers.marion2024.sweeps:gaussian")
    assert keys.changed_modules(code) == []
    module = request.getfixturevalue("edited")
    assert keys.changed_modules(code) == [module]
    with pytest.raises(RuntimeError, match="was edited since this run began"), unedited(code):
        pass


def test_an_edit_while_a_job_runs_is_noticed_too(request: pytest.FixtureRequest) -> None:
    code = keys.code("spectral_atlas.papers.marion2024.sweeps:gaussian")
    with pytest.raises(RuntimeError, match="was edited since this run began"), unedited(code):
        request.getfixturevalue("edited")


def test_every_value_that_a_function_may_read_is_in_its_key() -> None:
    """Sections reach functions as arguments; a method of theirs would be code outside the key.

    Only `part` may be one: the plan calls it, and the key holds the section that it returns.
    """
    plan = Plan(parse(read_config()))
    for planned in plan.nodes:
        for section in sections(plan.section(planned)):
            own = {k for c in type(section).__mro__ if c not in Section.__mro__ for k in vars(c)}
            public = {k for k in own if not k.startswith("_")}
            known = {*type(section).model_fields, *type(section).model_computed_fields}
            # model_post_init is what pydantic adds for private attributes
            inherited = {"model_config", "model_fields", "model_computed_fields", "model_post_init"}
            called = {"part"} if planned.node.along is not None else set()
            assert public <= known | inherited | called, planned.node.ref


def sections(value: object) -> list[BaseModel]:
    """A section and those inside it."""
    if isinstance(value, BaseModel):
        inner = [s for v in dict(value).values() for s in sections(v)]
        return [value, *inner]
    return [s for v in value for s in sections(v)] if isinstance(value, list) else []


def test_the_expanded_grid_is_in_the_key() -> None:
    plan = Plan(parse(read_config()))
    config = plan.node("marion2024", "runs/mlp_sweep").config
    assert config["mlp_sweep"]["scales"]["values"][:2] == [0.25, 0.288888888889]
