"""When, by which code and on which machine a number was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

import covpool


def stamp() -> dict[str, Any]:
    """Date (UTC), version of covpool, git commit when run from a checkout (else None), and the machine.

    The commit ends in ``+changes`` when tracked files differ from it.

    Example:
        >>> sorted(stamp())
        ['commit', 'date', 'machine', 'version']
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": covpool.__version__,
        "commit": _commit(),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, threads of torch, accelerator, and versions of torch and Python."""
    return {
        "cpu": _cpu_model(),
        "cores": _usable_cores(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def _commit() -> str | None:
    root = Path(covpool.__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return None
    return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git on this machine: the result says so with None
    return done.stdout.strip()
