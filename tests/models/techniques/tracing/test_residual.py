import pytest
import timm
import torch

from covpool.models.techniques.tracing import find_residuals, trace


def residuals(name, size=64):
    with torch.device("meta"):
        backbone = timm.create_model(name, num_classes=0)
        return find_residuals(trace(backbone, torch.zeros(1, 3, size, size)))


def test_each_block_of_a_resnet_is_found_with_its_shortcut():
    found = residuals("resnet18")
    assert [each.block for each in found] == [f"layer{stage}.{block}" for stage in range(1, 5) for block in range(2)]
    assert [each.block for each in found if each.projected] == ["layer2.0", "layer3.0", "layer4.0"]
    assert all("bn2" in each.branch.made_by[0] for each in found)


@pytest.mark.parametrize(
    ("name", "size", "count"),
    [
        ("test_vit", 160, 12),  # attention and MLP of each of 6 blocks
        ("test_convnext", 64, 9),
        ("vgg11_bn", 64, 0),
        ("densenet121", 64, 0),
        ("repvgg_a0", 64, 17),  # parallel convolutions are no residual, the identity beside them is
    ],
)
def test_families_have_as_many_as_they_have_blocks(name, size, count):
    assert len(residuals(name, size)) == count


def test_sums_of_branches_of_different_resolution_are_none():
    blocks = {each.block for each in residuals("hrnet_w18_small")}
    assert not any("fuse" in block for block in blocks)
    assert "stage2.0" not in blocks
    assert "stage2.0.branches.0.0" in blocks


def test_parts_of_a_split_map_are_no_shortcut():
    assert all(each.branch.made_by[0].endswith("bn3") for each in residuals("res2net50_26w_4s"))
