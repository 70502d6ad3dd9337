"""One piece of work after the other, in this process or shared out to others; nothing is left running behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from covpool.data.errors import WorkerLost

Task = TypeVar("Task")
Result = TypeVar("Result")
Tick = Callable[[int], None]
Work = Callable[[Task, Tick], Result]

_WATCH_SECONDS = 0.5
_TICK_SECONDS = 0.2


def in_order_of_completion(
    work: Work[Task, Result], tasks: Sequence[Task], workers: int, tick: Tick
) -> Iterator[tuple[Task, Result]]:
    """Each task with what ``work(task, tick)`` made of it.

    Args:
        work: sent once to each process; calls ``tick(n)`` when n more pictures are done.
        tasks: small things.
        workers: processes; 0 works in this one.
        tick: hears of the pictures done, in this process.

    Raises:
        WorkerLost: a process was killed.
        Exception: whatever ``work`` raised; the other processes are ended.
    """
    if workers == 0 or len(tasks) < 2:
        for task in tasks:
            yield task, work(task, tick)
        return
    pool = _Pool(work, min(workers, len(tasks)))
    try:
        yield from pool.share_out(list(tasks), tick)
    finally:
        pool.end()


class _Pool:
    def __init__(self, work: Work[Any, Any], workers: int) -> None:
        # fork shares the list of pictures; elsewhere it is sent to each process
        context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.processes: dict[Connection, BaseProcess] = {}
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(work, theirs, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self.processes[ours] = process

    def share_out(self, tasks: list[Any], tick: Tick) -> Iterator[tuple[Any, Any]]:
        waiting = list(enumerate(tasks))[::-1]
        under_way: dict[Connection, Any] = {}
        for pipe in self.processes:
            self._next(pipe, waiting, under_way)
        while under_way:
            for pipe in cast("list[Connection]", wait(list(under_way))):
                kind, value = self._answer(pipe)
                if kind == "tick":
                    tick(value)
                elif kind == "raised":
                    raise value
                else:
                    task = under_way.pop(pipe)
                    self._next(pipe, waiting, under_way)
                    yield task, value

    def _next(self, pipe: Connection, waiting: list[Any], under_way: dict[Connection, Any]) -> None:
        if waiting:
            _, task = waiting.pop()
            under_way[pipe] = task
            pipe.send(task)

    def _answer(self, pipe: Connection) -> tuple[str, Any]:
        try:
            return pipe.recv()
        except (EOFError, ConnectionError) as error:
            process = self.processes[pipe]
            process.join()
            raise WorkerLost(f"exit code {process.exitcode}", "Take fewer --workers") from error

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for pipe, process in self.processes.items():
            process.join()
            pipe.close()


def _serve(work: Work[Any, Any], pipe: Connection, parent: int) -> None:
    """Answer tasks until there are no more; end when the main process is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the main process alone answers it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except (EOFError, ConnectionError):
            return
        ticker = _Ticker(pipe)
        try:
            answer = ("done", work(task, ticker))
        except Exception as error:
            answer = ("raised", error)
        ticker.send()
        pipe.send(answer)


class _Ticker:
    """Collects ticks and sends them a few times a second."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.count, self.sent = pipe, 0, time.monotonic()

    def __call__(self, done: int) -> None:
        self.count += done
        if time.monotonic() - self.sent > _TICK_SECONDS:
            self.send()

    def send(self) -> None:
        """What has not been sent yet."""
        self.pipe.send(("tick", self.count))
        self.count, self.sent = 0, time.monotonic()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
