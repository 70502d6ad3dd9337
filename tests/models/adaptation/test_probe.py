import pytest
import torch
from torch import nn

from covpool.models.adaptation.probe import NoLayout, find_layout, has_fixed_size, image_shape, probe_images


class Fake(nn.Module):
    """A backbone whose features are what ``shape`` says for an image."""

    def __init__(self, shape, num_features=8, **attributes):
        super().__init__()
        self.shape, self.num_features = shape, num_features
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward_features(self, x):
        return self.shape(x)


def of(backbone, size=32):
    return str(find_layout(backbone, torch.zeros(1, 3, size, size)))


def test_the_dimension_with_the_channels_tells_the_layout():
    assert of(Fake(lambda x: torch.zeros(1, 8, 2, 2))) == "NCHW"
    assert of(Fake(lambda x: torch.zeros(1, 2, 2, 8))) == "NHWC"
    assert of(Fake(lambda x: torch.zeros(1, 5, 8), num_prefix_tokens=1)) == "tokens:prefix=1"


def test_a_map_as_wide_as_it_has_channels_is_told_by_a_wider_image():
    assert of(Fake(lambda x: torch.zeros(1, 8, 8, x.shape[3] // 4))) == "NCHW"
    assert of(Fake(lambda x: torch.zeros(1, 8, x.shape[3] // 4, 8))) == "NHWC"


@pytest.mark.parametrize(("length", "layout"), [(16, "tokens"), (17, "tokens:prefix=1"), (18, "tokens:prefix=2")])
def test_unannounced_class_tokens_are_what_is_left_over_a_square(length, layout):
    assert of(Fake(lambda x: torch.zeros(1, length, 8))) == layout


def test_registers_without_a_class_token_give_no_summary():
    shape = lambda x: torch.zeros(1, 20, 8)  # noqa: E731
    assert of(Fake(shape, num_prefix_tokens=4, has_class_token=False)) == "tokens:prefix=4,summary=none"
    assert of(Fake(shape, num_prefix_tokens=4, cls_token=None)) == "tokens:prefix=4,summary=none"
    assert of(Fake(shape, num_prefix_tokens=4, cls_token=torch.zeros(1))) == "tokens:prefix=4"


def test_tokens_that_are_no_square_need_a_layout():
    with pytest.raises(NoLayout, match="cannot tell how many of the 24 tokens"):
        of(Fake(lambda x: torch.zeros(1, 24, 8)))


def test_a_list_of_an_unknown_family_is_refused_with_advice():
    with pytest.raises(NoLayout, match="returns a list, not one tensor; pass layout="):
        of(Fake(lambda x: [torch.zeros(1, 8, 2, 2)]))


@pytest.mark.parametrize("shape", [(1, 7, 2, 2), (1, 2, 7), (1, 8)])
def test_channels_that_are_nowhere_are_refused_with_the_shape(shape):
    with pytest.raises(NoLayout, match=r"shape \(1, .*its 8 channels are not found; pass layout="):
        of(Fake(lambda x: torch.zeros(shape)))


def test_a_norm_after_the_familys_own_pooling_is_found():
    backbone = Fake(lambda x: torch.zeros(1, 5, 8), num_prefix_tokens=1, fc_norm=nn.LayerNorm(8))
    assert of(backbone) == "tokens:prefix=1,norm=fc_norm"
    assert of(Fake(lambda x: torch.zeros(1, 5, 8), num_prefix_tokens=1, fc_norm=nn.Identity())) == "tokens:prefix=1"
    assert of(Fake(lambda x: torch.zeros(1, 5, 8), num_prefix_tokens=1, fc_norm=nn.LayerNorm(9))) == "tokens:prefix=1"


def test_images_are_of_the_size_the_backbone_is_made_for():
    fixed = Fake(None, pretrained_cfg={"input_size": (1, 384, 320), "fixed_input_size": True})
    assert has_fixed_size(fixed)
    assert image_shape(fixed, {}) == (1, 384, 320)
    assert image_shape(fixed, {"img_size": 96, "in_chans": 3}) == (3, 96, 96)
    assert probe_images(fixed, {"img_size": (64, 96)}).shape == (1, 1, 64, 96)


def test_flexible_backbones_are_probed_no_larger_than_128_pixels():
    backbone = Fake(lambda x: x, pretrained_cfg={"input_size": (3, 600, 600)})
    assert probe_images(backbone, {}).shape == (1, 3, 128, 128)


def test_a_probe_leaves_the_random_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    probe_images(Fake(lambda x: x), {})
    assert torch.equal(torch.rand(3), expected)
