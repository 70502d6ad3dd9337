"""Pictures: sources, transforms, and loaders that give the same batches every time."""

from covpool.data.augment import Augmentation, augmentations, train_transform, training_transforms
from covpool.data.batch import Batch, TaughtBatch
from covpool.data.decode import EXTENSIONS, decode
from covpool.data.errors import BadSource, CorruptImage, WorkerLost
from covpool.data.images import ImageSet, ImageSource, stratified_split
from covpool.data.loader import Loader, eval_loader, train_loader
from covpool.data.open import open_images
from covpool.data.order import SampleOrder
from covpool.data.sources.catalog import NamedSet, named_sets
from covpool.data.transforms import ImageTransform, Preprocessing, eval_transform, mixings, preprocessing_for, protocols

__all__ = [
    "EXTENSIONS",
    "Augmentation",
    "BadSource",
    "Batch",
    "CorruptImage",
    "ImageSet",
    "ImageSource",
    "ImageTransform",
    "Loader",
    "NamedSet",
    "Preprocessing",
    "SampleOrder",
    "TaughtBatch",
    "WorkerLost",
    "augmentations",
    "decode",
    "eval_loader",
    "eval_transform",
    "mixings",
    "named_sets",
    "open_images",
    "preprocessing_for",
    "protocols",
    "stratified_split",
    "train_loader",
    "train_transform",
    "training_transforms",
]
