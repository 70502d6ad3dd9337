import math

import pytest
import torch

from covpool.models.architectures.so_vit import (
    SoViT,
    deit_drop_base,
    deit_drop_small,
    deit_drop_tiny,
    sinusoids,
    t2t_drop_14,
)


def small(**options):
    torch.manual_seed(0)
    return SoViT(24, 2, 2, 2.0, img_size=32, **options)


@pytest.mark.parametrize(
    ("build", "width", "depth"),
    [(deit_drop_tiny, 240, 12), (deit_drop_small, 384, 12), (deit_drop_base, 768, 12), (t2t_drop_14, 384, 14)],
)
@pytest.mark.parametrize("img_size", [224, 112])
def test_both_released_image_sizes_give_a_class_token_and_196_others(build, width, depth, img_size):
    with torch.device("meta"):
        backbone = build(img_size=img_size)
        tokens = backbone.forward_features(torch.zeros(2, 3, img_size, img_size))
    assert tokens.shape == (2, 197, width)
    assert (len(backbone.blocks), backbone.num_features) == (depth, width)


def test_positions_are_the_sines_and_cosines_of_the_paper():
    width, found = 6, sinusoids(5, 6)
    for position in range(5):
        for column in range(width):
            angle = position / 10000 ** (2 * (column // 2) / width)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert found[position, column].item() == pytest.approx(expected, abs=1e-6)


def test_positions_are_stored_and_not_trained():
    backbone = small()
    assert not backbone.pos_embed.requires_grad
    torch.testing.assert_close(backbone.state_dict()["pos_embed"], sinusoids(17, 24)[None])


def test_every_trained_parameter_gets_a_gradient():
    backbone = small().train()
    backbone.forward_features(torch.randn(2, 3, 32, 32)).square().mean().backward()
    assert [name for name, p in backbone.named_parameters() if p.requires_grad and p.grad is None] == []


def test_the_share_of_skipped_blocks_grows_linearly_to_the_last():
    backbone = SoViT(24, 5, 2, 2.0, img_size=32, drop_path_rate=0.2)
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in backbone.blocks]
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2])


def test_checkpointing_changes_neither_features_nor_gradients():
    backbone, x = small().train(), torch.randn(2, 3, 32, 32)
    gradients = []
    for enable in (False, True):
        backbone.set_grad_checkpointing(enable)
        backbone.zero_grad()
        backbone.forward_features(x).square().sum().backward()
        gradients.append(backbone.cls_token.grad.clone())
    torch.testing.assert_close(*gradients)


def test_images_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(ValueError, match="32x32; got 48x48"):
        small().forward_features(torch.zeros(1, 3, 48, 48))


def test_an_image_size_that_the_stem_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 16"):
        SoViT(24, 1, 2, 2.0, img_size=230)
