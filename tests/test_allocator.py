"""What the C library does with freed memory, seen from outside."""

import sys
from pathlib import Path

import pytest

from covpool.allocator import freed_memory_kept, give_freed_memory_back

BLOCK = 200 << 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def resident_after_a_block_was_freed():
    block = bytearray(BLOCK)
    block[::4096] = b"x" * len(block[::4096])
    del block
    return resident()


def test_a_freed_block_is_kept_until_the_end():
    before = resident_after_a_block_was_freed()
    with freed_memory_kept():
        assert resident_after_a_block_was_freed() > before + BLOCK // 2
    assert resident() < before + BLOCK // 2


def test_a_freed_block_goes_back():
    before = resident()
    with freed_memory_kept():
        give_freed_memory_back()
        assert resident_after_a_block_was_freed() < before + BLOCK // 2


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", None)
    give_freed_memory_back()
    with freed_memory_kept():
        pass
