"""The published networks of the five systems, by name ``stem/network``."""

from covpool.models.published.card import Published, PublishedFile
from covpool.models.published.table import published_networks

__all__ = ["Published", "PublishedFile", "published_networks"]
