"""Higher-order (global covariance) pooling for image classification in PyTorch.

The front door. Names are imported from their rooms when first used: ``import covpool`` loads no torch.
"""

from importlib import import_module
from typing import Any

from covpool._version import __version__

_ROOMS = {
    "create_pool": "covpool.pooling",
    "register_pool": "covpool.pooling",
    "list_pools": "covpool.pooling",
    "create_network": "covpool.models",
    "list_networks": "covpool.models",
    "restore_network": "covpool.models",
    "load_weights": "covpool.weights",
    "Choice": "covpool.recipes",
    "Recipe": "covpool.recipes",
    "train": "covpool.training",
    "evaluate": "covpool.evaluation",
    "predict": "covpool.evaluation",
    "compare": "covpool.studies",
    "report": "covpool.reporting",
}

__all__ = ["__version__", *_ROOMS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'covpool' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
