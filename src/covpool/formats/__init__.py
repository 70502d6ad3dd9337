"""Bytes on disk to numpy: readers of file formats, without torch."""

from covpool.formats.tar_index import BadTar, TarIndex, index_tar

__all__ = ["BadTar", "TarIndex", "index_tar"]
