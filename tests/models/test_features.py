import pytest
import torch
from torch import nn

from covpool.models import Layout
from covpool.models.features import read_features


def raw(*shape):
    return torch.arange(float(torch.tensor(shape).prod())).reshape(shape)


def test_channels_first_maps_stay_as_they_are():
    output = raw(2, 3, 4, 5)
    assert torch.equal(Layout(kind="NCHW")(output).map, output)
    assert Layout(kind="NCHW")(output).summary is None


def test_channels_last_maps_are_turned():
    output = raw(2, 4, 5, 3)
    features = Layout(kind="NHWC")(output)
    assert features.map.shape == (2, 3, 4, 5)
    assert features.map[1, 2, 3, 4] == output[1, 3, 4, 2]


def test_tokens_become_a_map_one_position_wide_without_their_prefix():
    output = raw(2, 7, 3)
    features = Layout(kind="tokens", prefix=2)(output)
    assert features.map.shape == (2, 3, 5, 1)
    assert features.map[1, 2, 4, 0] == output[1, 6, 2]
    assert torch.equal(features.summary, output[:, 0])


def test_registers_alone_are_no_summary():
    features = Layout.parse("tokens:prefix=2,summary=none")(raw(2, 7, 3))
    assert features.summary is None
    assert features.map.shape == (2, 3, 5, 1)


def test_sequences_of_channels_become_a_map_one_position_wide():
    output = raw(2, 3, 5)
    assert torch.equal(Layout(kind="NCL")(output).map[..., 0], output)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc_norm = nn.LayerNorm(3)

    def forward_features(self, x):
        return [x[:, :1], x]


def test_a_branch_is_picked_and_every_position_normalised():
    backbone = Branches()
    x = raw(2, 4, 3)
    layout = Layout.parse("tokens:prefix=1,branch=-1,norm=fc_norm")
    centred = x[:, 1:] - x[:, 1:].mean(-1, keepdim=True)
    expected = centred / (x[:, 1:].var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    assert torch.allclose(read_features(backbone, layout, x).map[..., 0], expected.transpose(1, 2), atol=1e-6)


@pytest.mark.parametrize(
    "text", ["NCHW", "NHWC", "NCL:branch=-1", "tokens:prefix=5", "tokens:prefix=4,norm=fc_norm,summary=none"]
)
def test_a_layout_is_read_back_from_its_text(text):
    assert str(Layout.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("NHCW", "unknown layout 'NHCW'"),
        ("tokens:prefixes=1", "unknown option of a layout 'prefixes'; did you mean 'prefix'"),
        ("tokens:prefix=one", "prefix must be a whole number, not 'one'"),
        ("NCHW:prefix=1", "only tokens have one"),
    ],
)
def test_a_wrong_layout_says_what_is_wrong(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        Layout.parse(text)
