from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from covpool.data import ImageSet, eval_transform, protocols
from covpool.evaluation.robustness import Subject
from evaluation.robustness.subjects import CLASSES, SIDE, Coarse, picture

BGR = replace(protocols.get("fast_mpncov-tensorflow-cub-vgg").preprocessing, image_size=SIDE)


def square() -> Image.Image:
    return picture(1).resize((SIDE, SIDE))


def test_a_network_that_takes_blue_first_is_given_it_wherever_pictures_come_from():
    network = Coarse().eval()
    judge = Subject(network, BGR, CLASSES, device="cpu")
    with torch.no_grad():
        expected = network(eval_transform(BGR)(square())[None])
    pixels = np.asarray(judge.geometry(square()))
    assert np.array_equal(pixels, np.asarray(square()))  # red first: what is corrupted and written as a file
    given = torch.from_numpy(pixels.copy())[None]
    torch.testing.assert_close(judge.logits(given), expected)
    torch.testing.assert_close(judge.outputs_of(given.movedim(-1, 1).float()).detach(), expected, rtol=1e-4, atol=1e-3)
    finished, skipped = judge.finished(ImageSet(CLASSES, [0], ["a"], lambda position: square()))
    torch.testing.assert_close(finished.logits, expected)
    assert skipped == 0
