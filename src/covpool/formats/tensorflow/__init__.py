"""TensorFlow checkpoints, ``.index`` and ``.data``, read and written without TensorFlow."""

from covpool.formats.tensorflow.checkpoint import read_tensorflow
from covpool.formats.tensorflow.write import write_tensorflow

__all__ = ["read_tensorflow", "write_tensorflow"]
