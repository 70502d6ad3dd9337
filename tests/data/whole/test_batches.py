import copy

import pytest
import torch

from covpool.data import Preprocessing, eval_transform, open_images, train_loader
from covpool.data import train_transform as augmented

P = Preprocessing(8, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), 1.0)


@pytest.fixture(scope="module")
def images():
    return open_images("fake:size=8,train=53,classes=7").train


@pytest.fixture(scope="module")
def slow(images):
    """The same pictures, one by one."""
    one_by_one = copy.copy(images)
    one_by_one._reader = images._reader.__call__
    return one_by_one


def batches(images, transform, workers=0, start=0, **options):
    loader = train_loader(images, transform, batch_size=20, seed=3, workers=workers, **options)
    return loader, list(loader.epoch(1, start))


def same(one, other):
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("augment", ["none", "flip"])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_whole_batches_have_the_bits_of_pictures_made_one_by_one(images, slow, augment, workers):
    transform = augmented(P, augment)
    loader, found = batches(images, transform, workers)
    other, expected = batches(slow, transform)
    assert loader._batches.gathers
    assert not other._batches.gathers
    assert same(found, expected)
    assert same(batches(images, transform, workers, start=1)[1], expected[1:])
    assert found[0].images.is_contiguous()


def test_the_generator_of_the_process_is_left_alone(images):
    state = torch.get_rng_state()
    batches(images, augmented(P, "flip"))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("transform", [augmented(P, "crop"), augmented(P, "shift"), eval_transform(Preprocessing(16))])
def test_other_geometries_are_done_one_by_one(images, slow, transform):
    loader, found = batches(images, transform)
    assert not loader._batches.gathers
    assert same(found, batches(slow, transform)[1])


def test_an_epoch_left_early_ends_its_threads(images):
    loader = train_loader(images, augmented(P, "flip"), batch_size=5, seed=0, workers=2)
    first = next(iter(loader.epoch(0)))
    assert same([first], [next(iter(loader.epoch(0)))])


def test_a_transform_of_the_users_own_is_called(images):
    _, found = batches(images, lambda image: torch.zeros(1))
    assert found[0].images.shape == (20, 1)
