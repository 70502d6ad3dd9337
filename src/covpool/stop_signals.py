"""The signals that ask a process to end, and what ends the work where one cannot wait."""

from __future__ import annotations

import signal

POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What systems and clusters send some time before SIGKILL, and the end of a terminal; they reach all of a group."""


class Terminated(KeyboardInterrupt):
    """One of them, where it could not wait for a place at which the work can be saved."""
