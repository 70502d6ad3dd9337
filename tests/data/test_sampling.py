"""How often a picture comes is what its class says, whoever asks and however often."""

from collections import Counter

import numpy as np
import pytest
import torch

from covpool.data import Preprocessing, train_loader, train_transform
from covpool.data.sampling import drawn
from covpool.data.sources.arrays import array_set

LABELS = np.array([0] * 60 + [1] * 25 + [2] * 5 + [4] * 10)


def classes_of(sampling, epoch=0):
    order, _ = drawn(LABELS, sampling, 3, epoch)
    assert len(order) == len(LABELS)
    return Counter(LABELS[order].tolist())


def test_balanced_shows_every_class_as_often():
    assert classes_of("balanced") == {0: 25, 1: 25, 2: 25, 4: 25}


def test_square_root_lies_between():
    roots = {label: count**0.5 for label, count in Counter(LABELS.tolist()).items()}
    expected = {label: 100 * root / sum(roots.values()) for label, root in roots.items()}
    found = classes_of("square-root")
    assert all(abs(found[label] - expected[label]) < 1 for label in expected)
    assert sum(found.values()) == 100


@pytest.mark.parametrize("sampling", ["each", "pairs"])
def test_every_picture_comes_once_where_only_the_order_is_another(sampling):
    order, repeats = drawn(LABELS, sampling, 3, 1)
    assert sorted(order.tolist()) == list(range(100))
    assert not repeats.any()


def test_pairs_lie_beside_each_other():
    order, _ = drawn(LABELS, "pairs", 3, 0)
    paired = LABELS[order[:98]].reshape(-1, 2)
    assert (paired[:, 0] == paired[:, 1]).all()
    assert sorted(LABELS[order[98:]].tolist()) == [1, 2]
    assert len(set(paired[:12, 0].tolist())) > 1  # the pairs of all classes are shuffled


def test_rare_pictures_come_equally_often_and_frequent_ones_at_most_once():
    order, repeats = drawn(LABELS, "balanced", 3, 0)
    times = Counter(order.tolist())
    assert [times[i] for i in range(85, 90)] == [5] * 5
    assert {times[i] for i in range(60)} == {0, 1}
    assert sorted(repeats[order == 85].tolist()) == [0, 1, 2, 3, 4]


def test_the_order_is_a_function_of_seed_and_epoch():
    first, again, other = (drawn(LABELS, "balanced", 3, epoch)[0].tolist() for epoch in (0, 0, 1))
    assert first == again != other


def batches(workers, start=0, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (23, 12, 12, 3), dtype=np.uint8)
    images = array_set("few", pixels, np.array([0] * 17 + [1] * 6), ["often", "rare"])
    transform = train_transform(Preprocessing(8, crop_pct=1.0), "crop")
    loader = train_loader(images, transform, batch_size=5, seed=1, workers=workers, sampling="balanced", **options)
    try:
        return list(loader.epoch(1, start))
    finally:
        loader.close()


def test_batches_are_the_same_for_any_number_of_workers_and_from_any_batch_on():
    whole = batches(0)
    for found in (batches(2), [*whole[:2], *batches(1, start=2)]):
        assert all(
            torch.equal(a, b) for one, two in zip(whole, found, strict=True) for a, b in zip(one, two, strict=True)
        )


def test_a_picture_that_comes_again_is_augmented_in_another_way():
    seen = {}
    for batch in batches(0):
        for image, index in zip(batch.images, batch.indices.tolist(), strict=True):
            seen.setdefault(index, []).append(image)
    again = [images for images in seen.values() if len(images) > 1]
    assert again
    assert any(not torch.equal(images[0], images[1]) for images in again)
