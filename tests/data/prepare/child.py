"""Run by a test as a process of its own, to be killed: ``child.py SOURCE OUT FORMAT WORKERS MARK``."""

import sys
import time
from pathlib import Path

from covpool.data import ImageSet, open_images
from covpool.data.prepare import make_plan, prepare

SECONDS = 0.02  # a picture: the test kills at a picture of its choice


class Slow:
    """Bytes of a picture, after a while."""

    def __init__(self, images):
        self.images = images

    def __call__(self, position):
        time.sleep(SECONDS)
        return self.images.content(position)


def slow(images):
    return ImageSet(images.classes, images.labels, images.keys, Slow(images), images.place)


def main(source, out, kind, workers, mark):
    plan = make_plan(open_images(source, val_fraction=0), kind, per_part=4)
    for split, images in plan.sets.items():
        plan.sets[split] = slow(images)
    prepare(plan, out, workers=int(workers), progress=lambda done, total: Path(mark).write_text(str(done)))


if __name__ == "__main__":
    main(*sys.argv[1:])
