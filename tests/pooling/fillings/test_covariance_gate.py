import pytest
import torch

from covpool import functional
from covpool.pooling.fillings.covariance_gate import CovarianceGate


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_each_channel_is_multiplied_by_one_number_in_zero_one():
    gate, x = CovarianceGate(6, squeeze=4).double().eval(), draw(2, 6, 3, 5)
    share = gate(x) / x
    assert ((share > 0) & (share < 1)).all()
    torch.testing.assert_close(share, share[:, :, :1, :1].expand_as(share))


def test_it_equals_a_naive_reading_of_the_rows():
    gate, x = CovarianceGate(6, squeeze=4, filters=2).double().eval(), draw(2, 6, 3, 5)
    a = functional.covariance(gate.squeeze(x).flatten(2))
    scale = (gate.norm.running_var + gate.norm.eps).rsqrt()
    read = []
    for row in range(4):
        for f in range(2):
            k = 2 * row + f
            read.append((a[:, row] * scale[row]) @ gate.rows.weight[k, 0, 0] + gate.rows.bias[k])
    weights = torch.stack(read, 1) @ gate.expand.weight[:, :, 0, 0].T + gate.expand.bias
    torch.testing.assert_close(gate(x), x * weights.sigmoid()[:, :, None, None])


def test_it_serves_as_a_block_of_a_network_and_trains_on_a_single_image():
    block = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), CovarianceGate(8), torch.nn.ReLU())
    block(torch.randn(1, 3, 6, 6)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())


def test_a_bfloat16_network_keeps_its_dtype():
    gate = CovarianceGate(8).to(torch.bfloat16).eval()
    assert gate(torch.randn(2, 8, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_sizes_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 1; got 0 and 4"):
        CovarianceGate(8, squeeze=0)
