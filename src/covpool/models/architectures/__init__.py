"""Backbones of our own, where timm has none that computes the same."""

from covpool.models.architectures.table import OWN_BACKBONES

__all__ = ["OWN_BACKBONES"]
