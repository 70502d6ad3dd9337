"""The transformers released with DropCov (Wang et al. NeurIPS 2022); the ResNets of that release are in ``gcp_opt``."""

from __future__ import annotations

from collections.abc import Mapping

from covpool.models.named import Named
from covpool.models.published.card import Published, PublishedFile

_SOURCE = "Wang et al. NeurIPS 2022 (DropCov), https://github.com/mingzeG/DropCov"
_PREPROCESSING = {  # what timm 0.4.12 resolves for the release's validation, which names none of it
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "crop_pct": 0.875,
    "interpolation": "bicubic",
}
_COUNTED = (
    "Parameters include the fixed positions (197 times the width), which are stored and not trained, and a third "
    "projection of the pool, which nothing reads. Multiply-adds include those of attention, which the release's do not."
)
_UNPUBLISHED = "No weights and no error are published."


def _network(backbone: str, heads: int, head_dim: int) -> Named:
    """The head of all four: cross-covariance as released, logits of the class token and of the vector added."""
    return Named(
        backbone=backbone,
        pool="crosscov",
        reduce_to=None,
        pool_options={"heads": heads, "head_dim": head_dim, "center": "head", "normalize": "none", "spare": True},
        summary="sum",
        layout="tokens:prefix=1",
        pruned=(),
    )


def _card(
    network: Named, parameters: int, flops: int, top1_error: float | None = None, drive: str | None = None
) -> Published:
    return Published(
        network=network,
        source=_SOURCE,
        parameters=parameters,
        flops=flops,
        top1_error=top1_error,
        preprocessing=_PREPROCESSING,
        files=() if drive is None else (PublishedFile(name=f"Google Drive {drive}", dialect="pytorch-vit"),),
        notes=_COUNTED if top1_error is not None else f"{_COUNTED} {_UNPUBLISHED}",
    )


NETWORKS: Mapping[str, Published] = {
    "gcp_opt/deit-drop-tiny": _card(_network("deit_drop_tiny", 6, 14), 8_050_976, 2_756_677_408),
    "gcp_opt/deit-drop-small": _card(
        _network("deit_drop_small", 6, 24), 25_662_224, 5_875_479_040, 17.6, "1Ziw9dRvainxIQlq_9htZ58inr6nRsPmx"
    ),
    "gcp_opt/deit-drop-base": _card(_network("deit_drop_base", 12, 24), 93_873_296, 18_893_931_520),
    "gcp_opt/t2t-drop-14": _card(
        _network("t2t_drop_14", 6, 24), 25_074_704, 5_818_894_336, 17.3, "1KQmJ7cZjDPy4WOmOGAPGr9wbBWaQGNPo"
    ),
}
