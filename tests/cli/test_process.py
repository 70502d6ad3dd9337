"""What a signal, a closed terminal and a reader that leaves do to the process of a command line."""

import os
import signal
import subprocess
import sys

import pytest

from covpool.cli.process import Unread, hear_polite_kills
from covpool.stop_signals import Terminated

AT_IMPORT = """
import runpy, signal, sys
moment = sys.argv.pop(1)
def interrupt(event, words):
    if event == "import" and words[0] == moment:
        signal.raise_signal(signal.SIGINT)
sys.addaudithook(interrupt)
runpy.run_module("covpool", run_name="__main__")
"""


@pytest.mark.parametrize("module", ["covpool.cli.main", "covpool.registry", "covpool.recipes"])
def test_ctrl_c_while_python_imports_ends_without_a_traceback(module):
    command = [sys.executable, "-c", AT_IMPORT, module, "recipes"]
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=heard)
    assert (done.returncode, done.stdout, done.stderr.strip()) in [(130, "", ""), (130, "", "interrupted")]


def test_a_polite_kill_is_an_interruption_where_nobody_has_another_answer(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    before = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hear_polite_kills()
        signal.raise_signal(signal.SIGHUP)  # ignored, as under nohup
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGHUP, before[1])


def test_words_that_nobody_reads_end_no_work():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", buffering=1) as pipe:
        stream = Unread(pipe)
        assert stream.write("heard\n") == 6
        assert os.read(reader, 100) == b"heard\n"
        os.close(reader)
        for _ in range(2):
            assert stream.write("lost\n") == 5
            stream.flush()
        assert stream.fileno() == writer
