"""What a run will cost, estimated before anything runs: time, memory, the longest job."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectral_atlas.matrix_rate import measured_gflops
from spectral_atlas.registry import papers, resolve

if TYPE_CHECKING:
    from spectral_atlas.plan import Plan
    from spectral_atlas.planned import PlannedNode

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Estimate:
    """What one node, or one part of it, is expected to take on one core.

    Attributes
    ----------
    flops : float
        Floating-point operations of its matrix products, in float32.
    memory : float
        Bytes at the peak.
    efficiency : float
        Share of the rate of large matrix products that it reaches, from a benchmark.
    """

    flops: float
    memory: float
    efficiency: float

    def __post_init__(self) -> None:
        for name in ("flops", "memory"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} = {value} must be a finite number of at least 0")
        if not (math.isfinite(self.efficiency) and self.efficiency > 0):
            raise ValueError(f"efficiency = {self.efficiency} must be a finite number above 0")

    def seconds(self, gflops: float) -> float:
        """Time where large matrix products run at ``gflops`` GFLOP/s."""
        return self.flops / (1e9 * gflops * self.efficiency)


def estimates(plan: Plan) -> list[tuple[PlannedNode, Estimate]]:
    """The planned nodes that their papers can estimate, in the order of the plan."""
    found = ((planned, _estimate(plan, planned)) for planned in plan.nodes)
    return [(planned, estimate) for planned, estimate in found if estimate is not None]


def _estimate(plan: Plan, planned: PlannedNode) -> Estimate | None:
    reference = papers()[planned.paper].cost
    if reference is None or planned.joins:
        return None
    estimate: Estimate | None = resolve(reference)(planned.declared, plan.section(planned))
    return estimate


def report(plan: Plan, *, cores: int, gflops: float | None = None) -> dict[str, Any]:
    """Cost of each node and of the run.

    Parameters
    ----------
    plan : Plan
    cores : int
        How many jobs run at once, each on one core.
    gflops : float or None
        Rate of float32 matrix products; measured now where it is None and needed.

    Returns
    -------
    dict
        "nodes", one row for each node that has an estimate; "gflops" and whether it was "measured";
        "not_estimated", the number of other nodes of each paper; "to_do" and "cached", totals.
    """
    found = estimates(plan)
    rate = measured_gflops() if found and gflops is None else gflops
    rows = [_row(planned, estimate, rate) for planned, estimate in found if rate is not None]
    others = Counter(p.paper for p in plan.nodes) - Counter(p.paper for p, _ in found)
    return {
        "nodes": rows,
        "gflops": rate,
        "measured": gflops is None and bool(found),
        "not_estimated": dict(others),
        "to_do": _totals([row for row in rows if row["state"] == "to do"], cores),
        "cached": _totals([row for row in rows if row["state"] == "cached"], cores),
    }


def _row(planned: PlannedNode, estimate: Estimate, gflops: float) -> dict[str, Any]:
    return {
        "paper": planned.paper,
        "node": planned.node.ref,
        "flops": estimate.flops,
        "memory": estimate.memory,
        "efficiency": estimate.efficiency,
        "seconds": estimate.seconds(gflops),
        "state": "cached" if Path(planned.path).exists() else "to do",
        "path": planned.path,
    }


def _totals(rows: Sequence[dict[str, Any]], cores: int) -> dict[str, Any]:
    longest = max(rows, key=lambda row: row["seconds"], default=None)
    return {
        "jobs": len(rows),
        "flops": math.fsum(row["flops"] for row in rows),
        "core_hours": math.fsum(row["seconds"] for row in rows) / 3600,
        "longest": longest and {k: longest[k] for k in ("paper", "node", "seconds")},
        "cores": cores,
        "seconds": makespan((row["seconds"] for row in rows), cores),
        "memory": math.fsum(heapq.nlargest(cores, (row["memory"] for row in rows))),
    }


def makespan(seconds: Iterable[float], cores: int) -> float:
    """When the last job ends if each core takes the longest one left (Graham's LPT rule, 1969).

    Raises
    ------
    ValueError
        If there is no core.
    """
    if cores < 1:
        raise ValueError(f"cores = {cores} must be at least 1")
    jobs = sorted(seconds, reverse=True)
    busy = [0.0] * min(cores, len(jobs) + 1)
    for job in jobs:
        heapq.heapreplace(busy, busy[0] + job)
    return max(busy)


def text(found: dict[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the table for a reader, and the lines after it."""
    rows = [
        {
            "paper": row["paper"],
            "node": row["node"],
            "operations": f"{row['flops']:.2g}",
            "memory": size(row["memory"]),
            "time": duration(row["seconds"]),
            "state": row["state"],
        }
        for row in found["nodes"]
    ]
    return rows, _lines(found)


def _lines(found: dict[str, Any]) -> list[str]:
    lines = []
    if found["nodes"]:
        rate = f"{found['gflops']:.3g} GFLOP/s"
        source = "measured now, one thread" if found["measured"] else "as given"
        lines.append(
            f"an estimate: float32 matrix products at {rate} ({source}), each node at a share of it"
        )
        lines.append(f"cached: {found['cached']['jobs']} jobs")
        lines.append(_to_do(found["to_do"]))
    counts = found["not_estimated"]
    if counts:
        named = ", ".join(f"{paper} {count}" for paper, count in counts.items())
        lines.append(f"not estimated: {sum(counts.values())} nodes ({named})")
    return lines


def _to_do(totals: dict[str, Any]) -> str:
    if not totals["jobs"]:
        return "to do: 0 jobs"
    longest = totals["longest"]
    return (
        f"to do: {totals['jobs']} jobs, {totals['core_hours']:.2g} core-hours; longest job"
        f" {duration(longest['seconds'])} ({longest['paper']} {longest['node']}); with"
        f" {totals['cores']} cores {duration(totals['seconds'])} if no job waits for another,"
        f" up to {size(totals['memory'])}"
    )


def duration(seconds: float) -> str:
    """Seconds as "3.2 h", "12 min", "45 s" or "0.3 s"."""
    if seconds >= 3570:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 59.5:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 0.95 else f"{seconds:.1f} s"


def size(count: float) -> str:
    """Bytes as "1.2 GB", "310 MB"."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.{1 if count < 9.95 * unit else 0}f} {name}"
    return f"{count:.0f} B"
