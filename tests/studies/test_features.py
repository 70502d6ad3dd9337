"""The cache of features: whole, or gone on with, never half-read."""

import numpy as np
import pytest
import torch

from covpool.data import CorruptImage, ImageSet, Preprocessing, eval_transform
from covpool.models import StageFeatures
from covpool.studies import features
from covpool.studies.features import extract, picture_identity, weights_digest
from studies.tiny import pictures

PREPROCESSING = Preprocessing(image_size=12, crop_pct=1.0)
CPU = torch.device("cpu")


def trunk(seed: int = 0) -> StageFeatures:
    torch.manual_seed(seed)
    return StageFeatures("conv4", ["middle", "last"])


def stored(images: ImageSet, cache, network=None, **options):
    return extract(network or trunk(), images, PREPROCESSING, cache, name="conv4", batch_size=8, device=CPU, **options)


def test_maps_are_those_of_the_backbone_picture_by_picture(tmp_path):
    images, network = pictures(20, 0), trunk()
    found = stored(images, tmp_path, network)
    transform = eval_transform(PREPROCESSING)
    assert found.kept.tolist() == list(range(20))
    for index in (0, 7, 19):
        maps = network(transform(images.read(index))[None])
        for stage in ("middle", "last"):
            np.testing.assert_allclose(found.maps[stage][index], maps[stage][0], rtol=1e-4, atol=1e-5)


def test_a_second_call_reads_the_files(tmp_path):
    images = pictures(10, 0)
    stored(images, tmp_path)
    unread = ImageSet(images.classes, images.labels, images.keys, images._reader)
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy"))
    counted = []
    stored(unread, tmp_path, progress=counted.append)
    assert counted == [10]
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")) == before


def test_other_pictures_weights_or_preprocessing_have_another_folder(tmp_path):
    images = pictures(10, 0)
    stored(images, tmp_path)
    stored(images, tmp_path, trunk(seed=1))
    stored(pictures(10, 5), tmp_path)
    extract(trunk(), images, Preprocessing(8, crop_pct=1.0), tmp_path, name="conv4", device=CPU)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_killed_extraction_goes_on_and_gives_the_same(tmp_path, monkeypatch):
    images = pictures(40, 0)
    whole = stored(images, tmp_path / "whole")
    monkeypatch.setattr(features, "FLUSH_BATCHES", 1)
    done = []

    def interrupt(count: int) -> None:
        done.append(count)
        if count == 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(images, tmp_path / "parts", progress=interrupt)
    assert not list((tmp_path / "parts").rglob("about.json"))
    again = []
    parts = stored(images, tmp_path / "parts", progress=again.append)
    assert again[0] == 32
    for stage, maps in whole.maps.items():
        np.testing.assert_array_equal(parts.maps[stage], maps)
    assert parts.kept.tolist() == whole.kept.tolist()
    assert len(list((tmp_path / "parts").iterdir())) == 1


def with_broken(count: int) -> ImageSet:
    images = pictures(count, 0)

    def read(index: int):
        return b"no picture" if index == 3 else images.read(index)

    return ImageSet(images.classes, images.labels, images.keys, read)


def test_a_broken_picture_stops_or_is_left_out(tmp_path):
    with pytest.raises(CorruptImage, match="0/3"):
        stored(with_broken(10), tmp_path)
    found = stored(with_broken(10), tmp_path, on_bad_image="skip")
    assert 3 not in found.kept
    assert found.skipped == 1


def test_a_disk_that_is_too_small_is_named_with_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(features.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(OSError, match=r"the features need .* GB"):
        stored(pictures(10, 0), tmp_path)


def test_the_identity_follows_the_files(tmp_path):
    archive = tmp_path / "pictures.tar"
    archive.write_bytes(b"one")
    images = pictures(10, 0, place=str(archive))
    before = picture_identity(images)
    assert picture_identity(images) == before
    archive.write_bytes(b"another")
    assert picture_identity(images) != before


def test_the_weights_digest_sees_a_single_number():
    network = trunk()
    before = weights_digest(network)
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] += 1e-3
    assert weights_digest(network) != before
