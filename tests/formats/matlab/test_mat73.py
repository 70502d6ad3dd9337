from pathlib import Path

import numpy as np

from covpool.formats.matlab import Cell, Numbers, Struct, Text, read_mat73

FILE = Path(__file__).parents[1] / "files" / "matlab" / "dagnn_v73.mat"  # the README there says how it was written


def test_structs_cells_texts_and_empty_values_are_what_they_were():
    net = read_mat73(FILE)["net"]
    assert isinstance(net, Struct)
    assert list(net.fields) == ["vars", "params", "layers", "meta"]
    layers = net.one("layers")
    assert layers.one("name") == Text("conv1")
    assert isinstance(layers.one("outputs"), Cell)
    assert layers.one("outputs").items == [Text("x"), Text("y")]
    assert layers.one("block").one("opts").load().shape == (0, 0)
    assert net.one("vars").one("precious").load().dtype == bool
    image = net.one("meta").one("normalization").one("averageImage")
    assert image.load().tolist() == [[1, 2, 3]]


def test_a_struct_array_follows_its_references_and_shapes_are_matlabs():
    params = read_mat73(FILE)["net"].one("params")
    assert params.shape == (1, 6)
    names = [name.text for name in params.fields["name"]]
    filters = params.fields["value"][names.index("conv1_f")]
    assert isinstance(filters, Numbers)
    assert filters.shape == (3, 3, 3, 4)
    np.testing.assert_array_equal(filters.load(), np.arange(108, dtype=np.float32).reshape(3, 3, 3, 4) / 8 - 1)
