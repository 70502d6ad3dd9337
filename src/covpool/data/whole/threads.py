"""Work of one function on many things, a few ahead, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def in_threads(function: Callable[[Asked], Answer], requests: Iterable[Asked], threads: int) -> Iterator[Answer]:
    """``function`` of each request, in order, a few ahead; with no threads, one by one in this one.

    Operations of torch are not spread any further within a thread: the cores have enough to do.
    """
    if not threads:
        yield from map(function, requests)
        return
    waiting: deque[Future[Answer]] = deque()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for request in requests:
            waiting.append(pool.submit(function, request))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(torch.get_num_threads())  # this thread's own, for threads that begin later
