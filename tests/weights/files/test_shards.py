"""A checkpoint in shards is a file of weights like any other, for one process that knows of no training."""

import pickle

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from covpool.evaluation.fingerprint import fingerprint
from covpool.formats.corrupt import CorruptFile
from covpool.models import create_network, restore_network
from covpool.models.restore import FORMAT, is_stored
from covpool.training.distributed import Ranks
from covpool.training.run import save_shards
from covpool.weights import read_arrays, read_torch
from covpool.weights.files import is_sharded


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A network, and the checkpoint that a group of one writes of it."""
    folder, network = tmp_path_factory.mktemp("shards"), create_network("conv4", "avg", 3)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    mesh = init_device_mesh("cpu", (1,))
    shared = {name: distribute_tensor(p.detach(), mesh, [Shard(0)]) for name, p in network.named_parameters()}
    state = {
        "format": FORMAT,
        "architecture": network.architecture,
        "network": network.state_dict() | shared,
        "ema": None,
        "about": {"classes": ["a", "b", "c"]},
        "optimizer": {"state": {0: {"momentum": next(iter(shared.values()))}}},
    }
    save_shards(folder / "last.pt", state, Ranks(), keep=folder / "previous.pt")
    dist.destroy_process_group()
    return network, folder / "last.pt"


def test_a_network_is_restored_from_it(written):
    network, path = written
    restored, about = restore_network(path)
    assert about["classes"] == ["a", "b", "c"]
    for name, value in network.state_dict().items():
        assert torch.equal(restored.state_dict()[name], value)


def test_it_is_told_by_what_it_holds(written, tmp_path):
    network, path = written
    assert is_sharded(path)
    assert is_stored(path)
    assert not is_sharded(tmp_path)
    assert set(read_arrays(path)) == set(network.state_dict())


def test_what_the_optimizer_keeps_stays_on_the_disk(written):
    assert "optimizer" not in read_torch(written[1])


def copied(path, place):
    place.mkdir()
    for file in path.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


def test_its_mark_is_that_of_all_its_files(written, tmp_path):
    path = copied(written[1], tmp_path / "last.pt")
    before = fingerprint(path)
    assert before == fingerprint(written[1])
    (path / "rest.pt").write_bytes((path / "rest.pt").read_bytes() + b"x")
    assert fingerprint(path) != before


@pytest.mark.parametrize("name", ["rest.pt", ".metadata", "__0_0.distcp"])
def test_a_damaged_one_is_refused_with_the_way_out(written, tmp_path, name):
    path = copied(written[1], tmp_path / "last.pt")
    (path / name).write_bytes(pickle.dumps({"another": "content"}))
    with pytest.raises(CorruptFile, match=rf"{name} in it is not what was written; take the checkpoint before it"):
        restore_network(path)
