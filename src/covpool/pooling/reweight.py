"""Slot 2, reweight: positions or channels of the map gain or lose weight before the statistic."""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn

from covpool.functional.drop import adaptive_drop_rate, drop_mask, need_channels
from covpool.functional.precision import as_parameters


class PositionGate(nn.Module):
    r"""One learned weight in (0, 1) for each position, from a quadratic form of the running descriptors.

    .. math:: q = \mathrm{ReLU}(L x \odot R x + S z),\quad r = \mathrm{ReLU}(A q)\odot\mathrm{ReLU}(B q),\quad
              g = \sigma\big((1+w)\,s^\top \mathrm{ReLU}(H r)\big)

    L, R, S, A, B and H are 1x1 convolutions with batch normalisation, x are the running descriptors and z the
    original ones. Source: Wang et al. CVPR 2019 (3G-Net), by its released code (block ``AtMp``).

    Shape: x, z (B, C, H, W) -> (B, 1, H, W).

    Args:
        dim: channels C.
        reduction: H has C / reduction channels (at least 1); 4 as released.
    """

    def __init__(self, dim: int, *, reduction: int = 4) -> None:
        super().__init__()
        if reduction < 1:
            raise ValueError(f"a position gate needs a reduction of at least 1; got {reduction}. The released one is 4")
        hidden = max(dim // reduction, 1)
        self.left = _projection(dim, dim)
        self.right = _projection(dim, dim)
        self.skip = _projection(dim, dim)
        self.mix_left = _projection(dim, dim)
        self.mix_right = _projection(dim, dim)
        self.hidden = _projection(dim, hidden)
        self.score = nn.Conv2d(hidden, 1, kernel_size=1, bias=False)
        self.again = nn.Conv2d(1, 1, kernel_size=1, bias=False)
        for module in (self.score, self.again):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c h w"], z: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        q = (self.left(x) * self.right(x) + self.skip(z)).relu()
        r = self.mix_left(q).relu() * self.mix_right(q).relu()
        score = self.score(self.hidden(r).relu())
        return (score + self.again(score)).sigmoid()


class PositionGates(nn.Module):
    """A chain of position gates: each sees the descriptors as weighted so far, and the original ones.

    Shape: (B, C, H, W) -> the same.

    Args:
        dim: channels C.
        count: gates; 3 as in 3G-Net.
        reduction: of each gate; 4 as released.
    """

    def __init__(self, dim: int, *, count: int = 3, reduction: int = 4) -> None:
        super().__init__()
        if count < 1:
            raise ValueError(f"the chain needs at least 1 gate; got {count}. 3G-Net has 3")
        self.gates = nn.ModuleList(PositionGate(dim, reduction=reduction) for _ in range(count))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        weighted = original = as_parameters(self, x)
        for gate in self.gates:
            weighted = weighted * gate(weighted, original)
        return weighted.to(x.dtype)


class AdaptiveChannelDrop(nn.Module):
    r"""In training, drop whole channels at the rate that their importance and correlation set; see
    ``covpool.functional.adaptive_drop_rate``.

    .. math:: w = \mathrm{softmax}(k * \mathrm{mean}(X)),\quad X \leftarrow (1 + w)\,X \odot m/(1-p)

    where k is a learned filter along the channels and m keeps each channel of each image with probability 1 - p. In
    evaluation the map passes unchanged. Source: Wang et al. NeurIPS 2022 (DropCov), by its released code.

    Shape: (B, C, H, W) -> the same.

    Args:
        dim: channels C, at least 2.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        need_channels(dim)
        self.filter = nn.Conv1d(1, 1, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if not self.training:
            return x
        importance = self.importance(x)
        x = x * (1 + importance[:, :, None, None])
        rate = adaptive_drop_rate(x.flatten(2), importance)
        return x * drop_mask((*x.shape[:2], 1, 1), rate, x)

    def importance(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c"]:
        """Weights of the channels of each image, which sum to 1."""
        mean = as_parameters(self, x.mean((2, 3)).unsqueeze(1))
        return self.filter(mean).squeeze(1).to(x.dtype).softmax(-1)


def _projection(dim: int, out: int) -> nn.Sequential:
    conv = nn.Conv2d(dim, out, kernel_size=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(out)))
