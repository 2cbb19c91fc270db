"""Sections of the data and their refusals; what the data stage writes."""

import gzip
import json
import os
import struct

import numpy as np
import pydantic
import pytest

from spectral_atlas import config, keys
from spectral_atlas.config_reference import reference
from spectral_atlas.data.images import power_law_mixture, standardised
from spectral_atlas.papers.kalra2023 import data
from spectral_atlas.papers.kalra2023.data_sections import Fields, Images, RandomLabels, Teacher
from spectral_atlas.rng import generator
from spectral_atlas.stage import Job

PIXELS = np.random.default_rng(1).integers(0, 256, (30, 4, 5), dtype=np.uint8)
CLASSES = np.random.default_rng(2).integers(0, 6, 30).astype(np.uint8)
CLASSES[7] = 5


class Paper(config.Section):
    images: Images


class Config(config.Base):
    paper: Paper


@pytest.fixture
def folder(tmp_path):
    for kind, values in (("images-idx3", PIXELS), ("labels-idx1", CLASSES)):
        header = struct.pack(f">{1 + values.ndim}I", 0x0800 + values.ndim, *values.shape)
        path = tmp_path / f"train-{kind}-ubyte.gz"
        path.write_bytes(gzip.compress(header + values.tobytes()))
    return tmp_path


@pytest.fixture
def parse(monkeypatch):
    monkeypatch.setattr(config, "model", lambda: Config)
    return lambda **images: config.parse({"paper": {"images": images}}).paper.images


def stage(section, seed=4):
    return getattr(data, NAMES[type(section)])(section, {}, Job(seed))


