import json

import numpy as np

from covpool.data import Preprocessing, eval_loader, eval_transform, open_images
from covpool.evaluation.retrieval import embedded, fit_whitening, on_disk, open_vectors, search, store_vectors
from covpool.models import create_network


def loaders():
    digits = open_images("digits")
    transform = eval_transform(Preprocessing(8, crop_pct=1.0))
    return [eval_loader(images.subset(range(40)), transform, batch_size=16) for images in (digits.train, digits.test)]


def test_several_sets_are_stored_one_after_the_other(tmp_path):
    network = create_network("conv4", "avg", num_classes=10)
    calls = []
    note = store_vectors(
        network, loaders(), tmp_path / "v.npy", about={"data": "digits"}, progress=lambda *c: calls.append(c)
    )
    found = open_vectors(tmp_path / "v.npy")
    sets = [loader.images for loader in loaders()]
    assert list(found.keys) == [*sets[0].keys, *sets[1].keys]
    assert found.labels.tolist() == [*sets[0].labels, *sets[1].labels]
    assert calls == [(i, 6) for i in range(1, 7)]
    assert note["data"] == found.about["data"] == "digits"
    batches = [b.vectors for _, b in embedded(network, loaders(), device="cpu")]
    assert np.array_equal(np.concatenate(batches), found.vectors)


def test_whitening_and_length_one_are_kept_with_the_vectors(tmp_path):
    network = create_network("conv4", "covariance", reduce_to=8, num_classes=10)
    with on_disk(embedded(network, loaders()[:1], device="cpu"), tmp_path) as vectors:
        whitening = fit_whitening(vectors, 6)
    assert list(tmp_path.iterdir()) == []
    store_vectors(network, loaders(), tmp_path / "v.npy", whitening=whitening, normalize=True)
    found = open_vectors(tmp_path / "v.npy")
    assert found.vectors.shape == (80, 6)
    assert found.whitening.digest == whitening.digest
    assert json.loads((tmp_path / "v.json").read_text())["normalized"] is True
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    assert search(found.vectors, found.vectors, 1).indices[:, 0].tolist() == list(range(80))
