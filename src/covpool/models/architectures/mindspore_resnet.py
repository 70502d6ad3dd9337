"""ResNets as MindSpore's model zoo builds them, which timm's weights fit in shape and not in value."""

from __future__ import annotations

import timm
from timm.layers import Conv2dSame, create_pool2d
from torch import nn

EPS = 1e-4
PLAIN_EPS = 1e-5  # bn1 and the shortcuts' norms of ResNet-18 and -34
PLAIN_MOMENTUM = 0.9  # of the same norms: 0.1 in MindSpore's sense, which keeps a tenth of the old average


def mindspore_resnet18(in_chans: int = 3) -> nn.Module:
    """ResNet-18 with the norms of MindSpore's release.

    Batch norms have an eps of 1e-4; the first one and those of the shortcuts have 1e-5, and their running averages
    are nine tenths the last batch. Layer 4 keeps the resolution.
    Source: ``Terror03/GCP-OPT``, src/resnet.py (its argument ``res_base``); specified against MindSpore 2.10.

    Shape: (B, in_chans, H, W) -> (B, 512, H // 16, W // 16).

    Example:
        >>> import torch
        >>> mindspore_resnet18().forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 512, 4, 4])
    """
    return _plain(timm.create_model("resnet18", num_classes=0, in_chans=in_chans))


def mindspore_resnet34(in_chans: int = 3) -> nn.Module:
    """ResNet-34 with the norms of MindSpore's release; see ``mindspore_resnet18``.

    Shape: (B, in_chans, H, W) -> (B, 512, H // 16, W // 16).
    """
    return _plain(timm.create_model("resnet34", num_classes=0, in_chans=in_chans))


def mindspore_resnet50(in_chans: int = 3) -> nn.Module:
    """ResNet-50 with the norms and the padding of MindSpore's release.

    All batch norms have an eps of 1e-4. Strided convolutions and the max-pool pad as ``pad_mode="same"`` does: just
    what is needed, the odd pixel to the right and below, so that at 224 pixels every window sits one pixel beside
    torch's. Layer 4 keeps the resolution.
    Source: ``Terror03/GCP-OPT``, src/resnet.py; specified against MindSpore 2.10.

    Shape: (B, in_chans, H, W) -> (B, 2048, ceil(H / 16), ceil(W / 16)).
    """
    network = timm.create_model("resnet50", num_classes=0, in_chans=in_chans)
    _keep_resolution(network)
    _set_norms(network, EPS)
    network.maxpool = create_pool2d("max", 3, stride=2, padding="same")
    for path, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2) and module.kernel_size != (1, 1):
            owner, _, leaf = path.rpartition(".")
            setattr(network.get_submodule(owner), leaf, _same(module))
    return network


def _plain(network: nn.Module) -> nn.Module:
    _keep_resolution(network)
    _set_norms(network, EPS)
    for path, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and (path == "bn1" or ".downsample." in path):
            module.eps, module.momentum = PLAIN_EPS, PLAIN_MOMENTUM
    return network


def _keep_resolution(network: nn.Module) -> None:
    """Stride 1 in layer 4: the release hard-codes it (resnet.py:442)."""
    for module in network.get_submodule("layer4.0").modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)


def _set_norms(network: nn.Module, eps: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps


def _same(conv: nn.Conv2d) -> Conv2dSame:
    same = Conv2dSame(conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, bias=False)
    same.weight = conv.weight  # keeps timm's initialisation
    return same
