import numpy as np
import pytest
import torch

from covpool.weights import read_arrays
from covpool.weights.files.write import write_arrays

NAMED = {"conv_f": torch.randn(3, 3, 2, 4), "conv_b": torch.randn(4, 1), "counter": torch.tensor(3)}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".ckpt", ".index", ".mat"])
def test_what_is_written_is_read_back(suffix, tmp_path):
    path = write_arrays(NAMED, tmp_path / "new" / f"weights{suffix}")
    arrays = read_arrays(path)
    assert set(arrays) == set(NAMED)
    for name, tensor in NAMED.items():
        np.testing.assert_array_equal(np.squeeze(arrays[name]), np.squeeze(tensor.numpy()))


def test_a_list_goes_into_the_cell_of_the_tensorflow_release(tmp_path):
    written = {"0": torch.randn(3, 3, 2, 4), "1": torch.randn(4), "2": torch.randn(5, 1)}
    arrays = read_arrays(write_arrays(written, tmp_path / "a.mat"))
    assert arrays.listed
    assert [array.shape for array in arrays.values()] == [(3, 3, 2, 4), (4,), (5, 1)]


def test_parts_of_one_tensor_are_written_apart(tmp_path):
    both = torch.arange(6.0).reshape(2, 3)
    arrays = read_arrays(write_arrays({"a": both[0], "b": both.T[1]}, tmp_path / "a.safetensors"))
    assert arrays["b"].tolist() == [1, 4]


def test_another_suffix_is_an_error_that_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"written to \.pth, .* files; got 'a\.onnx'"):
        write_arrays(NAMED, tmp_path / "a.onnx")
