"""pyproject.toml, uv.lock, constraints.txt and environment.yml hold one set of pins."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

# What conda calls a package that PyPI knows under another name.
CONDA_NAMES = {
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "seaborn-base": "seaborn",
    "snakemake-minimal": "snakemake",
}
# In environment.yml only because `pip install -e .` needs them there.
CONDA_ONLY = {"python", "pip", "setuptools"}

PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def exact_pins(requirements: list[str], where: str) -> dict[str, str]:
    pins = {}
    for requirement in requirements:
        match = PINNED.fullmatch(requirement)
        assert match, f"{where}: {requirement!r} is not an exact pin, name==version"
        pins[normalized(match["name"])] = match["version"]
    return pins


def read_toml(name: str) -> dict:
    return tomllib.loads((ROOT / name).read_text())


def project_pins() -> dict[str, str]:
    return exact_pins(read_toml("pyproject.toml")["project"]["dependencies"], "pyproject.toml")


def dev_pins() -> dict[str, str]:
    return exact_pins(read_toml("pyproject.toml")["dependency-groups"]["dev"], "pyproject.toml")


def lock_pins() -> dict[str, str]:
    pins: dict[str, str] = {}
    for package in read_toml("uv.lock")["package"]:
        if "registry" in package["source"]:
            assert package["name"] not in pins, f"uv.lock holds two versions of {package['name']}"
            pins[package["name"]] = package["version"]
    return pins


def constraint_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    bare = [line.split(";")[0].strip() for line in lines if line and not line.startswith("#")]
    return exact_pins(bare, "constraints.txt")


def conda_pins() -> dict[str, str]:
    pins = {}
    for entry in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]:
        if isinstance(entry, str) and (name := re.split(r"[=<>]", entry)[0]) not in CONDA_ONLY:
            match = re.fullmatch(r"[a-z0-9-]+=(?P<version>[^=]+)(=\S+)?", entry)
            assert match, f"environment.yml: {entry!r} is not a pin, name=version"
            pins[CONDA_NAMES.get(name, name)] = match["version"]
    return pins


def difference(expected: dict[str, str], found: dict[str, str], where: str) -> list[str]:
    """One line for each package on which two files disagree."""
    return [
        f"{name}: pyproject.toml says {expected.get(name, 'nothing')}, "
        f"{where} says {found.get(name, 'nothing')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


@pytest.mark.parametrize(
    ("where", "pins"), [("uv.lock", lock_pins), ("constraints.txt", constraint_pins)]
)
def test_lock_and_constraints_hold_the_pins_of_pyproject(where, pins):
    expected = project_pins() | dev_pins()
    direct = {name: version for name, version in pins().items() if name in expected}
    lines = difference(expected, direct, where)
    assert not lines, "\n".join(["run `make lock`:", *lines])


def test_environment_yml_holds_the_runtime_pins_of_pyproject():
    lines = difference(project_pins(), conda_pins(), "environment.yml")
    assert not lines, "\n".join(["edit environment.yml:", *lines])


def test_constraints_hold_every_package_of_the_lock():
    lock, constraints = lock_pins(), constraint_pins()
    lines = [
        f"{name}: uv.lock says {lock.get(name, 'nothing')}, "
        f"constraints.txt says {constraints.get(name, 'nothing')}"
        for name in sorted(lock.keys() | constraints.keys())
        if lock.get(name) != constraints.get(name)
    ]
    assert not lines, "\n".join(["run `make lock`:", *lines])


def test_lock_knows_the_requirements_and_pythons_of_pyproject():
    project, lock = read_toml("pyproject.toml")["project"], read_toml("uv.lock")
    (own,) = [package for package in lock["package"] if package["name"] == project["name"]]
    locked = {item["name"]: item["specifier"] for item in own["metadata"]["requires-dist"]}
    wanted = {name: f"=={version}" for name, version in project_pins().items()}
    assert locked == wanted, "run `make lock`"
    assert lock["requires-python"].replace(" ", "") == project["requires-python"], "run `make lock`"


def test_a_drifted_pin_is_named():
    assert difference({"numpy": "2.4.6"}, {"numpy": "2.4.5"}, "uv.lock") == [
        "numpy: pyproject.toml says 2.4.6, uv.lock says 2.4.5"
    ]
    assert difference({"numpy": "2.4.6"}, {}, "uv.lock") == [
        "numpy: pyproject.toml says 2.4.6, uv.lock says nothing"
    ]
