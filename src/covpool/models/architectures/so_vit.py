"""The transformers released with DropCov: dense convolutional stem, class token, fixed positions, pre-norm blocks."""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import trunc_normal_
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from covpool.models.architectures.visual_tokens import VisualTokens

# From this size on the stem halves the map four times; 112 and 224 pixels give 196 tokens both.
FOUR_HALVINGS = 224


class SoViT(nn.Module):
    """Images -> class token and tokens, for a head that reads both.

    Tokens come from ``VisualTokens``; the class token is put in front, sinusoids of the position are added, blocks of
    attention and MLP follow, each behind a layer norm, and a last layer norm.

    Source: Xie et al. 2021 (So-ViT), by the code released with DropCov (Wang et al. NeurIPS 2022). The blocks are
    timm's, which compute the same: queries, keys and values without bias, layer norm eps 1e-5.

    Shape: (B, in_chans, img_size, img_size) -> (B, 1 + N, embed_dim), the class token first.

    Args:
        embed_dim, depth, num_heads, mlp_ratio: those of the four released networks are in ``deit_drop_tiny`` and the
            functions after it.
        img_size: of the images, which are square; positions are fixed to it. The release has 224 and 112 (the last
            halving of the stem is left out); others follow the nearer of the two.
        in_chans: of the images.
        drop_rate: dropout after the positions and in the blocks, 0 as released.
        drop_path_rate: rate at which the last block is skipped in training; it grows linearly from 0 at the first.
            0.1 as in the release's scripts, which is not the default here: recipes set it.

    Raises:
        ValueError: an image size that the stem does not divide; (forward) images of another size.
    """

    num_prefix_tokens = 1
    has_class_token = True

    def __init__(
        self,
        embed_dim: int,
        depth: int,
        num_heads: int,
        mlp_ratio: float,
        *,
        img_size: int = 224,
        in_chans: int = 3,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        halvings = 4 if img_size >= FOUR_HALVINGS else 3
        side = _tokens_a_side(img_size, 2**halvings)
        self.img_size, self.num_classes = img_size, 0
        self.num_features = self.embed_dim = self.head_hidden_size = embed_dim
        self.visual_tokens = VisualTokens(embed_dim, in_chans=in_chans, halvings=halvings)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(sinusoids(side * side + 1, embed_dim).unsqueeze(0), requires_grad=False)
        self.pos_drop = nn.Dropout(drop_rate)
        rates = [drop_path_rate * index / max(depth - 1, 1) for index in range(depth)]
        self.blocks = nn.ModuleList(_block(embed_dim, num_heads, mlp_ratio, drop_rate, rate) for rate in rates)
        self.norm = nn.LayerNorm(embed_dim)
        self.grad_checkpointing = False
        self.pretrained_cfg = self.default_cfg = _config(img_size, in_chans)
        _initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """Images -> (B, 1 + N, embed_dim)."""
        if x.shape[-2:] != (self.img_size, self.img_size):
            raise ValueError(
                f"the positions of this backbone are made for images of {self.img_size}x{self.img_size}; got "
                f"{x.shape[-2]}x{x.shape[-1]}. Build it with backbone_options={{'img_size': ...}} or resize the images"
            )
        tokens = self.visual_tokens(x)
        x = torch.cat([self.cls_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        x = self.pos_drop(x + self.pos_embed)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.grad_checkpointing and self.training else block(x)
        return self.norm(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_features(x)

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers for layer-wise learning rates: the stem, then the blocks; the last norm goes with the last block."""
        last = (99999,)  # timm's MATCH_PREV_GROUP
        return {
            "stem": r"^cls_token|^pos_embed|^visual_tokens",
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm", last)],
        }

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute the activations of each block again in the backward pass instead of storing them."""
        self.grad_checkpointing = enable


def deit_drop_tiny(**options: Any) -> SoViT:
    """``Deit_drop_Tiny``: 12 blocks of 240 numbers and 4 heads; ``options`` are those of ``SoViT``.

    Example:
        >>> with torch.device("meta"):
        ...     deit_drop_tiny().forward_features(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 197, 240])
    """
    return SoViT(240, 12, 4, 2.5, **options)


def deit_drop_small(**options: Any) -> SoViT:
    """``Deit_drop_Small``: 12 blocks of 384 numbers and 6 heads; ``options`` are those of ``SoViT``."""
    return SoViT(384, 12, 6, 4.0, **options)


def deit_drop_base(**options: Any) -> SoViT:
    """``Deit_drop_Base``: 12 blocks of 768 numbers and 12 heads; ``options`` are those of ``SoViT``."""
    return SoViT(768, 12, 12, 4.0, **options)


def t2t_drop_14(**options: Any) -> SoViT:
    """``T2T_ViT_14`` of the release: 14 blocks of 384 numbers and 6 heads; ``options`` are those of ``SoViT``.

    The name is the release's. Its stem is that of the others, not the tokens-to-token module of T2T-ViT.
    """
    return SoViT(384, 14, 6, 3.0, **options)


def sinusoids(positions: int, width: int) -> Tensor:
    r"""Fixed code of a position: sine in the even columns, cosine in the odd ones.

    .. math:: P_{t,2j} = \sin(t / 10000^{2j/C}), \quad P_{t,2j+1} = \cos(t / 10000^{2j/C})

    Source: Vaswani et al. NeurIPS 2017, section 3.5. Shape: -> (positions, width). Dtype: computed in float64,
    returned as torch's default.

    Example:
        >>> sinusoids(2, 2)
        tensor([[0.0000, 1.0000],
                [0.8415, 0.5403]])
    """
    column = torch.arange(width)
    rate = 10000.0 ** (-2 * (column // 2).double() / width)
    angle = torch.arange(positions).double().unsqueeze(1) * rate
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).to(torch.get_default_dtype())


def _block(width: int, heads: int, mlp_ratio: float, drop: float, drop_path: float) -> nn.Module:
    return Block(width, heads, mlp_ratio, qkv_bias=False, proj_drop=drop, drop_path=drop_path, norm_layer=nn.LayerNorm)


def _tokens_a_side(img_size: int, stride: int) -> int:
    if img_size < 2 * stride or img_size % stride:
        raise ValueError(
            f"img_size needs to be a multiple of {stride}, at least {2 * stride}, so that the stem divides it; "
            f"got {img_size}. The released networks take 224 or 112"
        )
    return img_size // stride


def _initialize(network: SoViT) -> None:
    """As released: linear layers and the class token truncated normal of 0.02; convolutions as torch makes them."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    trunc_normal_(network.cls_token, std=0.02)


def _config(img_size: int, in_chans: int) -> dict[str, Any]:
    return {
        "architecture": "so_vit",
        "input_size": (in_chans, img_size, img_size),
        "fixed_input_size": True,
        "mean": (0.485, 0.456, 0.406),  # of ImageNet, as in the release's validation
        "std": (0.229, 0.224, 0.225),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "num_classes": 0,
        "first_conv": "visual_tokens.stem",
        "classifier": None,
    }
