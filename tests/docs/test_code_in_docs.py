"""What the pages and docstrings of the spectra library show runs, and gives what they show."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import io
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from spectral_atlas import spectra

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("spectra*.md"))
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"# -> (.+)$")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [m.name for m in pkgutil.walk_packages(spectra.__path__, f"{spectra.__name__}.")]
FEWEST_DOCTESTS = 26  # docstrings with examples; raise it when some are added
LINES = (
    r"sharpness \d+\.\d{6} \+- \de-1\d",
    r"top 10: (\d+\.\d{3} ?){10}$",
    r"block conv2 +P = 440  sharpness \d",
    r"block class 3  P =  33  sharpness \d",
    r"GGN: largest \d",
    r"GGN and Hessian: overlap of top 10 0\.\d{4}",
    r"trace of Hessian: \d+\.\d{3}, standard error 0\.\d{3}",
    r"gradient: rho = 0\.\d{4} in the top 10 of H",
    r"gradient matrix, vector 2: rho = [01]\.\d{4}",
    r"share below 10\.00: [01]\.\d{3} to 1\.000",
    r"seed 7: sharpness \d+\.\d{4} \+- \de-1\d",
)


def blocks(page: Path) -> list[tuple[int, str]]:
    """The python blocks of a page, with the number of the line before each."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start()) + 1, m[1]) for m in FENCE.finditer(text)]


def run(source: str, line: int, page: Path, namespace: dict[str, object]) -> int:
    """Run one block; check each expression with a trailing `# -> result`, count them."""
    checked, rows = 0, source.splitlines()
    for node in ast.parse(source).body:
        shown = SHOWN.search(rows[node.end_lineno - 1])
        ast.increment_lineno(node, line)
        if shown is None or not isinstance(node, ast.Expr):
            assert shown is None, f"{page.name}:{node.lineno}: a result beside no expression"
            exec(compile(ast.Module([node], []), str(page), "exec"), namespace)
            continue
        got = repr(eval(compile(ast.Expression(node.value), str(page), "eval"), namespace))
        same = doctest.OutputChecker().check_output(f"{shown[1]}\n", f"{got}\n", FLAGS)
        assert same, f"{page.name}:{node.lineno}: shows {shown[1]}, gives {got}"
        checked += 1
    return checked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_of_a_page_give_what_they_show(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": page.stem}
    for line, source in blocks(page):
        if ">>>" in source:
            test = doctest.DocTestParser().get_doctest(source, namespace, page.name, None, line)
            report = io.StringIO()
            runner = doctest.DocTestRunner(optionflags=FLAGS)
            runner.run(test, out=report.write, clear_globs=False)
            assert not runner.failures, report.getvalue()
            namespace.update(test.globs)
        else:
            run(source, line, page, namespace)


def test_a_wrong_result_is_noticed() -> None:
    page = Path("page.md")
    assert run("x = 1\nx + 1  # -> 2\n", 0, page, {}) == 1
    with pytest.raises(AssertionError, match=r"page\.md:12: shows 3, gives 2"):
        run("x = 1\nx + 1  # -> 3\n", 10, page, {})
    with pytest.raises(AssertionError, match="beside no expression"):
        run("x = 1  # -> 1\n", 0, page, {})


def test_the_pages_show_checked_results() -> None:
    assert [page.name for page in PAGES] == [
        "spectra-stability.md",
        "spectra-which-function.md",
        "spectra.md",
    ]
    shown = {page.stem: sum(s.count("# -> ") for _, s in blocks(page)) for page in PAGES}
    assert shown["spectra"] >= 8
    assert shown["spectra-which-function"] >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert not target or "://" in target or (page.parent / target).exists(), target
    for name, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        text = (page.parent / name if name else page).read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}
        assert anchor in slugs, f"{name}#{anchor}"


def module_and_tests(name: str) -> tuple[ModuleType, list[doctest.DocTest]]:
    module = importlib.import_module(name)
    return module, [t for t in doctest.DocTestFinder().find(module) if t.examples]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_give_what_they_show(name: str) -> None:
    module, _ = module_and_tests(name)
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        result = doctest.testmod(module, optionflags=FLAGS)
    assert not result.failed, report.getvalue()


def test_docstrings_have_examples() -> None:
    found = [test.name for name in MODULES for test in module_and_tests(name)[1]]
    assert len(found) >= FEWEST_DOCTESTS, found


def test_the_example_runs() -> None:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "own_network.py"],
        env={**os.environ, **threads, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for line in LINES:
        assert re.search(f"^{line}", done.stdout, re.MULTILINE), (line, done.stdout)
