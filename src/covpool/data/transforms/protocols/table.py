"""The table of published pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covpool.data.transforms.protocols import assembled, fast_mpncov, gcp_opt, gm_sop, threeg
from covpool.data.transforms.protocols.protocol import Protocol
from covpool.registry import Registry

ALIASES: Mapping[str, str] = {**fast_mpncov.ALIASES, **gcp_opt.ALIASES}

protocols: Registry[Protocol] = Registry("protocol")
for _part in (fast_mpncov, threeg, gm_sop, gcp_opt, assembled):
    for _name, _protocol in _part.PROTOCOLS.items():
        _named = replace(_protocol, preprocessing=replace(_protocol.preprocessing, protocol=_name))
        protocols.register(_name, _named, aliases=[ALIASES[_name]] if _name in ALIASES else ())
