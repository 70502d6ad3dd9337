"""The network that is judged, and how pictures come to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor, nn

from covpool.data import ImageSet, ImageTransform, Preprocessing, eval_loader
from covpool.data.transforms.evaluation import is_bgr, rgb_geometry
from covpool.data.transforms.geometry import Chain, swap_channels
from covpool.data.transforms.image_transform import Geometry
from covpool.evaluation.predict import Precision, Predictions, evaluating, pick_device, precision_context, predict
from covpool.evaluation.robustness.columns import columns_of

Progress = Callable[[int, int], None]


class Subject:
    """A network with its preprocessing.

    Args:
        preprocessing: of its training; of a protocol with several views, the first is judged. Squares have red first
            everywhere, as what corrupts them expects; a network that takes blue first is given them swapped.
        classes: names of its outputs, where they are known.
        batch_size, workers: of whatever is judged.
        skip_broken: leave pictures out that cannot be read, instead of stopping.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        classes: Sequence[str] | None = None,
        *,
        batch_size: int = 64,
        workers: int = 0,
        skip_broken: bool = False,
        device: str | torch.device = "auto",
        precision: Precision = "32-true",
    ) -> None:
        self.device, self.precision = pick_device(device), precision
        self.network, self.preprocessing, self.classes = network.to(self.device), preprocessing, classes
        self.batch_size, self.workers, self.skip_broken = batch_size, workers, skip_broken
        self.geometry: Geometry = rgb_geometry(preprocessing)
        self._is_bgr = is_bgr(preprocessing)
        self._transform = ImageTransform(self.geometry, preprocessing, is_random=False)

    @torch.no_grad()
    def logits(self, pixels: Tensor) -> Tensor:
        """Squares (B, S, S, 3) in 0..255 -> float32 (B, K) on the CPU."""
        pixels = pixels.flip(-1) if self._is_bgr else pixels
        with evaluating(self.network), precision_context(self.precision, self.device):
            return self.network(self._transform.normalize(pixels).to(self.device)).float().cpu()

    def outputs_of(self, pixels: Tensor) -> Tensor:
        """Squares (B, 3, S, S) in 0..255 on the device -> (B, K) there, in float32; gradients pass."""
        mean, std = (
            torch.tensor(values, device=self.device).view(3, 1, 1)
            for values in (self.preprocessing.mean, self.preprocessing.std)
        )
        ordered = pixels.flip(1) if self._is_bgr else pixels
        return self.network((ordered / 255 - mean) / std).float()

    def columns(self, names: Sequence[str]) -> Tensor:
        """The output for each class folder; see ``columns_of``."""
        return torch.tensor(columns_of(names, self.classes, self.outputs))

    @cached_property
    def outputs(self) -> int:
        """How many outputs there are, from a grey picture."""
        side = self.preprocessing.image_size
        return self.logits(torch.full((1, side, side, 3), 128, dtype=torch.uint8)).shape[1]

    def finished(self, images: ImageSet, progress: Progress | None = None) -> tuple[Predictions, int]:
        """What it says of pictures that are finished, as those of ImageNet-C, and how many cannot be read.

        A picture of the network's size is not touched; another is resized and its middle taken.
        """
        as_it_is = AsItIs(self.preprocessing)
        geometry: Geometry = Chain((as_it_is, swap_channels)) if self._is_bgr else as_it_is
        loader = eval_loader(
            images,
            ImageTransform(geometry, self.preprocessing, is_random=False),
            batch_size=self.batch_size,
            workers=self.workers,
            on_bad_image="skip" if self.skip_broken else "stop",
        )
        given = predict(self.network, loader, device=self.device, precision=self.precision, progress=progress)
        return given, len(loader.skipped)

    def digest(self) -> str:
        """Of every parameter and buffer: which network counts belong to."""
        digest = hashlib.sha256()
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        return digest.hexdigest()


class AsItIs:
    """A square of the network's size as it is; of another picture, the middle square at that size, nothing cut off."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, image: Image.Image) -> Image.Image:
        side = self.preprocessing.image_size
        if image.size == (side, side):
            return image
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        return image.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + short, top + short))


def wrong_answers(logits: Tensor, labels: Tensor, columns: Tensor) -> int:
    """Rows whose highest logit among ``columns`` is not that of their label; NaN is never right."""
    chosen = logits[:, columns]
    right = (chosen.argmax(dim=1) == labels) & ~chosen.isnan().any(dim=1)
    return len(labels) - int(right.sum())
