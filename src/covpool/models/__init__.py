"""Networks: any backbone, any pool."""

from covpool.models.adaptation import NoLayout
from covpool.models.backbone import WeightsUnavailable
from covpool.models.create import create_network, list_networks, skeleton
from covpool.models.export import NotTheSame, export_onnx, export_program
from covpool.models.features import Features, Layout
from covpool.models.heads import Head
from covpool.models.hub import model_card, push_to_hub, save_pretrained
from covpool.models.named import Named, named_networks
from covpool.models.network import Network
from covpool.models.published import Published, PublishedFile, published_networks
from covpool.models.restore import restore_network, save_network
from covpool.models.stages import StageFeatures
from covpool.models.techniques import apply_techniques

__all__ = [
    "Features",
    "Head",
    "Layout",
    "Named",
    "Network",
    "NoLayout",
    "NotTheSame",
    "Published",
    "PublishedFile",
    "StageFeatures",
    "WeightsUnavailable",
    "apply_techniques",
    "create_network",
    "export_onnx",
    "export_program",
    "list_networks",
    "model_card",
    "named_networks",
    "published_networks",
    "push_to_hub",
    "restore_network",
    "save_network",
    "save_pretrained",
    "skeleton",
]
