"""The configuration: errors of one line, and generated pages that may not drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spectral_atlas import cli
from spectral_atlas.config import SCALES, ConfigError, model, parse
from spectral_atlas.config_reference import reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_valid_and_named_as_its_file(scale: str) -> None:
    overlays = [] if scale == "default" else [ROOT / f"workflow/scales/{scale}.yaml"]
    raw = cli.read_config(overlays)
    assert raw["scale"] == scale
    if scale != "real" or Path(raw["kalra2023"]["data"]["images"]["folder"]).exists():
        assert parse(raw).scale == scale


def test_a_missing_folder_of_real_images_is_one_line() -> None:
    raw = cli.read_config([ROOT / "workflow/scales/real.yaml"])
    raw["kalra2023"]["data"]["images"]["folder"] = "/nowhere/images"
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    assert str(caught.value).startswith(
        "config error: kalra2023.data.images.folder = '/nowhere/images': "
    )
    assert "\n" not in str(caught.value)


def test_there_is_an_overlay_for_every_other_scale() -> None:
    found = {p.stem for p in (ROOT / "workflow/scales").glob("*.yaml")}
    assert found | {"default"} == set(SCALES)


def test_the_schema_is_the_generated_one() -> None:
    written = json.loads(cli.SCHEMA.read_text(encoding="utf-8"))
    assert written == model().model_json_schema(), "run: python -m spectral_atlas schema --write"


def test_the_reference_page_is_the_generated_one() -> None:
    written = cli.REFERENCE.read_text(encoding="utf-8")
    assert written == reference(model()), "run: python -m spectral_atlas schema --write"


def test_every_field_has_a_description() -> None:
    def walk(schema: object, path: str = "") -> None:
        if isinstance(schema, dict):
            for name, field in schema.get("properties", {}).items():
                assert "description" in field, f"{path}.{name}"
            for name, inner in schema.get("$defs", {}).items():
                walk(inner, name)

    walk(model().model_json_schema())


def test_an_error_names_path_value_and_what_is_allowed() -> None:
    raw = cli.read_config()
    raw["marion2024"]["alignment"]["ensembles"][1]["depth"] = 1
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    assert str(caught.value) == (
        "config error: marion2024.alignment.ensembles[1].depth = 1:"
        " must be greater than or equal to 2"
    )


def test_an_unknown_key_in_a_list_names_the_allowed_ones() -> None:
    raw = cli.read_config()
    raw["marion2024"]["mlp_sweep"]["blocks"][0]["step"] = 3
    with pytest.raises(ConfigError, match=r"blocks\[0\]\.step: unknown key; allowed here: learn"):
        parse(raw)


def test_an_overlay_changes_only_what_it_names(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("marion2024: {evolution: {repeats: 3}}\n", encoding="utf-8")
    old, new = parse(cli.read_config()), parse(cli.read_config([overlay]))
    assert new.marion2024.evolution.repeats == 3
    changed = {"evolution"}
    for name in type(old.marion2024).model_fields:
        same = getattr(old.marion2024, name) == getattr(new.marion2024, name)
        assert same == (name not in changed), name


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["seed"], True, "seed = True: must be a number"),
        (["marion2024", "data", "linear", "published"], "yes", "must be true or false"),
        (["marion2024", "data", "linear", "draws"], "1", "must be a whole number"),
        (["marion2024", "minimizers", "depths"], [2, 2], "must not repeat 2"),
        (["marion2024", "depth_sweep", "depths"], [5, 5], "must not repeat 5"),
        (["marion2024", "data", "noiseless", "draws"], 2, "must be 1"),
        (["marion2024", "spectra", "tolerance"], 1e-15, "must be greater than or equal to"),
    ],
)
def test_what_would_be_misread_or_crash_later_is_refused(
    path: list[str], value: object, message: str
) -> None:
    raw = cli.read_config()
    section = raw
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(ConfigError, match=message):
        parse(raw)
