"""Pretrained weights from a server: asked for only where that is allowed, and compared with their hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import timm
from timm.models import set_pretrained_check_hash
from timm.models._hub import check_cached_file
from torch import nn

from covpool.network_access import is_offline

_SHA256 = re.compile(r"[0-9a-f]{64}")


class NotHere(ValueError):
    """Weights that would have to be downloaded, which is not allowed."""


class WrongHash(ValueError):
    """A downloaded file that is not what its publisher has."""


def checked(name: str, build: Callable[[], nn.Module]) -> nn.Module:
    """What ``build`` makes of timm's weights for ``name``.

    Files of the Hugging Face Hub lie in its cache under their SHA-256, and are compared with it each time; those of
    other servers have the first digits of it in their names, and are compared when they come.

    Raises:
        NotHere: no server may be asked, and the weights are not on this machine.
        WrongHash: a file is not what was published; it is named.
    """
    repository, url = _origin(name)
    if is_offline() and repository is None and url is not None and not check_cached_file(url):
        raise NotHere(f"{url} is not on this machine")
    set_pretrained_check_hash(True)
    network = build()
    if repository is not None:  # what was read is discarded where it is another
        check_files(Path(huggingface_hub.constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "blobs")
    return network


def check_files(blobs: Path) -> None:
    """WrongHash where a file in a folder of the Hub's cache is not what its name says.

    Large files are named by their SHA-256; small ones, by another hash, are no weights.
    """
    for file in sorted(blobs.glob("*")) if blobs.is_dir() else ():
        if not _SHA256.fullmatch(file.name):
            continue
        with file.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.name:
                raise WrongHash(
                    f"{file} is not what was published: its SHA-256 is another; remove it and fetch it again"
                )


def _origin(name: str) -> tuple[str | None, str | None]:
    """Repository of the Hub, or address elsewhere."""
    if ":" in name:
        scheme, _, place = name.partition(":")
        return (place.partition("@")[0], None) if scheme == "hf-hub" else (None, None)
    cfg = timm.get_pretrained_cfg(name)
    return (cfg.hf_hub_id and cfg.hf_hub_id.partition("@")[0], cfg.url) if cfg else (None, None)
