"""What the C library does with freed memory, seen from outside in processes that have little else of it."""

import subprocess
import sys
import textwrap

import pytest

from covpool.allocator import freed_memory_kept, give_freed_memory_back

LOOK = """
from pathlib import Path
from covpool.allocator import freed_memory_kept, give_freed_memory_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) >> 8  # pages to MB

def after_a_block_of_200_mb():
    block = bytearray(200 << 20)
    block[::4096] = b"x" * len(block[::4096])
    del block
    return resident()
"""


def told(program):
    """What a new process prints, as numbers."""
    words = [sys.executable, "-c", LOOK + textwrap.dedent(program)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_freed_block_is_kept_until_the_end():
    program = """
    print(resident())
    with freed_memory_kept():
        print(after_a_block_of_200_mb())
    print(resident(), after_a_block_of_200_mb())
    """
    before, inside, behind, later = told(program)
    assert inside > before + 150
    assert max(behind, later) < before + 50


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_freed_block_goes_back():
    program = """
    print(resident())
    with freed_memory_kept():
        give_freed_memory_back()
        print(after_a_block_of_200_mb())
    """
    before, inside = told(program)
    assert inside < before + 50


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", None)
    give_freed_memory_back()
    with freed_memory_kept():
        pass
