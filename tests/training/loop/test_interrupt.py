"""One signal asks, a second Ctrl-C breaks, and afterwards all is as before."""

import signal
import threading

import pytest

from covpool.stop_signals import Terminated
from covpool.training.loop.interrupt import Interrupted, StopSwitch

SIGNALS = [
    (signal.SIGINT, "asked", KeyboardInterrupt),
    (signal.SIGTERM, "terminated", Terminated),
    (signal.SIGHUP, "terminated", Terminated),
]


@pytest.fixture
def heard(number):
    """Under nohup the end of the terminal is ignored, and the tests may be run so."""
    before = signal.signal(number, signal.default_int_handler)
    yield
    signal.signal(number, before)


@pytest.mark.parametrize(("number", "reason", "kind"), SIGNALS)
def test_the_first_signal_asks_and_ctrl_c_after_it_breaks(heard, number, reason, kind):
    before = signal.getsignal(number)
    with StopSwitch() as stop:
        stop.obey()
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(Interrupted) as caught:
            stop.obey()
        assert caught.value.reason == reason
        with pytest.raises(KeyboardInterrupt) as broken:
            signal.raise_signal(signal.SIGINT)
        assert broken.type is kind
    assert signal.getsignal(number) is before


def test_polite_kills_may_come_again():
    with StopSwitch() as stop:
        for number in (signal.SIGTERM, signal.SIGTERM):
            signal.raise_signal(number)
        assert (stop.requested, stop.reason) == (True, "terminated")


def test_a_process_that_outlives_its_terminal_on_purpose_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSwitch() as stop:
            signal.raise_signal(signal.SIGHUP)
        assert not stop.requested
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_only_a_request_counts():
    seen = []

    def work():
        with StopSwitch() as stop:
            stop.request()
            seen.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_the_time_is_over_only_after_some_work():
    switch = StopSwitch(time_limit=0.0)
    switch.obey()
    switch.worked = True
    with pytest.raises(Interrupted) as caught:
        switch.obey()
    assert caught.value.reason == "time-limit"
    long = StopSwitch(time_limit=1e6)
    long.worked = True
    long.obey()
