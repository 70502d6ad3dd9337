"""AutoAugment with the tables and the arithmetic of Assemble-ResNet."""

from covpool.data.transforms.autoaugment.policies import TABLES, Draw
from covpool.data.transforms.autoaugment.policy import OPERATIONS, AutoAugment

__all__ = ["OPERATIONS", "TABLES", "AutoAugment", "Draw"]
