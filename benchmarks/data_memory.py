"""How much memory loading takes, beside the page cache: two ranks of four workers over 200,000 pictures of 64 px.

Counted are anonymous and shared pages of all processes of a rank (Pss_Anon and Pss_Shmem of Linux), where a page that
processes share counts once. What a batch needs is the same count over a set of one batch a worker. Pages of mapped
files are the system's cache and are left out: they are given up when anyone needs them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from harness import write
from picture_sets import jpegs, make_pixels, make_shards, pictures

BATCH, WORKERS, RANKS, SIDE = 64, 4, 2, 64
COUNT, BAR = 200_000, 1.15
_COUNTED = ("Pss_Anon:", "Pss_Shmem:")


def main() -> None:
    """Measure both forms and write results/data_memory.json."""
    if "--rank" in sys.argv:
        child(*sys.argv[sys.argv.index("--rank") + 1 :])
        return
    smoke = "--smoke" in sys.argv
    count = 600 if smoke else COUNT
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for form in ("pixels", "shards"):
            rows.append(measure(form, Path(place), count))
            print(rows[-1])
    if not smoke:
        print(write("data_memory", rows, batch=BATCH, workers=WORKERS, ranks=RANKS, side=SIDE, bar=BAR))


def measure(form: str, place: Path, count: int) -> dict[str, Any]:
    """One row: megabytes of all ranks over a set of one batch a worker and over the whole one."""
    sizes = {"one_batch": BATCH * WORKERS * RANKS, "whole": count}
    found = {}
    for name, pictures_in in sizes.items():
        root = place / f"{form}-{name}"
        if form == "pixels":
            make_pixels(root, pictures_in, pictures(SIDE))
        else:
            make_shards(root, pictures_in, jpegs(SIDE))
        found[name] = sum(ranks_over(root))
    ratio = round(found["whole"] / found["one_batch"], 3)
    return {"form": form, "pictures": count, **{f"{k}_mb": round(v / 1e6, 1) for k, v in found.items()}, "ratio": ratio}


def ranks_over(root: Path) -> list[int]:
    """Bytes of each rank; all ranks run at the same time."""
    command = [sys.executable, __file__, "--rank"]
    ranks = [
        subprocess.Popen([*command, str(rank), str(root)], stdout=subprocess.PIPE, text=True) for rank in range(RANKS)
    ]
    return [json.loads(process.communicate()[0]) for process in ranks]


def child(rank: str, root: str) -> None:
    """Read the set as one rank does and print the most bytes that were held."""
    from covpool.data import Preprocessing, open_images, train_loader, train_transform

    torch.set_num_threads(1)
    images = open_images(root, val_fraction=0).train
    transform = train_transform(Preprocessing(SIDE, crop_pct=1.0), "flip")
    loader = train_loader(
        images, transform, batch_size=BATCH, seed=0, workers=WORKERS, rank=int(rank), world_size=RANKS
    )
    most = 0
    for epoch in range(max(1, 4 * WORKERS // len(loader))):  # every worker has made some
        for number, _ in enumerate(loader.epoch(epoch)):
            if number % max(1, len(loader) // 20) == 0:
                most = max(most, held())
    print(max(most, held()))


def held() -> int:
    """Bytes of this process and its children."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    total = 0
    for process in [str(own), *children]:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith(_COUNTED))
    return total


if __name__ == "__main__":
    main()
