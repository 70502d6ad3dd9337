"""Pools: modules from a feature map (B, C, H, W) to a vector (B, D)."""

from covpool.pooling.first_order import FirstOrderPool
from covpool.pooling.presets import Preset, create_pool, list_pools, pools, register_pool
from covpool.pooling.second_order import SecondOrderPool

__all__ = ["FirstOrderPool", "Preset", "SecondOrderPool", "create_pool", "list_pools", "pools", "register_pool"]
