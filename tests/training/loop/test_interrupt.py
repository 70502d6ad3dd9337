"""One signal asks, the second one breaks, and afterwards all is as before."""

import signal
import threading

import pytest

from covpool.training.loop.interrupt import Interrupted, StopSwitch


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "asked"), (signal.SIGTERM, "terminated")])
def test_the_first_signal_asks_and_the_second_breaks(number, reason):
    before = signal.getsignal(number)
    with StopSwitch() as stop:
        stop.obey()
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(Interrupted) as caught:
            stop.obey()
        assert caught.value.reason == reason
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


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
