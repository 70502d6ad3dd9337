"""Views of a picture: what is cut and what is averaged."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from covpool.data import Preprocessing, eval_transform, open_images, protocols
from covpool.evaluation import evaluate, judged_as, judging_transform

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))
OWN = Preprocessing(32, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), crop_pct=0.8, interpolation="bilinear")


def test_ten_crops_are_corners_and_centre_of_the_picture_and_its_mirror():
    views = judging_transform(OWN, "10-crop")(PICTURE)
    resized = PICTURE.resize((56, 40), Image.Resampling.BILINEAR)  # the short side to 32 / 0.8
    corners = [(0, 0), (24, 0), (0, 8), (24, 8), (12, 4)]
    for offset, whole in ((0, resized), (5, resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT))):
        for number, (left, top) in enumerate(corners):
            pixels = torch.from_numpy(np.asarray(whole.crop((left, top, left + 32, top + 32))).copy()).permute(2, 0, 1)
            mean, std = (torch.tensor(v).view(3, 1, 1) for v in (OWN.mean, OWN.std))
            assert torch.allclose(views[offset + number], (pixels / 255 - mean) / std, atol=1e-6)


def test_the_mirror_stands_beside_the_plain_view():
    one, two = judging_transform(OWN, "mirror")(PICTURE)
    assert torch.equal(one, eval_transform(OWN)(PICTURE))
    assert torch.equal(two, one.flip(-1))


def test_one_crop_is_the_first_view_of_a_protocol_of_several():
    ten = protocols.get("fast_mpncov-imagenet-10crop").preprocessing
    one = protocols.get("fast_mpncov-imagenet").eval_transform()(PICTURE)
    assert torch.equal(judging_transform(ten, "1-crop")(PICTURE), one)


def test_a_published_protocol_keeps_the_mean_of_the_network():
    values = judged_as(OWN, "fast_mpncov-aircraft-mirror", image_size=56)
    assert (values.image_size, values.mean, values.std) == (56, OWN.mean, OWN.std)
    assert judging_transform(values, "fast_mpncov-aircraft-mirror")(PICTURE).shape == (2, 3, 56, 56)
    assert judged_as(OWN, "fast_mpncov-aircraft").image_size == 448


def test_any_size_and_crop_can_be_asked_for():
    values = judged_as(OWN, image_size=48, crop_pct=0.5, interpolation="nearest")
    assert (values.image_size, values.resize_size, values.interpolation) == (48, 96, "nearest")
    published = protocols.get("assembled-imagenet").preprocessing
    assert judged_as(published, "10-crop", crop_pct=0.875).protocol is None
    assert judged_as(published, image_size=256).protocol == "assembled-imagenet"


def test_what_contradicts_a_protocol_is_refused():
    with pytest.raises(ValueError, match="has its own crop and interpolation; got also crop_pct"):
        judged_as(OWN, "threeg-imagenet", crop_pct=0.9)
    with pytest.raises(ValueError, match="did you mean"):
        judged_as(OWN, "threeg-imagnet")
    with pytest.raises(ValueError, match="as 'assembled-imagenet' does not"):
        judging_transform(protocols.get("assembled-imagenet").preprocessing, "10-crop")


@pytest.mark.parametrize("average", ["logits", "softmax"])
@pytest.mark.parametrize("protocol", ["10-crop", "mirror"])
def test_the_average_is_that_of_the_views_one_by_one(protocol: str, average: str):
    images = open_images("digits").val.subset(np.arange(40))
    values = Preprocessing(6, mean=(0.0,) * 3, std=(1.0,) * 3, crop_pct=0.75)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(108, 10))
    result = evaluate(network, images, values, protocol=protocol, average=average, batch_size=7, device="cpu")
    losses, right = [], 0
    for i in range(40):
        views = [network(view[None]).detach()[0] for view in judging_transform(values, protocol)(images.read(i))]
        if average == "logits":
            said = (sum(views) / len(views)).softmax(0)
        else:
            said = sum(view.softmax(0) for view in views) / len(views)
        right += int(said.argmax()) == images.labels[i]
        losses.append(-float(said[images.labels[i]].log()))
    assert result.top1 == right / 40
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert (result.about["protocol"], result.about["average"]) == (protocol, average)
