"""A training in two processes in which signals come at chosen moments, from inside; importable by name."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import torch

from covpool.cli.errors import FINE, INTERRUPTED, TERMINATED, guard
from covpool.training import fit
from covpool.training.distributed import meeting
from covpool.training.loop.judge import Judge
from covpool.training.loop.step import Stepper
from covpool.training.run import RunFolder
from covpool.training.several import train_in_processes
from tiny_runs import tiny_pictures
from two_processes import steady_recipe

MOMENTS = {  # name -> (where, what); the signal is sent before it
    "while they meet": (meeting, "agree_on_name"),
    "in the first step": (Stepper, "_look_and_clip"),
    "in an evaluation": (Judge, "_predictions"),
    "in a checkpoint": (torch, "save"),
    "after the last step": (fit, "outcome_of"),
}
AT_BIRTH = "STOPPING_AT_BIRTH"  # a folder, in the environment: the group is stopped before a process has its session
CODES = {"finished": FINE, "asked": INTERRUPTED, "terminated": TERMINATED}


def send(whom, number):
    caller = os.getppid()
    if whom == "group":
        os.killpg(os.getpgid(caller), number)
    else:
        os.kill(os.getpid() if whom == "rank" else caller, number)


def arm(moment, whom, number):
    """At the first time of the moment that signal is sent, once."""
    owner, name = MOMENTS[moment]
    real, first = getattr(owner, name), iter([True])

    def watched(*args, **kwargs):
        if next(first, False):
            send(whom, number)
        return real(*args, **kwargs)

    setattr(owner, name, watched)


def sign(folder):
    (Path(folder) / f"{os.getpid()}.pid").touch()


def armed(folder, faults, listen, **given):
    """What each process does; ``faults``: (rank, moment, whom, signal)."""
    sign(folder)
    torch.set_num_threads(1)
    for rank, moment, whom, number in faults:
        if rank == int(os.environ["RANK"]):
            arm(moment, whom, number)
    fit.train(images=tiny_pictures(), device="cpu", log_every=1, log=(), listen=listen, **given)


def caller(folder, strategy, *faults):
    """The process that was called by hand: prints the ending and leaves with the code of the command line."""
    run = RunFolder(Path(folder) / "run")
    read = [(int(rank), moment, whom, int(number)) for rank, moment, whom, number in (f.split("|") for f in faults)]
    given = {"recipe": steady_recipe(), "run": run.path, "strategy": strategy, "folder": folder, "faults": read}

    def work():
        ending = train_in_processes(2, armed, given, run, lambda event: None).ending
        sys.stdout.write(f"{ending}\n")
        return CODES[ending]

    sys.exit(guard(work))


if AT_BIRTH in os.environ and multiprocessing.current_process().name.startswith("SpawnProcess-"):
    sign(os.environ[AT_BIRTH])  # this is imported before the process runs anything of its own
    os.killpg(0, signal.SIGINT)
