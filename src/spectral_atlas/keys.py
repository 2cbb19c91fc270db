"""Keys of cached files: digests of the configuration, the code and the inputs that made them.

The code of a function is its module and all project modules in the static import closure, as syntax
trees without comments and docstrings. Type-checking-only imports do not count: they never run.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grimp

import spectral_atlas

NUMERIC_PACKAGES = ("numpy", "scipy", "torch", "numba")
TABLE_PACKAGES = ("pandas", "xarray")
DRAWING_PACKAGES = ("matplotlib", "seaborn")
ROOT = Path(spectral_atlas.__file__).parent
KEY_LENGTH = 10
_new: list[str] = []
MEMORY = ROOT.parent.parent / ".cache" / "syntax.json"


def digest(value: Any) -> str:
    """Hex digest of a JSON-able value; dictionaries are sorted, so order does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def syntax_digest(source: str) -> str:
    """Digest of Python source that comments, docstrings and layout do not change."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and _is_docstring(node):
            body[:] = body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "spectral_atlas", include_external_packages=True, exclude_type_checking_imports=True
    )


@cache
def _module_digest(module: str) -> str:
    return source_digest(_module_path(module))


def _module_path(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def source_digest(path: Path) -> str:
    """`syntax_digest` of a file, looked up by its bytes: parsing is most of planning a run."""
    source = path.read_bytes()
    name = hashlib.sha256(source + sys.version.encode()).hexdigest()
    known = _memory()
    if name not in known:
        known[name] = syntax_digest(source.decode())
        _new.append(name)
    return known[name]


@cache
def _memory() -> dict[str, str]:
    try:
        known = json.loads(MEMORY.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if len(known) < 10_000 else {}


def remember() -> None:
    """Keep the digests of this process for the next; without a folder to write to, do nothing."""
    if not _new:
        return
    text = json.dumps(_memory())
    try:
        MEMORY.parent.mkdir(parents=True, exist_ok=True)
        temporary = MEMORY.with_name(f"{MEMORY.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(MEMORY)
    except OSError:
        return


@cache
def kernels_digest() -> str:
    """Digest of all modules with compiled code.

    numba's disk cache watches only a function's own file and would keep machine code that inlined
    an older version of another; a cache folder named by this digest can't.
    """
    numerics = ("spectral_atlas.spectra.", "spectral_atlas.training.")
    compiled = {m for m in _graph().find_downstream_modules("numba") if m.startswith(numerics)}
    return digest({module: _module_digest(module) for module in compiled})


@cache
def closure(module: str) -> frozenset[str]:
    """The module and everything it imports, directly or not; external packages by their name."""
    return frozenset({module} | _graph().find_upstream_modules(module))


@cache
def code(reference: str, packages: tuple[str, ...] = NUMERIC_PACKAGES) -> dict[str, Any]:
    """What the code behind ``"module:attribute"`` is made of.

    Parameters
    ----------
    reference : str
    packages : tuple of str
        External packages whose version counts, where the closure imports them.

    Returns
    -------
    dict with "function", "modules" (name to digest) and "versions" (package to version)
    """
    modules = closure(reference.partition(":")[0])
    own = sorted(m for m in modules if m.split(".")[0] == "spectral_atlas")
    return {
        "function": reference,
        "modules": {m: _module_digest(m) for m in own},
        "versions": {p: version(p) for p in packages if p in modules},
    }


def kernel_cache() -> Path:
    """Where a run keeps numba's machine code, relative to the working directory."""
    return Path(".cache", "numba", kernels_digest())


def changed_modules(known: dict[str, Any]) -> list[str]:
    """Modules of a `code` dictionary whose source on disk is no longer what it was."""
    return [m for m, old in known["modules"].items() if source_digest(_module_path(m)) != old]
