"""Run by a test as a process of its own, perhaps to be killed: ``child.py FOLDER TRIALS``."""

import sys
import time

from covpool.studies.sweep import sweep


def slowly(event):
    """Give the test time to kill in the middle of a trial."""
    if event["event"] == "epoch":
        time.sleep(0.3)


if __name__ == "__main__":
    sweep(None, sys.argv[1], trials=int(sys.argv[2]), device="cpu", listen=slowly)
