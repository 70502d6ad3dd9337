"""Which weights a number was measured with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from covpool.models.restore import weights_file


def fingerprint(weights: str | Path) -> dict[str, str]:
    """``file`` and ``sha256`` of what ``restore_network(weights)`` reads.

    Raises:
        ValueError: there is nothing.
    """
    path = weights_file(weights)
    with path.open("rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
