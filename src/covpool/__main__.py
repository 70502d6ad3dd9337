"""The ``covpool`` command, and ``python -m covpool``."""

import os
import signal


def entry() -> None:
    """The console script. Ctrl-C ends it without a word while the rest is imported; then the command line answers."""
    answered = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it was ignored, and stays so
    if answered:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from covpool.cli.main import entry as enter

    if answered:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    enter()


if __name__ == "__main__":
    entry()
