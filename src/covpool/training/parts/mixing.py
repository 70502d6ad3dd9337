"""Batches whose pictures are mixed: which mixture a step gets is a pure function of seed and step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from covpool.data import Batch, mixings
from covpool.data.transforms.mixing import HalvesMixup, Mixed, soft_targets
from covpool.recipes import Recipe

_SALT = 0x6D6978  # keeps these numbers apart from those that order and augmentation draw from the same seed


class Mixer:
    """What a recipe's ``mixing`` makes of a batch: pictures and soft targets.

    mixup-type1 makes B pictures of 2B. The types by halves need an even number: of an odd batch the last picture is
    left out, and a batch of one picture stays as it is (the release stops at both). Of several processes each mixes
    its own pictures in its own way, which ``rank`` decides too.
    """

    def __init__(self, recipe: Recipe, classes: int, rank: int = 0) -> None:
        assert recipe.mixing is not None
        self.mix = mixings.get(recipe.mixing.name)(**recipe.mixing.options)
        self.seed, self.classes, self.rank = recipe.seed, classes, rank

    def __call__(self, batch: Batch, step: int, index: int, answers: Tensor | None = None) -> Mixed:
        """Batch number ``index`` of optimizer step ``step``, mixed on the CPU.

        A teacher's ``answers`` (B, L) are mixed as the labels are, and stand beside them: targets (B', K + L).
        """
        images, targets = batch.images, soft_targets(batch.labels, self.classes)
        if answers is not None:
            targets = torch.cat([targets, answers], dim=1)
        if isinstance(self.mix, HalvesMixup) and len(targets) % 2 and len(targets) > 1:
            images, targets = images[:-1], targets[:-1]
        if isinstance(self.mix, HalvesMixup) and len(targets) == 1:
            return Mixed(images, targets)
        return self.mix(images, targets, self._generator(step, index))

    def _generator(self, step: int, index: int) -> torch.Generator:
        place = [_SALT, self.seed, step, index] + [self.rank] * (self.rank > 0)
        words = np.random.SeedSequence(place).generate_state(2)
        return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
