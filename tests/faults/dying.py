"""Processes that kill themselves at a chosen moment of a training, as hard as the system would."""

import io
import os
import signal
import threading
from multiprocessing import get_context
from pathlib import Path

import torch

from covpool.data import ImageSet
from covpool.training import train
from covpool.training.loop.judge import Judge
from covpool.training.run import Journal
from tiny_runs import tiny_pictures, tiny_recipe

PATIENCE = 1200  # seconds: a machine may be busy, and a test that hangs still ends
_CHILDREN = get_context("forkserver")
_CHILDREN.set_forkserver_preload(["covpool.training"])  # what takes seconds to import


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def before(real, owner, name):
    """The process dies instead of doing it."""
    return die


def after(real, owner, name):
    """The process dies when it is done."""

    def done(*args, **kwargs):
        real(*args, **kwargs)
        die()

    return done


def half_a_checkpoint(real, owner, name):
    def half(state, file):
        whole = io.BytesIO()
        real(state, whole)
        file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
        file.flush()
        die()

    return half


def half_a_line(real, owner, name):
    def half(journal, event):
        journal._file.write('{"event": "st')
        journal._file.flush()
        die()

    return half


MOMENTS = {  # name -> (where, what, how)
    "before a backward pass": (torch.Tensor, "backward", before),
    "after a backward pass": (torch.Tensor, "backward", after),
    "in the middle of a checkpoint": (torch, "save", half_a_checkpoint),
    "before a file is flushed": (os, "fsync", before),
    "before a file gets its name": (Path, "replace", before),
    "after a file got its name": (Path, "replace", after),
    "before an evaluation": (Judge, "evaluate", before),
    "after an evaluation": (Judge, "evaluate", after),
    "in the middle of a line of the journal": (Journal, "write", half_a_line),
    "before a picture is read": (ImageSet, "read", before),
}


FOLDER_MOMENTS = {
    "before a file is flushed": (os, "fsync", before),
    "before a folder gets its name": (Path, "rename", before),
    "after a folder got its name": (Path, "rename", after),
}


def arm(moment, count):
    """From now on this process dies at the ``count``-th time that it comes to ``moment``."""
    owner, name, how = (MOMENTS | FOLDER_MOMENTS)[moment]
    real, passed = getattr(owner, name), iter(range(1, count))
    deadly = how(real, owner, name)

    def watched(*args, **kwargs):
        return real(*args, **kwargs) if next(passed, None) is not None else deadly(*args, **kwargs)

    setattr(owner, name, watched)


def train_tiny(run, fault):
    """Begin the run, or go on with it; ``fault``: (moment, count), seconds until the end, or None."""
    torch.set_num_threads(1)
    if isinstance(fault, tuple):
        arm(*fault)
    elif fault is not None:
        threading.Timer(fault, die).start()
    started = (Path(run) / "recipe.yaml").exists()
    train(None if started else tiny_recipe(), run, resume=started, images=tiny_pictures(), device="cpu", log_every=1)
    os._exit(0)  # a timer may still run


def in_a_process(work, *arguments):
    """Exit code of ``work`` in a process of its own; below zero: the signal that ended it."""
    process = _CHILDREN.Process(target=work, args=arguments)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode is not None, f"{work.__name__}{arguments} did not end"
    return process.exitcode
