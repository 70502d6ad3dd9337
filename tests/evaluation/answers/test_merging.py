"""Predictions of ranks, put together."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from covpool.data import Preprocessing, eval_loader, eval_transform, open_images
from covpool.evaluation import Predictions, merge_predictions, predict


def part(indices: list[int], classes: int = 3) -> Predictions:
    """Rows that say which picture they are of."""
    numbers = torch.tensor(indices, dtype=torch.int64)
    logits = numbers[:, None] * 10.0 + torch.arange(classes)
    return Predictions(logits.reshape(len(indices), classes), numbers % classes, numbers)


@given(st.lists(st.lists(st.integers(0, 30), unique=True, max_size=12), min_size=1, max_size=4))
def test_each_picture_counts_once_in_the_order_of_the_set(shares: list[list[int]]):
    merged = merge_predictions([part(share) for share in shares])
    expected = part(sorted({index for share in shares for index in share}))
    assert merged.indices.tolist() == expected.indices.tolist()
    assert torch.equal(merged.logits, expected.logits)
    assert torch.equal(merged.labels, expected.labels)


def test_the_first_part_that_holds_a_picture_speaks_for_it():
    first, second = part([0, 1]), part([1, 2])
    louder = Predictions(second.logits + 1, second.labels, second.indices)
    assert torch.equal(merge_predictions([first, louder]).logits[1], first.logits[1])


def test_shares_of_ranks_give_the_predictions_of_one_process():
    images = open_images("digits").val
    transform = eval_transform(Preprocessing(8, crop_pct=1.0))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 10))
    alone = predict(network, eval_loader(images, transform, batch_size=32), device="cpu")
    shares = [
        predict(network, eval_loader(images, transform, batch_size=16, rank=r, world_size=3), device="cpu")
        for r in range(3)
    ]
    merged = merge_predictions([*reversed(shares), shares[0]])  # any order, and one share twice
    assert torch.equal(merged.indices, alone.indices)
    assert torch.equal(merged.correct, alone.correct)
    assert torch.allclose(merged.logits, alone.logits, atol=1e-5)


def test_parts_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="at least one part"):
        merge_predictions([])
    with pytest.raises(ValueError, match=r"logits of \[3, 4\]"):
        merge_predictions([part([0]), part([1], classes=4)])
    other = part([0])
    with pytest.raises(ValueError, match="picture 0 has different labels"):
        merge_predictions([part([0]), Predictions(other.logits, other.labels + 1, other.indices)])


def test_a_rank_without_pictures_adds_nothing():
    empty = Predictions(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    assert len(merge_predictions([empty, part([0, 1])])) == 2
    assert len(merge_predictions([empty])) == 0
