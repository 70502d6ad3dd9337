from pathlib import Path

import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.keras_h5 import _order, read_keras_h5

FILES = Path(__file__).parent / "files"


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8 - 1


@pytest.mark.parametrize(("name", "count"), [("subclassed.h5", 9), ("whole_model.h5", 8), ("chunked.h5", 2)])
def test_weights_are_read_layer_by_layer(name, count):
    arrays = read_keras_h5(FILES / "keras" / name)
    assert len(arrays) == count
    for array in arrays.values():
        np.testing.assert_array_equal(array, ramp(*array.shape))


def test_layers_stand_in_the_order_of_the_network_not_of_the_alphabet():
    names = list(read_keras_h5(FILES / "keras" / "subclassed.h5"))
    assert [name.split("/")[0] for name in names[:7:2]] == [
        "conv2d",
        "batch_normalization",
        "batch_normalization",
        "dense",
    ]


def test_moving_averages_follow_their_own_norm():
    layer = ["conv/kernel:0", "bn_1/gamma:0", "bn_1/beta:0", "bn_2/gamma:0", "bn_2/beta:0"]
    averages = [f"bn_{i}/moving_{what}:0" for i in (1, 2) for what in ("mean", "variance")]
    assert _order([*layer, *averages]) == [*layer[:3], *averages[:2], *layer[3:], *averages[2:]]


def test_hdf5_of_something_else_is_refused():
    with pytest.raises(CorruptFile, match="without layers that Keras named"):
        read_keras_h5(FILES / "matlab" / "dagnn_v73.mat")