NAMES = {Images: "images", Teacher: "teacher", RandomLabels: "random_labels", Fields: "fields"}
SECTIONS = {
    "images": Images(samples=24, dimension=9, classes=4),
    "teacher": Teacher(samples=24, dimension=9, hidden=5, outputs=3),
    "random_labels": RandomLabels(samples=24, dimension=9, outputs=3),
    "fields": Fields(samples=24, side=6, channels=2, classes=4),
}
SIZES = {
    "images": ({"sample": 24, "feature": 9}, 4),
    "teacher": ({"sample": 24, "feature": 9}, 3),
    "random_labels": ({"sample": 24, "feature": 9}, 3),
    "fields": ({"sample": 24, "channel": 2, "row": 6, "column": 6}, 4),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_datasets_have_one_layout(name):
    found = stage(SECTIONS[name])
    sizes, outputs = SIZES[name]
    assert dict(found["x"].sizes) == sizes
    assert list(found["x"].dims) == list(sizes)
    assert dict(found["y"].sizes) == {"sample": 24, "output": outputs}
    assert found["x"].dtype == found["y"].dtype == np.float32
    assert np.isfinite(found["x"]).all()
    assert set(found.attrs) == {"name", "source"}
    assert ("label" in found) == (name != "teacher")
    if name != "teacher":
        assert found["label"].dtype == np.int64
        assert found["label"].dims == ("sample",)
        assert np.array_equal(found["y"].values.argmax(1), found["label"].values)
        assert np.array_equal(np.sort(found["y"].values, 1)[:, -2:], np.tile([0, 1], (24, 1)))


@pytest.mark.parametrize("name", SECTIONS)
def test_datasets_are_drawn_by_the_seed(name):
    one, again, other = (stage(SECTIONS[name], seed) for seed in (4, 4, 5))
    assert one.identical(again)
    shared = np.isclose(one["x"], other["x"]).mean()
    assert shared < 0.01
    assert not np.array_equal(one["y"], other["y"])


@pytest.mark.parametrize("name", ["images", "fields"])
def test_images_are_standardised(name):
    x = stage(SECTIONS[name])["x"].values.reshape(24, -1).astype(float)
    assert np.allclose(x.mean(1), 0, atol=1e-6)
    assert np.allclose(x.std(1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["teacher", "random_labels"])
def test_gaussian_inputs_are_not_standardised(name):
    x = stage(SECTIONS[name].model_copy(update={"samples": 4000}))["x"].values
    assert np.allclose(x.T @ x / 4000, np.eye(9), atol=0.1)
    assert (x.mean(1) ** 2).mean() == pytest.approx(1 / 9, rel=0.1)


def test_images_are_the_mixture_of_the_library():
    def stream(name):
        return generator(4, "kalra2023", "images", name)

    x, label = power_law_mixture(stream, 24, 9, 4, 1.0)
    found = stage(SECTIONS["images"])
    assert np.array_equal(found["x"], standardised(x).astype(np.float32))
    assert np.array_equal(found["label"], label)
    assert found.attrs == {"name": "power-law mixture, D=9, K=4, decay=1", "source": "mixture"}


def test_random_labels_are_uniform_and_know_nothing_of_the_inputs():
    found = stage(RandomLabels(samples=20_000, dimension=2, outputs=5))
    counts = np.bincount(found["label"].values, minlength=5)
    assert np.abs(counts - 4000).max() < 4.5 * np.sqrt(20_000 * 0.16)
    means = found["x"].groupby(found["label"]).mean().values
    assert np.abs(means).max() < 4.5 / np.sqrt(4000)


def test_teacher_outputs_have_mean_square_1():
    assert np.mean(stage(SECTIONS["teacher"])["y"].values ** 2) == pytest.approx(1, rel=1e-6)


def test_images_of_a_folder_are_a_random_choice(folder):
    def chosen(samples, seed=4):
        section = Images(source="idx", folder=str(folder), samples=samples, classes=7)
        return stage(section, seed)

    found, pixels = chosen(30), PIXELS.reshape(30, 20).astype(float)
    scaled = (pixels - pixels.mean(1)[:, None]) / pixels.std(1)[:, None]
    nearest = [int(np.abs(scaled - row).max(1).argmin()) for row in found["x"].values]
    assert sorted(nearest) == list(range(30))
    assert nearest != list(range(30))
    assert np.allclose(found["x"], scaled[nearest], atol=1e-6)
    assert np.array_equal(found["label"], CLASSES[nearest])
    assert np.array_equal(found["y"].values.argmax(1), CLASSES[nearest])
    assert found["y"].sizes["output"] == 7
    assert found["x"].dtype == found["y"].dtype == np.float32
    few = chosen(8)
    assert np.array_equal(few["x"], found["x"][:8])
    assert not np.array_equal(few["x"], chosen(8, seed=5)["x"])
    section = Images(source="idx", folder=str(folder), samples=8)
    assert few.attrs == {
        "name": "images of a folder, D=20, K=7",
        "source": "idx",
        "digest": section.contents,
    }


def test_contents_are_part_of_the_key(folder):
    def key():
        section = Images(source="idx", folder=str(folder), samples=8)
        dumped = section.model_dump(mode="json")
        assert dumped["contents"] == section.contents
        return keys.digest(dumped)

    before = key()
    assert key() == before
    path = folder / "train-images-idx3-ubyte.gz"
    packed = path.read_bytes()
    path.write_bytes(gzip.compress(gzip.decompress(packed)[:-1] + b"\x00"))
    os.utime(path, (1, 1))  # a clock may be coarser than this test is quick
    assert key() != before
    path.write_bytes(packed)
    os.utime(path, (2, 2))
    assert key() == before
    assert Images(samples=8).model_dump(mode="json")["contents"] is None


def test_contents_are_read_once(folder, monkeypatch):
    section = Images(source="idx", folder=str(folder), samples=8)
    monkeypatch.setattr("spectral_atlas.data.idx.digest", lambda files: pytest.fail("read again"))
    assert Images(source="idx", folder=str(folder), samples=9).contents == section.contents
    (folder / "train-images-idx3-ubyte.gz").unlink()
    assert section.model_dump(mode="json")["contents"] == section.contents


def refusal(parse, **images):
    with pytest.raises(config.ConfigError) as caught:
        parse(**images)
    return str(caught.value).removeprefix("config error: paper.images.")


def test_refusals_are_one_line(parse, folder):
    good = {"source": "idx", "folder": str(folder), "samples": 30, "classes": 6}
    assert parse(**good).samples == 30
    assert refusal(parse, **good | {"samples": 31}) == (
        "samples = 31: must be at most 30, the images in the folder"
    )
    assert refusal(parse, **good | {"classes": 5}) == (
        "classes = 5: must be at least 6 for the folder's labels"
    )
    assert refusal(parse, **good | {"folder": None}) == (
        "folder = None: must be given where source is idx"
    )
    assert refusal(parse, **good | {"source": "mixture"}) == (
        f"folder = '{folder}': must be null where source is mixture"
    )
    absent = str(folder / "absent")
    assert refusal(parse, **good | {"folder": absent}) == (
        f"folder = '{absent}': must be a folder that exists"
    )
    assert refusal(parse, **good | {"folder": 3}).startswith("folder = 3: ")
    assert refusal(parse, **good | {"contents": "x"}).startswith("contents: unknown key")
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(b"\x00\x00\x0d\x01" + bytes(4)))
    assert refusal(parse, **good) == (
        f"folder = '{folder}': {path}: magic number 0x00000d01, must be 0x00000801"
    )
    path.unlink()
    assert refusal(parse, **good) == f"folder = '{folder}': has no train-labels-idx1-ubyte(.gz)"


@pytest.mark.parametrize("section", NAMES)
def test_sections_have_a_schema_and_a_page(section):
    properties = section.model_json_schema()["properties"]
    assert set(properties) == set(section.model_fields)
    assert all(info["description"] for info in properties.values())
    json.dumps(section.model_json_schema())
    assert all(f"`{name}`" in reference(section) for name in properties)


@pytest.mark.parametrize("name", SECTIONS)
def test_sections_are_frozen_and_refuse_unknown_keys(name):
    section = SECTIONS[name]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        section.samples = 3
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        type(section)(samples=3, colour="red")
    with pytest.raises(pydantic.ValidationError, match="samples"):
        type(section)(samples=0)
