"""Command line: what the pipeline makes, what it found, and which caches are left over."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from spectral_atlas import cost, garbage, records
from spectral_atlas.config import ConfigError, model, parse
from spectral_atlas.plan import ROOT, Plan

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.json"
REFERENCE = ROOT / "docs" / "configuration.md"


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, run one command, exit with its status."""
    parser = argparse.ArgumentParser(prog="python -m spectral_atlas", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--configfile",
        action="append",
        default=[],
        metavar="FILE",
        help="overlay on config.yaml, as for snakemake",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, flag, text, detail in (
        ("figures", "--json", "every figure: evidence, experiments, outputs", "machine-readable"),
        ("claims", "--json", "every claim: measured value and verdict", "machine-readable"),
        ("cost", "--json", "time and memory of a run, estimated before it", "machine-readable"),
        ("gc", "--delete", "cached files that no scale of the configuration names", "delete them"),
        ("schema", "--write", "JSON schema of config.yaml", "write it and its reference page"),
    ):
        command = commands.add_parser(name, parents=[common], help=text, description=text)
        command.add_argument(flag, action="store_true", help=detail)
        if name == "cost":
            _add_cost_options(command)
    options = parser.parse_args(arguments)
    try:
        sys.exit(globals()[f"_{options.command}"](options))
    except ConfigError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        sys.stderr.close()


def _add_cost_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cores", type=_positive(int), default=8, metavar="N", help="jobs at once (default: 8)"
    )
    command.add_argument(
        "--gflops",
        type=_positive(float),
        metavar="RATE",
        help="float32 matrix products in GFLOP/s, of another machine (default: measured now)",
    )


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < math.inf:
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text!r} must be a {what} above 0")
        return value

    return number


def read_config(overlays: Sequence[str | Path] = ()) -> dict[str, Any]:
    """config.yaml with overlays merged into it, mappings key by key, as snakemake does."""
    merged: dict[str, Any] = {}
    for path in (ROOT / "config.yaml", *map(Path, overlays)):
        if not path.exists():
            raise ConfigError(f"config error: {path}: no such file")
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"config error: {path}: not valid YAML: {reason}") from None
        if not isinstance(found, dict):
            raise ConfigError(f"config error: {path}: must be a mapping of keys to values")
        _merge(merged, found)
    return merged


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _figures(options: argparse.Namespace) -> int:
    plan = Plan(parse(read_config(options.configfile)))
    rows = [
        {
            "paper": planned.paper,
            "id": planned.figure.id,
            "title": planned.figure.title,
            "evidence": planned.figure.evidence,
            "experiments": list(planned.figure.experiments),
            "claims": list(planned.figure.claims),
            "outputs": planned.files,
            "current": records.is_current(planned.record),
        }
        for planned in plan.figures
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(rows, ("paper", "id", "evidence", "title", "experiments", "current"))
    return 0


def _claims(options: argparse.Namespace) -> int:
    plan = Plan(parse(read_config(options.configfile)))
    found = [Path(planned.path) for planned in plan.claims]
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        sys.exit(
            f"not evaluated for this configuration: {', '.join(missing)};"
            " run snakemake first, or name its overlay with --configfile"
        )
    rows = [row for path in found for row in json.loads(path.read_text(encoding="utf-8"))]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(rows, ("paper", "id", "verdict", "measured", "expected", "statement"))
    return 0


def _cost(options: argparse.Namespace) -> int:
    plan = Plan(parse(read_config(options.configfile)))
    found = cost.report(plan, cores=options.cores, gflops=options.gflops)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    rows, lines = cost.text(found)
    if rows:
        _print_table(rows, tuple(rows[0]))
    print("\n".join(lines))
    return 0


def _gc(options: argparse.Namespace) -> int:
    plans = [Plan(parse(read_config([])))]
    if options.configfile:
        plans.append(Plan(parse(read_config(options.configfile))))
    for path in sorted(garbage.SCALES.glob("*.yaml")):
        try:
            plans.append(Plan(parse(read_config([path]))))
        except ConfigError as error:  # such as a folder with data that is not on this machine
            print(f"scale {path.stem} names no files here: {error}", file=sys.stderr)
    left = garbage.unreferenced(plans)
    total = sum(path.stat().st_size for path in left)
    for path in left:
        print(path)
        if options.delete:
            path.unlink()
    verb = "deleted" if options.delete else "unreferenced (delete with --delete)"
    print(f"{len(left)} files, {total / 1e6:.1f} MB {verb}", file=sys.stderr)
    return 0


def _schema(options: argparse.Namespace) -> int:
    from spectral_atlas.config_reference import reference

    schema = json.dumps(model().model_json_schema(), indent=2, sort_keys=True) + "\n"
    if options.write:
        SCHEMA.write_text(schema, encoding="utf-8")
        REFERENCE.write_text(reference(model()), encoding="utf-8")
    else:
        print(schema, end="")
    return 0


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    cells = [list(columns), *([_text(row[c]) for c in columns] for row in rows)]
    widths = [min(max(len(line[i]) for line in cells), 60) for i in range(len(columns))]
    for line in cells:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
