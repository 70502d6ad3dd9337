"""Networks: any backbone, any pool."""

from covpool.models.backbone import WeightsUnavailable
from covpool.models.create import create_network, list_networks
from covpool.models.features import Features, Layout
from covpool.models.named import Named, named_networks
from covpool.models.network import Head, Network
from covpool.models.probe import NoLayout
from covpool.models.restore import restore_network, save_network
from covpool.models.stages import StageFeatures

__all__ = [
    "Features",
    "Head",
    "Layout",
    "Named",
    "Network",
    "NoLayout",
    "StageFeatures",
    "WeightsUnavailable",
    "create_network",
    "list_networks",
    "named_networks",
    "restore_network",
    "save_network",
]
