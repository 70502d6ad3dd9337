"""The switch is turned for a while, for the library, for children, and never against the user's word."""

import os
import subprocess
import sys

import huggingface_hub.constants as hub
import pytest

from covpool.network_access import SWITCH, is_offline, offline, online


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)


def test_the_switch_is_turned_for_the_block_and_its_children():
    asked = "import huggingface_hub.constants as hub; print(hub.HF_HUB_OFFLINE)"
    with offline():
        assert is_offline()
        assert hub.HF_HUB_OFFLINE
        assert subprocess.check_output([sys.executable, "-c", asked], text=True).strip() == "True"
    assert not is_offline()
    assert SWITCH not in os.environ


def test_nothing_is_turned_where_it_is_not_wanted():
    with offline(False):
        assert not is_offline()


def test_a_source_that_names_a_server_is_asked():
    with offline():
        with online():
            assert not is_offline()
            assert SWITCH not in os.environ
        assert is_offline()


@pytest.mark.parametrize(("word", "forbidden"), [("1", True), ("0", False)])
def test_the_word_of_the_user_stands(monkeypatch, word, forbidden):
    monkeypatch.setenv(SWITCH, word)
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", forbidden)
    with offline():
        assert is_offline() == forbidden
        with online():
            assert is_offline() == forbidden
    assert os.environ[SWITCH] == word
