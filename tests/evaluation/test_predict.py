"""Predictions over a loader."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from covpool.evaluation.predict import Predictions, evaluating, pick_device, predict


class Batch(NamedTuple):
    images: Tensor
    labels: Tensor
    indices: Tensor


class Listed:
    """A loader over batches that are written down."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start_batch: int = 0):
        yield from self.batches[start_batch:]


def batch(indices: list[int]) -> Batch:
    index = torch.tensor(indices)
    return Batch(torch.eye(3)[index % 3], index % 3, index)


def test_rows_keep_the_order_and_the_indices_of_the_loader():
    said = predict(nn.Identity(), Listed(batch([0, 1]), batch([5])), device="cpu")
    assert said.indices.tolist() == [0, 1, 5]
    assert said.labels.tolist() == [0, 1, 2]
    assert said.correct.all()
    assert torch.equal(said.logits, torch.eye(3))
    assert len(said) == 3


def test_dropout_is_off_and_every_former_mode_is_put_back():
    network = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(3, affine=False))
    network.train()
    network[1].eval()
    said = predict(network, Listed(batch([0, 1, 2])), device="cpu")
    assert torch.allclose(said.logits, torch.eye(3), atol=1e-4)
    assert [module.training for module in network.modules()] == [True, True, False]


def test_modes_are_put_back_after_an_error():
    network = nn.Linear(2, 2)

    def fail():
        with evaluating(network):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    assert network.training


def test_bf16_logits_come_back_in_float32():
    said = predict(nn.Linear(3, 2), Listed(batch([0])), device="cpu", precision="bf16-mixed")
    assert said.logits.dtype == torch.float32


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="'bf16-mixed'"):
        predict(nn.Identity(), Listed(batch([0])), device="cpu", precision="16")


def test_a_loader_without_readable_pictures_is_refused():
    with pytest.raises(ValueError, match="readable picture"):
        predict(nn.Identity(), Listed(), device="cpu")


def test_progress_counts_batches():
    seen = []
    predict(nn.Identity(), Listed(batch([0]), batch([1])), device="cpu", progress=lambda *x: seen.append(x))
    assert seen == [(1, 2), (2, 2)]


def test_nan_logits_are_never_correct():
    said = Predictions(torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]), torch.tensor([0]))
    assert not said.correct.any()


def test_no_gradient_is_recorded_and_a_named_device_is_taken():
    said = predict(nn.Linear(3, 2), Listed(batch([0])), device=torch.device("cpu"))
    assert not said.logits.requires_grad
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in {"cpu", "cuda", "mps", "xpu"}


@pytest.mark.parametrize(
    ("name", "sentence"), [("quantum", "needs to be auto, cpu"), ("cuda:99", "there is no device")]
)
def test_a_device_that_is_not_there_is_told(name, sentence):
    with pytest.raises(ValueError, match=f"{sentence}.*{name}|{sentence} '{name}'"):
        pick_device(name)


def test_the_logits_of_several_views_of_a_picture_are_averaged():
    views = torch.randn(2, 10, 3, 4, 4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 5))
    labels = torch.tensor([0, 1])
    said = predict(network, Listed(Batch(views, labels, labels)), device="cpu")
    for picture in range(2):
        plain = torch.stack([network(view[None])[0] for view in views[picture]]).mean(0)
        assert torch.allclose(said.logits[picture], plain.detach(), atol=1e-6)
