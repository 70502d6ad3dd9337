"""A checkpoint in shards is read whole or shared out again, or refused; a folder and a file take each other's place."""

import os
import pickle

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from covpool.recipes import Recipe
from covpool.training.distributed import Ranks
from covpool.training.run import DamagedCheckpoint, NotWritten, RunFolder, load_checkpoint, load_shards, save_shards
from covpool.training.run.shards import _write_sums

FILES = [".metadata", "__0_0.distcp", "rest.pt", "sums.json"]


@pytest.fixture(scope="module")
def mesh():
    """A group of one, so that tensors can be shared out."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def state_of(number, mesh):
    weight = torch.arange(12.0).view(4, 3) + number
    momentum = {"momentum": distribute_tensor(-weight, mesh, [Shard(0)])}
    return {
        "network": {"weight": distribute_tensor(weight, mesh, [Shard(0)]), "mean": torch.tensor([1.5])},
        "optimizer": {"state": {0: momentum}, "groups": [{"lr": 0.1}]},
        "step": number,
    }


@pytest.fixture
def folder(tmp_path, mesh):
    run = RunFolder(tmp_path / "run")
    run.create(Recipe(name="test"))
    for number in (1, 2):
        run.save(state_of(number, mesh), Ranks(), mesh)
    return run


def test_every_tensor_is_whole_again(folder):
    state = load_checkpoint(folder.last)
    assert (state["step"], state["optimizer"]["groups"]) == (2, [{"lr": 0.1}])
    assert torch.equal(state["network"]["weight"], torch.arange(12.0).view(4, 3) + 2)
    assert torch.equal(state["network"]["mean"], torch.tensor([1.5]))
    assert torch.equal(state["optimizer"]["state"][0]["momentum"], -torch.arange(12.0).view(4, 3) - 2)


def test_or_shared_out_where_there_are_processes_to_share_it(folder, mesh):
    state = load_checkpoint(folder.last, Ranks(), mesh)
    weight = state["network"]["weight"]
    assert isinstance(weight, DTensor)
    assert torch.equal(weight.full_tensor(), torch.arange(12.0).view(4, 3) + 2)


def test_the_former_one_is_kept_and_nothing_else(folder):
    assert load_checkpoint(folder.previous)["step"] == 1
    assert sorted(os.listdir(folder.last)) == FILES
    assert sorted(os.listdir(folder.path)) == ["last.pt", "previous.pt", "recipe.yaml"]


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_gives_way_to_the_checkpoint_before(folder, caplog, name):
    data = bytearray((folder.last / name).read_bytes())
    data[len(data) // 2] ^= 4
    (folder.last / name).write_bytes(data)
    with pytest.raises(DamagedCheckpoint, match="cannot be read as a checkpoint"):
        load_checkpoint(folder.last)
    assert folder.load()["step"] == 1
    assert "going on from the checkpoint before it" in caplog.text


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_too(folder, name):
    (folder.last / name).unlink()
    assert folder.load()["step"] == 1


class Payload:
    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize("name", [".metadata", "rest.pt"])
def test_nothing_in_it_is_executed(folder, tmp_path, name):
    place = tmp_path / "executed"
    path = folder.last / name
    if name == "rest.pt":
        torch.save(Payload(str(place)), path)
    else:
        path.write_bytes(pickle.dumps(Payload(str(place))))
    (folder.last / "sums.json").unlink()
    _write_sums(folder.last)  # whoever puts it there puts its sum there
    with pytest.raises(DamagedCheckpoint):
        load_checkpoint(folder.last)
    assert not place.exists()


def test_a_sum_names_no_file_outside(folder, tmp_path):
    (tmp_path / "other").write_bytes(b"x")
    (folder.last / "sums.json").write_text('{"rest.pt": [0, 0], ".metadata": [0, 0], "../../other": [1, 1]}')
    with pytest.raises(DamagedCheckpoint, match="is not what was written"):
        load_shards(folder.last)


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(folder, mesh):
    for number, shared in ((3, False), (4, False), (5, True), (6, False), (7, True), (8, True)):
        state = state_of(number, mesh) if shared else {"step": number}
        folder.save(state, Ranks(), mesh if shared else None)
        assert folder.last.is_dir() == shared
        assert [load_checkpoint(path)["step"] for path in (folder.last, folder.previous)] == [number, number - 1]
    assert sorted(os.listdir(folder.path)) == ["last.pt", "previous.pt", "recipe.yaml"]


def test_a_place_that_takes_nothing_is_named_and_the_former_stays(folder, mesh):
    (folder.path / "sealed").write_text("")
    with pytest.raises(NotWritten, match="Not a directory"):
        save_shards(folder.path / "sealed" / "last.pt", state_of(3, mesh), Ranks(), keep=folder.path / "sealed" / "p")
    assert load_checkpoint(folder.last)["step"] == 2
