"""Processes of this machine started by ``train`` itself; the caller's process waits, listens and passes stops on."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from queue import Empty
from typing import Any, cast

import torch

from covpool.data.workers import interrupts_held
from covpool.training.distributed.lost import RankLost, is_of_transport

_GRACE = 90.0  # seconds for the others to notice a loss by themselves
_LAST_WORDS = 10  # seconds for all to end once they were told to
_Told = tuple[str, Any]
_Parts = tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]


def in_processes(
    count: int,
    work: Callable[..., None],
    arguments: Mapping[str, Any],
    *,
    listen: Callable[[Mapping[str, Any]], None],
    stopped: Callable[[], bool],
) -> None:
    """Run ``work(**arguments, listen=...)`` in ``count`` new processes, which find each other as torchrun's do.

    Args:
        work: importable by its name, as its arguments are picklable.
        listen: called here with the events of the first process.
        stopped: asked again and again; once it says True the processes get SIGTERM.

    Raises:
        Exception: the one of the first process that failed by itself, with its own kind.
    """
    if not _travels(dict(arguments)):
        raise ValueError(
            "pictures and loggers that other processes are to have need to be picklable, and these are not; "
            "name the pictures in recipe.data, or start the processes by torchrun"
        )
    context = get_context("spawn")
    told: Any = context.Queue()
    place = ("127.0.0.1", _free_port())
    processes = [
        context.Process(target=_one, args=(rank, count, place, os.getpid(), told, work, dict(arguments)))
        for rank in range(count)
    ]
    try:
        with interrupts_held():
            for process in processes:
                process.start()
        errors = _watch(processes, told, listen, stopped)
    finally:
        _end(processes)
    _raise_first(errors, processes)


def _watch(processes: list[SpawnProcess], told: Any, listen: Any, stopped: Any) -> list[BaseException]:
    errors: list[BaseException] = []
    passed_on, deadline = False, float("inf")
    while True:
        alive = any(process.is_alive() for process in processes)
        for kind, thing in _messages(told):
            if kind == "event":
                listen(thing)
            else:
                errors.append(_rebuilt(thing))
        if not alive:
            return errors
        if any(process.exitcode not in (None, 0) for process in processes):
            deadline = min(deadline, time.monotonic() + _GRACE)
        if time.monotonic() > deadline:
            return errors
        if stopped() and not passed_on:
            passed_on = True
            for process in processes:
                process.terminate()


def _messages(told: Any) -> list[_Told]:
    found = []
    try:
        found.append(told.get(timeout=0.1))
        while True:
            found.append(told.get_nowait())
    except Empty:
        return found


def _end(processes: list[SpawnProcess]) -> None:
    """No process is left, also where a signal more comes while they have their time to end by themselves."""
    begun, born = time.monotonic(), [process for process in processes if process.pid is not None]
    try:
        for process in born:
            if process.is_alive():  # a process that was asked before breaks off at Ctrl-C, another ends at SIGTERM
                os.kill(cast(int, process.pid), signal.SIGINT)
                process.terminate()
        for process in born:
            process.join(max(0.0, begun + _LAST_WORDS - time.monotonic()))
    finally:
        for process in born:
            process.kill()
        for process in born:
            process.join()


def _raise_first(errors: list[BaseException], processes: list[SpawnProcess]) -> None:
    """The cause rather than those who noticed that somebody was missing."""
    causes = [error for error in errors if not (isinstance(error, RankLost) or is_of_transport(error))]
    killed = [f"process {n} was ended by {_name(p.exitcode)}" for n, p in enumerate(processes) if (p.exitcode or 0) < 0]
    if causes:
        raise causes[0]
    if errors and killed:
        raise RankLost(f"{'; '.join(killed)}; {errors[0]}")
    if errors:
        raise errors[0]
    failed = [f"process {n} ended with exit code {p.exitcode}" for n, p in enumerate(processes) if p.exitcode]
    if failed:
        raise RankLost("; ".join(killed or failed))


def _name(code: int | None) -> str:
    return signal.Signals(-(code or 0)).name


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _one(
    rank: int,
    count: int,
    place: tuple[str, int],
    parent: int,
    told: Any,
    work: Callable[..., None],
    arguments: dict[str, Any],
) -> None:
    """Process ``rank``: Ctrl-C reaches it through the caller's process only, and it ends when that one is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # one from a terminal, held since the birth, was the caller's
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
    os.environ.update({name: str(value) for name, value in names.items()})
    os.environ.update(MASTER_ADDR=place[0], MASTER_PORT=str(place[1]))
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // count))
    try:
        work(**arguments, listen=lambda event: told.put(("event", dict(event))))
    except BaseException as error:
        told.put(("error", _packed(error)))
        told.close()
        told.join_thread()
        os._exit(1)  # the transport of a broken group may wait for the dead


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)  # at the end of the step: saved
    time.sleep(_GRACE)
    os._exit(1)


def _packed(error: BaseException) -> _Parts:
    """Kind, words and facts of an error; facts that cannot travel stay."""
    facts = {name: value for name, value in vars(error).items() if _travels(value)}
    parts = (type(error), error.args if _travels(error.args) else (str(error),), facts)
    return parts if _travels(parts) else (RuntimeError, (f"{type(error).__name__}: {error}",), {})


def _travels(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True


def _rebuilt(packed: _Parts) -> BaseException:
    """The error of one of our own processes."""
    kind, args, facts = packed
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error
