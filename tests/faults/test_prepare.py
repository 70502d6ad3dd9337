"""SIGKILL at many moments of `covpool data prepare`: the same command afterwards gives the same bytes, and no trace."""

import os
import random
import shutil
import signal
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covpool.data import ImageSet, open_images
from covpool.data.prepare import make_plan, parts, prepare
from covpool.data.prepare.work_folder import WorkFolder
from covpool.formats.pixels import PixelWriter
from faults.dying import after, before, die, in_a_process

KINDS = ("shards", "tfrecord", "pixels")
RUNS, KILLS_A_RUN = 6, 5
PICTURES = {"train/cat": 22, "train/dog": 26, "val/cat": 5, "val/dog": 4}


def half_a_file(real, owner, name):
    def half(file):
        file.truncate(file.tell() // 2)
        file.flush()
        die()

    return half


MOMENTS = {  # name -> (where, what, how, kinds it is met in)
    "before the folder is claimed": (WorkFolder, "_take_over", before, KINDS),
    "after the folder is claimed": (WorkFolder, "_take_over", after, KINDS),
    "before a file is flushed": (os, "fsync", before, KINDS),
    "after a file is flushed": (os, "fsync", after, KINDS),
    "before a file gets its name": (os, "replace", before, KINDS),
    "after a file got its name": (os, "replace", after, KINDS),
    "before a picture is read": (ImageSet, "content", before, KINDS),
    "before a part is begun": (parts.PartWriter, "__call__", before, KINDS),
    "when half of a file is on the disk": (parts, "_to_disk", half_a_file, KINDS),
    "after a member of a shard": (tarfile.TarFile, "addfile", after, ("shards",)),
    "before a record": (parts, "write_record", before, ("tfrecord",)),
    "before an array of a part": (np, "save", before, ("pixels",)),
    "before the pieces are joined": (PixelWriter, "__init__", before, ("pixels",)),
    "after some pieces are joined": (PixelWriter, "put", after, ("pixels",)),
    "before the joined arrays get their name": (PixelWriter, "close", before, ("pixels",)),
    "after the joined arrays got their name": (PixelWriter, "close", after, ("pixels",)),
    "before the pieces are removed": (shutil, "rmtree", before, ("pixels",)),
    "before a file of the work is removed": (os, "unlink", before, KINDS),
    "after a file of the work is removed": (os, "unlink", after, KINDS),
}
REACHED = [(kind, moment) for moment, (*_, kinds) in MOMENTS.items() for kind in kinds]


def arm(moment, count):
    """From now on this process dies at the ``count``-th time that it comes to ``moment``."""
    owner, name, how, _ = MOMENTS[moment]
    real, passed = getattr(owner, name), iter(range(1, count))
    deadly = how(real, owner, name)

    def watched(*args, **kwargs):
        return real(*args, **kwargs) if next(passed, None) is not None else deadly(*args, **kwargs)

    setattr(owner, name, watched)


def prepare_tiny(photos, out, kind, workers, fault):
    """Begin, or go on; ``fault``: (moment, count), seconds until the end, or None."""
    plan = make_plan(open_images(photos, val_fraction=0), kind, per_part=4, size=8 if kind == "pixels" else None)
    if isinstance(fault, tuple):
        arm(*fault)
    elif fault is not None:
        threading.Timer(fault, die).start()
    prepare(plan, out, workers=workers)
    os._exit(0)  # a timer may still run


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures") / "photos"
    chance = np.random.default_rng(0)
    for folder, count in PICTURES.items():
        (root / folder).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(chance.integers(0, 256, (10, 12, 3), dtype=np.uint8)).save(root / folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    """Kind -> name -> bytes."""
    place = tmp_path_factory.mktemp("undisturbed")
    for kind in KINDS:
        assert in_a_process(prepare_tiny, str(photos), str(place / kind), kind, 0, None) == 0
    return {kind: content(place / kind) for kind in KINDS}


def content(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def finished(photos, out, kind, undisturbed, workers=0):
    assert in_a_process(prepare_tiny, str(photos), str(out), kind, workers, None) == 0
    assert content(out) == undisturbed[kind]
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(("kind", "moment"), REACHED)
@pytest.mark.parametrize("count", [1, 3])
def test_each_moment_is_survived(photos, undisturbed, tmp_path, kind, moment, count):
    code = in_a_process(prepare_tiny, str(photos), str(tmp_path / "out"), kind, 0, (moment, count))
    assert code == -signal.SIGKILL or (code == 0 and count > 1)  # some moments come once
    finished(photos, tmp_path / "out", kind, undisturbed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(RUNS))
def test_kills_again_and_again_by_the_clock_change_no_byte(photos, undisturbed, tmp_path, kind, number):
    chance = random.Random(f"{kind} {number}")
    workers = number % 3
    for _ in range(KILLS_A_RUN):
        seconds, moment = chance.uniform(0.0, 0.4), (chance.choice(list(MOMENTS)), chance.choice([1, 2, 5, 9]))
        fault = seconds if chance.random() < 0.7 else moment
        code = in_a_process(prepare_tiny, str(photos), str(tmp_path / "out"), kind, workers, fault)
        assert code in (0, -signal.SIGKILL) or (code == 1 and workers)  # a worker came to the moment, and was missed
    finished(photos, tmp_path / "out", kind, undisturbed, workers)
