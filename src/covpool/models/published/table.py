"""The table of published networks: the rows of every system."""

from __future__ import annotations

from covpool.models.published import assembled, fast_mpncov, gcp_opt, gcp_opt_vit, gm_sop, threeg
from covpool.models.published.card import published_networks

for _system in (fast_mpncov, threeg, gm_sop, gcp_opt, gcp_opt_vit, assembled):
    for _name, _network in _system.NETWORKS.items():
        published_networks.register(_name, _network)

__all__ = ["published_networks"]
