"""Which weights a number was measured with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from covpool.data.sources.shards.hashes import sha256_of
from covpool.models.restore import weights_file


def fingerprint(weights: str | Path) -> dict[str, str]:
    """``file`` and ``sha256`` of what ``restore_network(weights)`` reads; of shards, that of their own SHA-256.

    Raises:
        ValueError: there is nothing.
    """
    path = weights_file(weights)
    return {"file": path.name, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    if path.is_dir():
        return hashlib.sha256("".join(map(_sha256, sorted(path.iterdir()))).encode()).hexdigest()
    return sha256_of(path)
