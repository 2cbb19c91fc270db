"""What the configuration refuses, in one line that names the key, its value and what is allowed."""

import copy

import pytest

from spectral_atlas import config
from spectral_atlas.config import Base, ConfigError
from spectral_atlas.papers.kalra2023.config import Kalra
from spectral_atlas.papers.kalra2023.uses import STUDIES, name_of

IMAGES = {"samples": 32, "dimension": 8}
TEACHER = {"samples": 32, "dimension": 8}
FCN = {"depth": 3, "widths": [4, 8], "seeds": 2}
UV = {"widths": [4, 8]}


class Config(Base):
    kalra2023: Kalra


def network(path):
    data = STUDIES[path][0]
    if "fields" not in data:
        return {**FCN, "data": data}
    name, depth = ("resnet", 18) if data == "fields_large" else ("myrtle", 5)
    return {"data": data, "network": name, "depth": depth, "widths": [2], "seeds": 2}


def valid():
    paper = {
        "data": {
            **{name: dict(IMAGES) for name in ("images", "isotropic", "steep")},
            "teacher": dict(TEACHER),
            "teacher_scalar": TEACHER | {"outputs": 1},
            "random_labels": dict(TEACHER),
            **{name: {"samples": 16} for name in ("fields", "fields_large")},
        },
        "early": {},
        "uv": {
            "constants": UV | {"runs": 10},
            "averages": UV | {"multiples": [1.0], "samples": 100},
            "trajectories": UV | {"multiples": [1.0]},
            "saturation": UV | {"runs": 10},
        },
    }
    for path in STUDIES:
        owner, _, name = path.rpartition(".")
        section = {"models": [network(path)]}
        if name == "regimes":
            section |= {"multiples": [1.0, 2.0], "steps": 10}
        if name.startswith("saturation"):
            section |= {"time": 8.0, "steps": [8, 4]}
        (paper[owner] if owner else paper)[name] = section
    return {"kalra2023": paper}


def changed(path, value):
    raw = copy.deepcopy(valid())
    at = raw["kalra2023"]
    keys = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return raw


@pytest.fixture
def parse(monkeypatch):
    monkeypatch.setattr(config, "model", lambda: Config)
    return config.parse


FIRST = "early.fcn.models.0"
BAD = {
    "data of another study": (
        f"{FIRST}.data", "steep", r"early\.fcn\.models\[0\]\.data = steep: must be images",
    ),
    "data of two others": (
        "early.data_sets.models.0.data", "images",
        r"data_sets\.models\[0\]\.data = images: must be isotropic or steep or ",
    ),
    "data that are not there": (f"{FIRST}.data", "mnist", r"data = 'mnist': must be 'images', "),
    "a ResNet of 50 layers": (
        "early.resnet.models.0.depth", 50, "depth = 50: must be 18 or 34 for a resnet",
    ),
    "a Myrtle network of 6 layers": (
        "early.myrtle.models.0.depth", 6, "depth = 6: must be 5 or 7 or 10 for a myrtle",
    ),
    "a batch above the samples": (
        f"{FIRST}.batch", 33, r"\.batch = 33: must be at most data\.images\.samples = 32",
    ),
    "a width twice": (f"{FIRST}.widths", [4, 8, 4], r"widths = \[4, 8, 4\]: must not repeat"),
    "more parts than runs": (
        "early.fcn.parts", 5, r"early\.fcn\.parts = 5: must be at most the number of runs, 4",
    ),
    "an activation of a Myrtle network": (
        "early.myrtle.models.0.activation", "tanh", "activation = tanh: only an FCN has another",
    ),
    "cross-entropy with a teacher": (
        "early.data_sets.models.0", {**FCN, "data": "teacher", "loss": "cross_entropy"},
        "loss = cross_entropy: data = teacher has no labels",
    ),
    "flat data for a ResNet": (
        "early.resnet.models.0.data", "images", "data = images: must be fields or fields_large",
    ),
    "recorded c out of order": ("early.fcn.recorded", [2.0, 1.0], r"recorded = .*: must increase"),
    "c out of order": ("regimes.multiples", [2.0, 2.0], r"multiples = .*: must increase"),
    "times out of order": ("saturation.steps", [4, 8], r"steps = \[4, 8\]: must decrease"),
    "no network": ("estimators.models", [], r"estimators\.models = \[\]: "),
    "an unknown key": ("early.fcn.seed", 1, r"early\.fcn\.seed: unknown key; allowed here: models"),
}  # fmt: skip


def test_the_base_of_these_tests_is_valid(parse):
    found = parse(valid()).kalra2023
    for path in STUDIES:
        study = found.study(path)
        assert study.part(0).parts == 1  # the shapes of training sets are known
        assert study._shape_of(study.models[0].data).samples in (16, 32)


@pytest.mark.parametrize("case", list(BAD))
def test_one_line_says_what_is_wrong(case, parse):
    path, value, message = BAD[case]
    with pytest.raises(ConfigError, match=message) as error:
        parse(changed(path, value))
    lines = str(error.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("config error: kalra2023")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FIRST}.batch", 32),
        ("early.fcn.parts", 4),
        ("early.data_sets.models.0", {**FCN, "data": "random_labels", "loss": "cross_entropy"}),
        ("early.resnet.models.0.depth", 34),
    ],
)
def test_what_is_just_allowed(path, value, parse):
    parse(changed(path, value))


def test_nodes_have_names_of_their_own():
    names = [name_of(path) for path in STUDIES]
    assert len(set(names)) == len(names)
    assert name_of("early.fcn") == "fcn"
    assert name_of("regimes") == "regimes"
