"""Draw what bench_peers.py measured: cost per model against model count, width and k.

    PYTHONPATH=src python benchmarks/plot_peers.py [--growth FILE] [--out FOLDER]

Reads benchmarks/results/growth.csv, writes docs/images/spectra_benchmark.png and .svg. Errors are
in the table (peers.csv, growth.csv), not here. The panels share their methods: one legend.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from spectral_atlas.plotting.style import COLORBLIND, MARKERS, size, use_style

HERE = Path(__file__).parent
STYLE = SimpleNamespace(width_mm=140.0, font_size=8.0, dpi=200, palette="colorblind")
PANELS = {  # "against" in the csv: title, horizontal axis
    "models, deep linear": ("deep linear, d = 5, L = 10 (P = 230)", "models"),
    "models, softmax FCN": ("softmax FCN 20-32-32-3 (P = 1760)", "models"),
    "width": ("softmax FCN 20-w-w-3, one model", "width w"),
    "k": ("top k pairs, softmax FCN 20-32-32-3", "k"),
}
WORST = 0.05  # relative error from which on a method has not solved the problem
METHODS = (  # the order fixes colour and marker, whatever is missing
    "spectral-atlas",
    "curvlinops",
    "hessian-eigenthings",
    "PyHessian (defaults: 1 to 4 digits)",
    "torch.func + eigsh",
    "double backward + eigsh",
)


def curves(path: Path) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """panel -> method -> points, without rows that have no time (missing packages) or no result.

    PyHessian takes the largest magnitudes: for larger k its values are not the k largest.
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["ms_per_model"] and float(row["relative_error"]) < WORST:
                point = (float(row["value"]), float(row["ms_per_model"]))
                found[row["against"]][row["package"]].append(point)
    return found


def panel(ax: plt.Axes, against: str, methods: dict[str, list[tuple[float, float]]]) -> None:
    title, label = PANELS[against]
    for i, name in enumerate(METHODS):
        if name not in methods:
            continue
        x, y = zip(*sorted(methods[name]), strict=True)
        ours = i == 0
        ax.loglog(
            x,
            y,
            color=COLORBLIND[i],
            marker=MARKERS[i],
            linestyle="--" if "digits" in name else "-",  # not as accurate as the others
            linewidth=1.8 if ours else 1.2,
            zorder=3 if ours else 2,
            label=name,
        )
    ax.set_title(title, loc="left")
    ax.set_xlabel(label)
    ticks = sorted({x for points in methods.values() for x, _ in points})
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    low, high = ax.get_ylim()
    if high < 100 * low:  # too few decades to read a value off
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--growth", type=Path, default=HERE / "results" / "growth.csv")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "images")
    given = parser.parse_args()
    found = curves(given.growth)
    with use_style(STYLE):
        figure, axes = plt.subplots(2, 2, figsize=size(STYLE, 0.92))
        for ax, against in zip(axes.flat, PANELS, strict=True):
            panel(ax, against, found.get(against, {}))
        for ax in axes[:, 0]:
            ax.set_ylabel("milliseconds per model")
        handles = {}
        for ax in axes.flat:
            handles |= {
                text: line for line, text in zip(*ax.get_legend_handles_labels(), strict=True)
            }
        names = [name for name in METHODS if name in handles]
        figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=3)
        given.out.mkdir(parents=True, exist_ok=True)
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            figure.savefig(given.out / f"spectra_benchmark.{kind}", metadata=metadata)


if __name__ == "__main__":
    main()
