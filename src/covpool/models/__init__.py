"""Networks: any backbone, any pool."""

from covpool.models.create import create_network, list_networks
from covpool.models.features import Features, Layout
from covpool.models.named import Named, named_networks
from covpool.models.network import Head, Network

__all__ = [
    "Features",
    "Head",
    "Layout",
    "Named",
    "Network",
    "create_network",
    "list_networks",
    "named_networks",
]
