"""Running the command inside the test's process, and one small trained run for all verbs that need one."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from covpool.cli.main import main


class Said(NamedTuple):
    """What a command line left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def covpool(capsys, tmp_path, monkeypatch):
    """``covpool("pools", "isqrt")`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def call(*words: object) -> Said:
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run folder of one epoch on digits."""
    run = tmp_path_factory.mktemp("trained") / "run"
    words = ["train", "small/digits", "--run", str(run), "--epochs", "1", "--schedule.warmup_epochs", "0", "--quiet"]
    assert main(words) == 0
    return run
