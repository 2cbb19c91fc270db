"""How much work a section of the configuration is, and how it is shared out; without torch.

Counts are of matrix products. A gradient costs three forward passes, a product with a Hessian six.
How many a search needs was measured at default scale, and depends little on the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

from spectral_atlas.networks import flops

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.sections import Measured, Models

AT_START = 20  # products of a sharpness at initialization, to a tenth of the tolerance
WARM = 6  # of one on the way
AUTHORS = 21  # of one by the authors' protocol
SEARCHED = 4.5  # values of c that the search for c_sharp tries
SHARP_STEPS = 0.7  # share of the steps that are measured before the outcome is known
BARRIER_SHARE = 0.7  # of the 100 points on the way, up to the first barrier
VECTORS = 48  # of the size of the parameters, measured: gradients, tracks, the Lanczos basis
KEPT = 4  # copies of the activations that a graph of second derivatives keeps


@dataclass(frozen=True)
class Shape:
    """Of a training set: samples, axes of one sample, outputs."""

    samples: int
    sample: tuple[int, ...]
    outputs: int


@dataclass(frozen=True)
class Item:
    """Runs of one network; cost in FLOP, memory in bytes."""

    position: tuple[int, int]
    models: Models
    cost: float
    memory: float

    def split(self) -> list[Item]:
        """Two halves of the seeds."""
        seeds, first = self.models.seeds, self.models.first_seed
        half = seeds // 2
        cuts = ((half, first), (seeds - half, first + half))
        return [
            replace(
                self,
                models=self.models.model_copy(update={"seeds": n, "first_seed": start}),
                cost=self.cost * n / seeds,
                memory=self.memory * n / seeds,
            )
            for n, start in cuts
        ]


def shares(section: Measured) -> list[list[Models]]:
    """The networks of each of the section's `parts` jobs, of about equal cost.

    Seeds of one network stay together unless they are more than a job's share. The costliest come
    first, each to the job that has least so far.
    """
    parts, left = section.parts, items(section)
    share = sum(item.cost for item in left) / parts
    done: list[Item] = []
    while left:
        item = left.pop()
        if item.cost > share and item.models.seeds > 1:
            left += item.split()
        else:
            done.append(item)
    while len(done) < parts:
        costliest = max((i for i in done if i.models.seeds > 1), key=lambda item: item.cost)
        done.remove(costliest)
        done += costliest.split()
    jobs: list[list[Item]] = [[] for _ in range(parts)]
    for item in sorted(done, key=lambda item: -item.cost):
        min(jobs, key=lambda job: sum(i.cost for i in job)).append(item)
    return [_merged(job) for job in jobs]


def _merged(job: list[Item]) -> list[Models]:
    """Seeds of one network that follow each other, as one batch again."""
    found: list[Models] = []
    places: list[tuple[int, int]] = []
    for item in sorted(job, key=lambda i: (i.position, i.models.first_seed)):
        own, before = item.models, found[-1] if found else item.models
        follows = before.first_seed + before.seeds == own.first_seed
        if places[-1:] == [item.position] and follows:
            found[-1] = before.model_copy(update={"seeds": before.seeds + own.seeds})
        else:
            found.append(own)
            places.append(item.position)
    return found


def items(section: Measured) -> list[Item]:
    """All networks of a section, one for each width."""
    found = []
    for position, group in enumerate(section.models):
        shape = section._shape_of(group.data)
        for number, models in enumerate(group._each()):
            size = _size(models, shape)
            batch = min(models.batch or shape.samples, shape.samples)
            measured = min(section.sharpness_samples or shape.samples, shape.samples)
            passes = _passes(section, shape.samples, batch, measured)
            neurons = models.depth * models.widths[0]  # of one sample
            if models.network != "fcn":  # a neuron costs 2 products with each of 9 w inputs
                neurons = size.flops // (18 * models.widths[0])
            memory = 4.0 * (VECTORS * size.parameters + KEPT * max(batch, measured) * neurons)
            cost = models.seeds * passes * size.flops
            found.append(Item((position, number), models, cost, models.seeds * memory))
    return found


def _size(models: Models, shape: Shape) -> flops.Size:
    width = models.widths[0]
    if models.network == "fcn":
        return flops.fully_connected(prod(shape.sample), shape.outputs, models.depth, width)
    channels, side = shape.sample[0], shape.sample[-1]
    count = flops.myrtle if models.network == "myrtle" else flops.resnet
    return count(models.depth, width, side, channels, shape.outputs)


def _passes(section: Any, samples: int, batch: int, measured: int) -> float:
    """Forward passes of one sample that a run is worth."""
    product, start = 6.0 * measured, AT_START * 6.0 * measured
    shown = min(section.loss_samples or samples, samples)
    step = 3.0 * batch + (0.0 if batch == samples == shown else shown)
    kind = type(section).__name__
    if kind == "Long":
        one = section.steps * step + section.records * 2 * WARM * product
        return start + len(section.multiples) * one
    if kind == "Saturation":
        return start + sum(section.steps) * step + len(section.steps) * 2 * WARM * product
    if kind == "Estimators":
        return 2 * start + sum(section.lanczos_steps) * product
    if section.protocol == "authors":
        product *= AUTHORS / WARM
    T, grid = section.steps, round(section.grid_stop / section.grid_step) + 1
    if section.method == "scan":
        return start + grid / 2 * T * (3 * step + WARM * product)
    passes = start + (ceil(log2(grid)) + 2) * T * step
    if section.sharp:
        passes += SEARCHED * SHARP_STEPS * T * (step + WARM * product)
    if section.barrier:
        passes += ceil(log2(grid)) * (T * step + BARRIER_SHARE * 100 * min(samples, 4096))
    seeds = section.recorded_seeds
    share = 1.0 if seeds is None else min(1.0, seeds / max(m.seeds for m in section.models))
    return passes + share * len(section.recorded) * T * (step + 1.5 * WARM * product)
