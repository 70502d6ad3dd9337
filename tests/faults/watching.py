"""Trainings in processes of their own, watched from outside by their journals."""

import time

from covpool.training import read_journal


def events(run, kind):
    path = run / "journal.jsonl"
    return [event for event in read_journal(path) if event["event"] == kind] if path.exists() else []


def await_step(run, process, *, patience, step=1):
    """Wait until the journal tells of that step, for as many seconds at most."""
    begun = time.monotonic()
    while not any(event["step"] >= step for event in events(run, "step")):
        assert time.monotonic() - begun < patience
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
