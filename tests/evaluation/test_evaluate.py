"""A network judged on pictures."""

import numpy as np
import pytest
import torch
from torch import nn

from covpool.data import Preprocessing, eval_transform, open_images
from covpool.evaluation import evaluate

PREPROCESSING = Preprocessing(image_size=8, mean=(0.0,) * 3, std=(1.0,) * 3, crop_pct=1.0)


class Brightness(nn.Module):
    """Ten fixed linear functions of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Linear(3 * 64, 10)
        nn.init.normal_(self.classify.weight, generator=torch.Generator().manual_seed(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classify(x.flatten(1))


def test_the_result_is_that_of_the_pictures_one_by_one():
    images = open_images("digits").val.subset(np.arange(60))
    network = Brightness()
    result = evaluate(network, images, PREPROCESSING, batch_size=16, device="cpu", about={"name": "fixed"})
    transform = eval_transform(PREPROCESSING)
    said = [network(transform(images.read(i))[None]).argmax().item() for i in range(60)]
    right = np.array(said) == images.labels
    assert result.top1 == pytest.approx(right.mean())
    assert sum(map(sum, result.confusion)) == result.images == 60
    assert result.about == {"name": "fixed", "preprocessing": PREPROCESSING.to_dict()}


def test_a_network_with_another_number_of_classes_is_refused():
    images = open_images("digits").val.subset(np.arange(4))
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 3))
    with pytest.raises(ValueError, match="its 3 classes; got a set of 10"):
        evaluate(network, images, PREPROCESSING, device="cpu")
