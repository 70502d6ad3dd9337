"""The published ways of preparing pictures, by name."""

from covpool.data.transforms.protocols.protocol import Protocol
from covpool.data.transforms.protocols.table import protocols

__all__ = ["Protocol", "protocols"]
