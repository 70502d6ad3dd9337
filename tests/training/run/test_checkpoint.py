"""Files are whole or absent, and hold nothing that could be executed."""

import pickle

import pytest
import torch

from covpool.training.run.checkpoint import DamagedCheckpoint, load_checkpoint, save_checkpoint


class Unpicklable:
    def __reduce__(self):
        raise KeyboardInterrupt


def test_plain_data_comes_back(tmp_path):
    state = {"weights": {"a": torch.arange(3.0)}, "numbers": [1, 2.5, None, "text", True], "epoch": 3}
    save_checkpoint(tmp_path / "last.pt", state)
    loaded = load_checkpoint(tmp_path / "last.pt")
    assert torch.equal(loaded["weights"]["a"], torch.arange(3.0))
    assert loaded["numbers"] == state["numbers"]
    assert loaded["format"] == "covpool-checkpoint/1"


def test_an_interruption_while_saving_leaves_the_former_file_and_no_scraps(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"epoch": 1})
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"tensor": torch.zeros(1000), "then": Unpicklable()})
    assert load_checkpoint(path)["epoch"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_a_cut_file_is_refused_by_name(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"tensor": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match=r"last.pt cannot be read as a checkpoint"):
        load_checkpoint(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other.pt needs the format 'covpool-checkpoint/1'; got None"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"format": "covpool-checkpoint/1", "x": pytest.approx(1)}, path, pickle_module=pickle)
    with pytest.raises(ValueError, match=r"evil.pt cannot be read"):
        load_checkpoint(path)


def test_any_flipped_bit_is_noticed_though_torch_would_take_it_for_weights(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"tensor": torch.randn(1000), "epoch": 1})
    whole = path.read_bytes()
    sound, noticed = load_checkpoint(path)["tensor"], 0
    for place in range(0, len(whole), 97):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            assert torch.equal(load_checkpoint(path)["tensor"], sound)  # padding between the records
        except DamagedCheckpoint:
            noticed += 1
    assert noticed > 4000 / 97
