import pytest
import torch

from covpool.models import skeleton
from covpool.weights import WeightsMismatch, convert
from covpool.weights.published.triangles import lower_to_upper, upper_to_lower


def official_file(prefix="module."):
    """A file of ResNet-18-3G for seven classes, without memory, in official names: those of ours, renamed by hand."""
    gate = {
        "left": ("map1", "bn1"),
        "right": ("map2", "bn2"),
        "skip": ("map21", "bn21"),
        "mix_left": ("map3", "bn3"),
        "mix_right": ("map4", "bn4"),
        "hidden": ("atmap1", "bnat1"),
    }
    plain = {"score": "atmap2", "again": "atmap3"}
    shapes = skeleton("threeg/resnet18", num_classes=7)
    file = {}
    for name, shape in shapes.items():
        parts = name.removeprefix("backbone.").removeprefix("head.pool.").split(".")
        if parts[0] == "reweight":
            number, block, rest = int(parts[2]) + 1, parts[3], parts[4:]
            inner = plain[block] if block in plain else gate[block][rest.pop(0) == "norm"]
            parts = [f"AtMp{number}", inner, *rest]
        elif parts[0] == "reduce":
            parts = ["layer_reduce" if parts[1] == "conv" else "layer_reduce_bn", parts[2]]
        elif parts[:2] == ["head", "classifier"]:
            parts = ["fc", parts[2]]
        file[prefix + ".".join(parts)] = torch.empty(shape, device="meta")
    return file


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_a_file_with_and_without_the_prefix_of_data_parallel_is_read(prefix):
    state, ledger = convert(official_file(prefix), "threeg/resnet18")
    assert ledger.options == {"num_classes": 7}
    assert set(state) == set(skeleton("threeg/resnet18", num_classes=7))


def test_a_file_older_than_the_counters_of_batches_is_read():
    file = {name: array for name, array in official_file().items() if not name.endswith("num_batches_tracked")}
    state, ledger = convert(file, "threeg/resnet18")
    assert ledger.complete
    assert state["backbone.bn1.num_batches_tracked"] == 0


def test_what_is_missing_and_what_is_too_much_is_named():
    file = official_file()
    del file["module.AtMp2.atmap3.weight"]
    file["module.AtMp4.map1.weight"] = torch.zeros(1)
    with pytest.raises(WeightsMismatch) as error:
        convert(file, "threeg/resnet18")
    assert error.value.ledger.unfilled == ["head.pool.reweight.gates.1.again.weight"]
    assert error.value.ledger.unmatched == ["module.AtMp4.map1.weight"]


def test_a_classifier_of_another_length_is_an_error_that_shows_both_shapes():
    file = official_file() | {"module.fc.weight": torch.empty(7, 100, device="meta")}
    with pytest.raises(WeightsMismatch, match=r"head\.classifier\.weight needs \(7, 32896\), got \(7, 100\)"):
        convert(file, "threeg/resnet18")


@pytest.mark.parametrize("dim", [1, 2, 3, 8])
def test_columns_of_the_lower_triangle_become_those_of_the_upper_one(dim):
    matrix = torch.arange(dim * dim).view(dim, dim)
    lower = torch.tensor([int(matrix[row, column]) for row in range(dim) for column in range(row + 1)])
    upper = torch.tensor([int(matrix[column, row]) for row in range(dim) for column in range(row, dim)])
    assert torch.equal(lower_to_upper(lower), upper)
    assert torch.equal(upper_to_lower(upper), lower)


def test_a_length_that_no_triangle_has_is_left_alone():
    assert torch.equal(lower_to_upper(torch.arange(4)), torch.arange(4))
    assert lower_to_upper(torch.tensor(3)) == 3
