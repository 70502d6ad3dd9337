import torch
from timm.layers import SelectiveKernel as TimmSelectiveKernel
from timm.layers import SEModule

from covpool.models.architectures.assembled.attention import SelectiveKernel, SqueezeExcitation


def test_equal_halves_come_back_and_the_weights_of_two_sum_to_one():
    half = torch.rand(2, 40, 3, 3)
    gate = SelectiveKernel(40).eval()
    torch.testing.assert_close(gate(torch.cat([half, half], 1)), half)
    assert gate.squeeze.out_channels == 32
    assert SelectiveKernel(80).squeeze.out_channels == 40


def test_a_selective_kernel_is_that_of_timm_with_two_equal_kernels():
    torch.manual_seed(0)
    timm = TimmSelectiveKernel(8, 64, kernel_size=[3, 3], rd_channels=32, split_input=False).double().eval()
    ours = SelectiveKernel(64).double().eval()
    ours.squeeze.weight.data = timm.attn.fc_reduce.weight.data
    ours.excite.weight.data = timm.attn.fc_select.weight.data
    x = torch.rand(2, 8, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(torch.cat([path(x) for path in timm.paths], 1)), timm(x))


def test_squeeze_and_excitation_is_that_of_timm_without_biases():
    torch.manual_seed(0)
    timm, ours = SEModule(64, rd_channels=4, bias=False), SqueezeExcitation(64)
    ours.squeeze.weight.data, ours.excite.weight.data = timm.fc1.weight.data, timm.fc2.weight.data
    x = torch.rand(2, 64, 3, 3)
    torch.testing.assert_close(ours(x), timm(x))
