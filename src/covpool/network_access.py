"""Whether servers may be asked for what this machine does not have: the switch of Hugging Face's libraries, by which
timm loads its weights, too, turned for a while."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SWITCH = "HF_HUB_OFFLINE"
_OURS = "yes"  # one of the spellings that are read as true: it tells our word from the user's, in children too
_TRUE = ("1", "ON", "YES", "TRUE")  # as huggingface_hub.constants has them


def is_offline() -> bool:
    """Whether no server may be asked."""
    hub = _hub()
    return bool(hub.HF_HUB_OFFLINE) if hub else os.environ.get(SWITCH, "").upper() in _TRUE


@contextmanager
def offline(wanted: bool = True) -> Iterator[None]:
    """In the block, and in processes that are started in it, what is on this machine has to do.

    Nothing changes where the environment has the switch already: it is the user's word.
    """
    if not wanted or SWITCH in os.environ:
        yield
        return
    os.environ[SWITCH] = _OURS
    before = _turn(True)
    try:
        yield
    finally:
        os.environ.pop(SWITCH, None)
        _turn(before)


@contextmanager
def online() -> Iterator[None]:
    """In the block servers may be asked again, unless the user forbids it: a source that names one was asked for."""
    if os.environ.get(SWITCH) != _OURS:
        yield
        return
    del os.environ[SWITCH]
    _turn(False)
    try:
        yield
    finally:
        os.environ[SWITCH] = _OURS
        _turn(True)


def _hub() -> Any:
    return sys.modules.get("huggingface_hub.constants")


def _turn(value: bool) -> bool:
    """Turn the library's own copy of the switch, once it is loaded; what it was, or would have been."""
    hub = _hub()
    before = bool(hub.HF_HUB_OFFLINE) if hub else False
    if hub:
        hub.HF_HUB_OFFLINE = value
    return before
