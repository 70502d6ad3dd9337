"""A session's state is plain data, and another session goes on from it."""

from dataclasses import replace

import pytest
import torch

from covpool.data import ImageSource
from covpool.training.assemble import assemble
from covpool.training.loop.session import Session
from covpool.training.opening import open_fabric
from covpool.training.run import isolated_generators, load_checkpoint, save_checkpoint


@pytest.fixture(autouse=True)
def _leave_generators_alone():
    with isolated_generators():
        yield


def session_of(recipe, pictures):
    return Session(assemble(recipe, images=pictures), open_fabric(recipe, "cpu"))


def test_a_state_goes_through_a_file_into_another_session(recipe, pictures, tmp_path):
    one = session_of(recipe, pictures)
    one.progress.step, one.progress.history = 5, [{"epoch": 0, "eval_top1": 0.25}]
    one.average.update(one.network)
    save_checkpoint(tmp_path / "last.pt", one.state())
    other = session_of(replace(recipe, seed=9), pictures)
    other.restore(load_checkpoint(tmp_path / "last.pt"))
    assert other.progress.history == [{"epoch": 0, "eval_top1": 0.25}]
    assert (other.progress.step, other.average.updates) == (5, 1)
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name])


def test_other_pictures_are_refused(recipe, pictures):
    state = session_of(recipe, pictures).state()
    fewer = replace_train(pictures, range(20))
    with pytest.raises(ValueError, match=r"needs its own pictures, 3 classes and 4 steps .* got 3 classes and 2"):
        session_of(recipe, fewer).restore(state)


def replace_train(pictures, indices):
    train = pictures.train.subset(list(indices))
    return ImageSource("fewer", train, pictures.val, None, pictures.classes, "")


def test_the_averaged_network_is_judged_where_there_is_one(recipe, pictures):
    averaged = session_of(recipe, pictures)
    assert averaged.judged_network is averaged.average.network
    plain = session_of(replace(recipe, ema=None), pictures)
    assert plain.judged_network is plain.network


def test_channels_last_reaches_the_weights(recipe, pictures):
    session = session_of(replace(recipe, channels_last=True), pictures)
    kernel = next(p for p in session.network.parameters() if p.ndim == 4 and p.shape[-1] > 1)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
