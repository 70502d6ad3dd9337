"""Does anything creep? Samples of a long run -> the sentences that say what grew, or none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from scipy.stats import theilslopes

WARM_UP = 0.25  # of the run: caches fill, allocators find their size
MEMORY, TIME = 1.0, 0.10  # MB in 1,000 steps; share that a step may become slower from the first to the last sample
_COUNTED = ("Pss_Anon:", "Pss_Shmem:")
_RESTING = {"files": "open files", "processes": "child processes", "shared": "stretches of shared memory"}

Sample = dict[str, Any]


def sample() -> Sample:
    """What this process and those below it hold now: memory, open files, processes, files in shared memory."""
    below = list(descendants(os.getpid()))
    return {
        "mb": sum(held(process) for process in (os.getpid(), *below)) / 1e6,
        "files": len(os.listdir("/proc/self/fd")),
        "processes": len(below),
        "shared": _shared([os.getpid(), *below]),
    }


def _shared(processes: Sequence[int]) -> int:
    """Stretches of shared memory that this process has mapped, and files there that it or those below it named."""
    mapped = Path("/proc/self/maps").read_text().count("/dev/shm/")
    return mapped + sum(f"_{process}_" in name for name in os.listdir("/dev/shm") for process in processes)


def descendants(process: int) -> Iterator[int]:
    """The processes that this one started, and theirs."""
    for thread in _lines(Path(f"/proc/{process}/task")):
        for child in thread.split():
            yield int(child)
            yield from descendants(int(child))


def _lines(tasks: Path) -> list[str]:
    try:
        return [(task / "children").read_text() for task in tasks.iterdir()]
    except OSError:  # it has just ended
        return []


def held(process: int) -> int:
    """Bytes of anonymous and shared pages; a page that several processes share counts once among them."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(_COUNTED))


def warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples without those of the warm-up."""
    return samples[int(WARM_UP * len(samples)) :]


def slope(samples: Sequence[Sample], what: str) -> float:
    """Growth in 1,000 steps behind the warm-up: the median of the slopes of all pairs (Theil and Sen), which up to
    29 % of outliers leave where it is."""
    kept = warm(samples)
    return float(theilslopes([s[what] for s in kept], [s["step"] / 1000 for s in kept]).slope)


def slowed(samples: Sequence[Sample]) -> float:
    """By what share a step took longer at the end than at the beginning, by the same fit."""
    kept = warm(samples)
    span = (kept[-1]["step"] - kept[0]["step"]) / 1000
    return slope(samples, "ms") * span / median(s["ms"] for s in kept)


def complaints(samples: Sequence[Sample], rests: Sequence[Sample]) -> list[str]:
    """A sentence for each thing that grew.

    Args:
        samples: taken while training, with ``step`` and ``ms`` (of a step).
        rests: taken between trainings, when nothing of a training should be left.
    """
    if len(warm(samples)) < 8 or len(warm(rests)) < 3:
        return [f"too short to judge: {len(samples)} samples and {len(rests)} trainings; run it for longer"]
    found = []
    for when, name in ((samples, "while training, with its workers,"), (rests, "between trainings")):
        if (grown := slope(when, "mb")) > MEMORY:
            found.append(f"the memory held {name} grows by {grown:.2f} MB in 1,000 steps; the bar is {MEMORY:g}")
    if (share := slowed(samples)) > TIME:
        found.append(f"a step became {share:.0%} slower from the beginning to the end; the bar is {TIME:.0%}")
    kept = warm(rests)
    for what, name in _RESTING.items():
        first, last = kept[0][what], kept[-1][what]
        if last > first:
            found.append(f"{last - first} {name} more are left by the trainings ({first}, then {last})")
    return found
