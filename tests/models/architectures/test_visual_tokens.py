import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

from covpool.models.architectures.visual_tokens import DenseBlock, VisualTokens


def test_dense_layers_have_no_batch_norm():
    parts = [type(module) for module in DenseBlock(8).modules()]
    assert nn.BatchNorm2d not in parts


def test_a_dense_layer_sees_the_input_and_all_layers_before_it():
    block, x = DenseBlock(8).double(), torch.randn(1, 8, 3, 3, dtype=torch.float64)
    seen = x
    for layer in block.layers:
        new = conv2d(seen.relu(), layer.narrow.weight)
        seen = torch.cat([seen, conv2d(new.relu(), layer.grow.weight, padding=1)], dim=1)
    torch.testing.assert_close(block(x), seen)
    assert block.out_channels == seen.shape[1] == 8 + 6 * 16


def test_tokens_run_over_the_map_row_by_row():
    stem = VisualTokens(10).double().eval()
    x = torch.randn(1, 3, 32, 48, dtype=torch.float64)
    seen = max_pool2d(stem.stem(x), 3, 2, 1)
    for index in range(3):
        seen = getattr(stem.stages, f"dense{index}")(seen)
        transition = getattr(stem.stages, f"transition{index}")
        seen = avg_pool2d(transition.conv(transition.norm(seen)), 2)
    tokens = stem(x)
    torch.testing.assert_close(tokens[0, 4], stem.project(seen)[0, :, 1, 1])
    assert tokens.shape == (1, 2 * 3, 10)


def test_three_halvings_leave_the_last_average_out():
    tokens = VisualTokens(10, halvings=3)(torch.zeros(1, 3, 32, 32))
    assert tokens.shape == (1, 4 * 4, 10)
