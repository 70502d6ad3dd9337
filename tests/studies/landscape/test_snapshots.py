"""Weights kept along a training: which steps, the very same numbers, going on after a stop."""

from dataclasses import replace

import pytest
import torch

from covpool.models import restore_network
from covpool.recipes import Choice
from covpool.studies.landscape import recipes_of, snapshots, train_with_snapshots
from covpool.training import RunFolder, assemble, train
from covpool.training.run import load_checkpoint
from studies.tiny import recipe, source


def weights(path):
    return load_checkpoint(path)["network"]


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two epochs of four steps, three points."""
    return train_with_snapshots(recipe(), tmp_path_factory.mktemp("kept") / "run", points=3, images=source())


def test_the_first_the_last_and_the_steps_between_are_kept(kept):
    assert list(snapshots(kept)) == [0, 4, 8]
    network, about = restore_network(snapshots(kept)[4])
    assert network.architecture["pool"] == "isqrt"
    assert "preprocessing" in about


def test_the_training_has_the_numbers_that_it_has_without(kept, tmp_path):
    train(recipe(), tmp_path / "plain", images=source())
    plain = weights(RunFolder(tmp_path / "plain").last)
    assert equal(weights(RunFolder(kept).last), plain)
    assert equal(weights(snapshots(kept)[8]), plain)


def test_the_first_weights_are_those_that_the_training_begins_with(kept):
    torch.manual_seed(99)  # whatever the caller's numbers are
    assert equal(weights(snapshots(kept)[0]), assemble(recipe(), images=source()).network.state_dict())


def test_a_stopped_training_goes_on_and_a_finished_one_is_taken_as_it_is(kept, tmp_path):
    def stop(event):
        if event["event"] == "checkpoint" and event["step"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_with_snapshots(recipe(), tmp_path / "run", points=3, images=source(), listen=stop)
    again = train_with_snapshots(recipe(), tmp_path / "run", points=3, images=source())
    assert list(snapshots(again)) == [0, 4, 8]
    assert all(equal(weights(snapshots(again)[step]), weights(path)) for step, path in snapshots(kept).items())
    told = []
    assert train_with_snapshots(recipe(), kept, points=3, images=source(), listen=told.append) == kept
    assert told == []
    with pytest.raises(ValueError, match="has another recipe"):
        train_with_snapshots(replace(recipe(), seed=5), kept, points=3, images=source())


def test_one_point_is_no_way(tmp_path):
    with pytest.raises(ValueError, match="at least 2 points"):
        train_with_snapshots(recipe(), tmp_path, points=1, images=source())


def test_a_recipe_takes_pools_reduced_alike():
    found = recipes_of(recipe(), [None, Choice("avg"), Choice("mpncov")], epochs=1)
    pools = [one.network.pool for one in found]
    assert pools == [recipe().network.pool, Choice("avg"), Choice("isqrt", reduce_to=6)]
    assert {one.schedule.epochs for one in found} == {1}
