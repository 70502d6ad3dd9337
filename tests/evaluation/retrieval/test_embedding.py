from collections import namedtuple

import numpy as np
import pytest
import timm
import torch

from covpool.evaluation.retrieval import embed, normalized
from covpool.models import create_network

Batch = namedtuple("Batch", "images labels indices")


class Two:
    """A loader of two batches."""

    def __init__(self, *shape):
        self.images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return 2

    def epoch(self, epoch, start_batch=0):
        for part in (slice(0, 2), slice(2, 3)):
            places = torch.arange(3)[part]
            yield Batch(self.images[part], places % 2, places)


def vectors(network, loader, **options):
    batches = list(embed(network, loader, device="cpu", **options))
    assert [b.indices.tolist() for b in batches] == [[0, 1], [2]]
    return np.concatenate([b.vectors for b in batches])


def test_the_vector_is_what_the_classifier_sees():
    network = create_network("conv4", "isqrt", reduce_to=4, num_classes=3).train()
    loader = Two(3, 16, 16)
    found = vectors(network, loader)
    assert network.training
    with torch.inference_mode():
        network.eval()
        assert np.allclose(network.head.classifier(torch.from_numpy(found)), network(loader.images), atol=1e-5)


def test_an_embedding_is_taken_before_its_relu_and_can_be_passed_by():
    network = create_network("conv4", "avg", num_classes=3, embedding=5).eval()
    loader = Two(3, 16, 16)
    head, pooled = vectors(network, loader), vectors(network, loader, layer="pooled")
    assert head.shape == (3, 5)
    assert (head < 0).any()
    with torch.inference_mode():
        assert np.allclose(network.head.embedding(torch.from_numpy(pooled)), head, atol=1e-5)


def test_views_are_averaged():
    network = create_network("conv4", "avg", num_classes=3).eval()
    views = Two(2, 3, 16, 16)
    one = Two(3, 16, 16)
    each = []
    for view in range(2):
        one.images = views.images[:, view]
        each.append(vectors(network, one))
    assert np.allclose(vectors(network, views), sum(each) / 2, atol=1e-5)


def test_a_timm_model_has_vectors_too():
    model = timm.create_model("resnet18", num_classes=7)
    assert vectors(model, Two(3, 32, 32)).shape == (3, 512)
    with pytest.raises(ValueError, match="no vector 'pooled'"):
        vectors(model, Two(3, 32, 32), layer="pooled")


def test_numbers_that_are_lost_are_told():
    network = create_network("conv4", "avg", num_classes=3)
    loader = Two(3, 16, 16)
    loader.images[1] = float("nan")
    with pytest.raises(ValueError, match=r"for the pictures \[1\]"):
        vectors(network, loader)
    with pytest.raises(ValueError, match="'head' or 'pooled'"):
        vectors(network, loader, layer="logits")


def test_rows_of_zeros_stay():
    assert normalized(np.zeros((1, 2))).tolist() == [[0, 0]]
