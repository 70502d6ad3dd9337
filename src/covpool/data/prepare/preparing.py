"""Any source -> WebDataset shards, TFRecords or mapped pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.prepare.parallel import in_order_of_completion
from covpool.data.prepare.parts import PartWriter, Record, write_whole
from covpool.data.prepare.plan import Part, Plan
from covpool.data.prepare.work_folder import ABOUT, WorkFolder, clear_up, finished
from covpool.formats.pixels import PixelWriter

Progress = Callable[[int, int], None]


def prepare(
    plan: Plan, out: str | Path, *, workers: int = 0, skip_bad: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Carry out a plan and return what ``out/dataset.json`` says.

    The work is done in ``<out>.partial``, part by part; after an interruption of any kind the same call goes on where
    it stopped, and the outcome is the same, byte for byte. Each picture is decoded on the way.

    Args:
        plan: from ``make_plan``.
        out: a folder that does not exist yet; a complete one of the same plan is left as it is.
        workers: processes.
        skip_bad: leave pictures out that cannot be read, and list them.
        progress: hears (pictures done, pictures in all).

    Raises:
        CorruptImage: a picture that cannot be read; what was done is kept.
        BadSource: ``out`` holds something else, or another process is at it.
    """
    out, facts = Path(out), {**plan.facts(), "skip_bad": skip_bad}
    about = finished(out)
    if about is not None and about.get("plan") == facts:
        clear_up(out, facts)
        return about
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadSource(str(out), [f"{str(out)!r} exists and holds something else; name another folder"])
    if not plan.pictures:
        raise BadSource(plan.source, [f"{plan.source!r} has no pictures to prepare"])
    with WorkFolder(out, facts) as work:
        if (about := work.complete()) is not None:  # a kill between the last file and the renaming
            work.finish(about, plan.parts())
            return about
        records = _write_parts(plan, work, workers, skip_bad, progress or (lambda done, total: None))
        parts = plan.parts()
        about = {
            **_about(plan, [records[part.name] for part in parts]),
            "plan": facts,
        }
        if plan.format == "pixels":
            _join(plan, work.folder, out, [(part, records[part.name]) for part in parts], about)
            work.drop()
        else:
            work.finish(about, parts)
    return about


def _write_parts(plan: Plan, work: WorkFolder, workers: int, skip_bad: bool, progress: Progress) -> dict[str, Record]:
    parts = plan.parts()
    records = work.done(parts)
    total, done = plan.pictures, sum(len(part.positions) for part in parts if part.name in records)
    progress(done, total)

    def tick(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    missing = [part for part in parts if part.name not in records]
    writer = PartWriter(plan, work.folder, skip_bad)
    for part, record in in_order_of_completion(writer, missing, workers, tick):
        records[part.name] = record
    progress(total, total)
    return records


def _about(plan: Plan, records: list[Record]) -> dict[str, Any]:
    changed: dict[str, int] = {}
    for record in records:
        for reason, count in record["changed"].items():
            changed[reason] = changed.get(reason, 0) + count
    splits: dict[str, Any] = {split: {"pictures": 0, "parts": []} for split in plan.sets}
    for record in records:
        split = splits[record["split"]]
        split["pictures"] += record["pictures"]
        if plan.format != "pixels":
            split["parts"].append({key: record[key] for key in ("file", "pictures", "bytes", "sha256")})
    return {
        "format": f"covpool {plan.format}",
        "version": 1,
        "source": plan.source,
        "classes": plan.classes,
        "splits": splits,
        "skipped": [entry for record in records for entry in record["skipped"]],
        "written_anew": changed,
    }


def _join(plan: Plan, folder: Path, out: Path, done: list[tuple[Part, Record]], about: dict[str, Any]) -> None:
    """The pieces as one array a split. Done anew after an interruption: the folder gets its name last."""
    if out.is_dir():
        out.rmdir()  # empty, as was checked
    side = plan.size or 0
    counts = {split: about["splits"][split]["pictures"] for split in plan.sets}
    at = dict.fromkeys(counts, 0)
    with PixelWriter(out, plan.classes, counts, (side, side)) as writer:
        for part, record in done:
            pixels = np.load(folder / part.name, mmap_mode="r", allow_pickle=False)
            if len(pixels):
                writer.put(part.split, at[part.split], pixels, np.array(record["labels"], np.int64))
            at[part.split] += len(pixels)
        write_whole(writer.work / ABOUT, json.dumps(about, indent=1) + "\n")
