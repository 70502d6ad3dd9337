import torch

from covpool.models.architectures.assembled.bottleneck import Bottleneck, Tweaks, chain
from covpool.models.architectures.assembled.drop_block import DropBlock
from covpool.models.architectures.assembled.shortcut import plain


def drops(block):
    return [name for name, module in block.named_modules() if isinstance(module, DropBlock)]


def test_drop_block_has_four_places_and_three_without_a_projection():
    tweaks = Tweaks(drop_scale=0.25)
    assert drops(Bottleneck(8, 2, tweaks=tweaks, shortcut=plain)) == [
        "shortcut_drop",
        "act1.drop",
        "act2.drop",
        "drop3",
    ]
    assert len(drops(Bottleneck(8, 2, tweaks=tweaks))) == 3
    assert not drops(Bottleneck(8, 2, tweaks=Tweaks()))


def test_drop_block_comes_before_the_relu_and_after_a_selective_kernel():
    plainly = Bottleneck(8, 2, tweaks=Tweaks(drop_scale=1.0)).act2
    selected = Bottleneck(8, 2, tweaks=Tweaks(drop_scale=1.0, sk=True)).act2
    assert [name for name, _ in plainly.named_children()] == ["drop", "relu"]
    assert [name for name, _ in selected.named_children()] == ["relu", "sk", "drop"]


def test_a_blur_takes_the_stride_and_is_missing_where_there_is_none():
    block = Bottleneck(8, 2, 2, tweaks=Tweaks(blur=3), shortcut=plain)
    assert block.conv2.stride == (1, 1)
    assert block.blur.stride == 2
    assert isinstance(Bottleneck(8, 2, 1, tweaks=Tweaks(blur=3)).blur, torch.nn.Identity)


def test_only_the_first_block_projects_and_the_last_relu_can_be_left_out():
    blocks = chain(8, 2, 3, 2, tweaks=Tweaks(), shortcut=plain, last_relu=False)
    assert [hasattr(block.shortcut, "conv") for block in blocks] == [True, False, False]
    assert [isinstance(block.act3, torch.nn.ReLU) for block in blocks] == [True, True, False]
    alone = chain(8, 2, 1, 2, tweaks=Tweaks(), shortcut=plain, last_relu=False)
    assert isinstance(alone[0].act3, torch.nn.ReLU)
    assert blocks(torch.rand(2, 8, 6, 6)).shape == (2, 8, 3, 3)
