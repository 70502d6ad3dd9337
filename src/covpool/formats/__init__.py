"""Bytes on disk to numpy: readers of file formats, without torch and without the frameworks that wrote them."""

from covpool.formats.arrays import Arrays, Stored
from covpool.formats.corrupt import CorruptFile
from covpool.formats.keras_h5 import read_keras_h5
from covpool.formats.matconvnet import read_matlab
from covpool.formats.mindspore_ckpt import read_mindspore, write_mindspore
from covpool.formats.tar_index import BadTar, TarIndex, index_tar, survey_tar
from covpool.formats.tensorflow import read_tensorflow, write_tensorflow

__all__ = [
    "Arrays",
    "BadTar",
    "CorruptFile",
    "Stored",
    "TarIndex",
    "index_tar",
    "read_keras_h5",
    "read_matlab",
    "read_mindspore",
    "read_tensorflow",
    "survey_tar",
    "write_mindspore",
    "write_tensorflow",
]
