"""Each set is built in miniature, in the layout its publisher uses and torchvision reads."""

import hashlib
import io
import json
import pickle
import socket
import tarfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

from covpool.data import BadSource, open_images
from covpool.data.sources.torchvision_sets import TorchvisionSet, open_torchvision, torchvision_sets


def write_lines(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def labels_of(source, split):
    images = getattr(source, split)
    return {key: images.classes[label] for key, label in zip(images.keys, images.labels.tolist(), strict=True)}


@pytest.mark.parametrize("name", torchvision_sets)
def test_an_absent_set_is_a_sentence_and_nothing_is_fetched(tmp_path, name):
    with pytest.raises(BadSource, match=f"{name!r} is not in") as caught:
        open_images(name, cache=tmp_path)
    assert "download" in str(caught.value)
    assert not (tmp_path / name).exists()


def test_stanford_cars_says_that_its_download_is_gone(tmp_path):
    with pytest.raises(BadSource, match=r"publisher's download is gone.*torchvision.datasets.StanfordCars"):
        open_images("stanford-cars", cache=tmp_path, download=True)


def test_dtd(tmp_path, picture):
    root = tmp_path / "dtd" / "dtd" / "dtd"
    for number, split in enumerate(("train", "val", "test")):
        names = [f"{kind}/{kind}_{number}.png" for kind in ("banded", "dotted")]
        write_lines(root / "labels" / f"{split}1.txt", *names)
        for name in names:
            picture(root / "images" / name)
    source = open_images("dtd", cache=tmp_path)
    assert labels_of(source, "val") == {
        "val/dtd/dtd/images/banded/banded_1.png": "banded",
        "val/dtd/dtd/images/dotted/dotted_1.png": "dotted",
    }
    assert source.test.read(1).size == (12, 10)
    assert "2 classes, 2 train, 2 val, 2 test pictures" in source.description


def test_food101_has_no_val_so_test_serves(tmp_path, picture):
    root = tmp_path / "food101" / "food-101"
    for split in ("train", "test"):
        names = {"sushi": [f"sushi/{split}"], "pie": [f"pie/{split}"]}
        write_lines(root / "meta" / f"{split}.json", json.dumps(names))
        for name in ("sushi", "pie"):
            picture(root / "images" / name / f"{split}.jpg")
    source = open_images("food101", cache=tmp_path)
    assert set(labels_of(source, "train").values()) == {"pie", "sushi"}
    assert source.val is source.test
    assert "the test split serves as val" in source.description


def test_oxford_pets(tmp_path, picture):
    root = tmp_path / "oxford-pets" / "oxford-iiit-pet"
    write_lines(root / "annotations" / "trainval.txt", "Abyssinian_1 1 1 1", "great_dane_2 2 2 1")
    write_lines(root / "annotations" / "test.txt", "Abyssinian_3 1 1 1", "great_dane_4 2 2 1")
    for name in ("Abyssinian_1", "great_dane_2", "Abyssinian_3", "great_dane_4"):
        picture(root / "images" / f"{name}.jpg")
    source = open_images("oxford-pets", cache=tmp_path)
    assert source.classes == ["Abyssinian", "Great Dane"]
    assert source.test.labels.tolist() == [0, 1]
    assert source.test.read(1).mode == "RGB"


def test_fgvc_aircraft(tmp_path, picture):
    data = tmp_path / "fgvc-aircraft" / "fgvc-aircraft-2013b" / "data"
    write_lines(data / "variants.txt", "707-320", "A380")
    for number, split in enumerate(("train", "val", "test")):
        write_lines(data / f"images_variant_{split}.txt", f"{number}1 A380", f"{number}2 707-320")
        for end in "12":
            picture(data / "images" / f"{number}{end}.jpg")
    source = open_images("fgvc-aircraft", cache=tmp_path)
    assert source.val.labels.tolist() == [1, 0]
    assert source.train.read(0).size == (12, 10)


def test_stanford_cars_unpacked_by_hand(tmp_path, picture):
    root = tmp_path / "stanford-cars" / "stanford_cars"
    (root / "devkit").mkdir(parents=True)
    kind = [("fname", object), ("class", object)]
    annotations = np.array([("1.jpg", 2), ("2.jpg", 1)], dtype=kind)
    savemat(root / "devkit" / "cars_train_annos.mat", {"annotations": annotations})
    savemat(root / "cars_test_annos_withlabels.mat", {"annotations": annotations})
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": np.array(["AM General", "Acura"], dtype=object)})
    for split in ("train", "test"):
        for number in "12":
            picture(root / f"cars_{split}" / f"{number}.jpg")
    source = open_images("stanford-cars", cache=tmp_path)
    assert source.train.labels.tolist() == [1, 0]
    assert source.classes == ["AM General", "Acura"]
    assert source.test.read(0).mode == "RGB"


def test_flowers102(tmp_path, picture, monkeypatch):
    root = tmp_path / "flowers102" / "flowers-102"
    for number in range(1, 7):
        picture(root / "jpg" / f"image_{number:05d}.jpg")
    savemat(root / "imagelabels.mat", {"labels": [[1, 2, 1, 2, 1, 2]]})
    savemat(root / "setid.mat", {"trnid": [[1, 2]], "valid": [[4, 3]], "tstid": [[5, 6]]})
    sums = {
        key: (f"{stem}.mat", md5(root / f"{stem}.mat")) for key, stem in (("label", "imagelabels"), ("setid", "setid"))
    }
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", {"image": ("102flowers.tgz", ""), **sums})
    source = open_images("flowers102", cache=tmp_path)
    assert source.val.keys == ["val/flowers-102/jpg/image_00004.jpg", "val/flowers-102/jpg/image_00003.jpg"]
    assert source.val.labels.tolist() == [1, 0]
    assert len(source.classes) == 102


@pytest.mark.parametrize(("name", "kind"), [("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)])
def test_cifar(tmp_path, monkeypatch, name, kind):
    root = tmp_path / name / kind.base_folder
    root.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3 * 32 * 32), dtype=np.uint8)
    lists = {"train_list": kind.train_list, "test_list": kind.test_list}
    label_key = "labels" if name == "cifar10" else "fine_labels"
    for attribute, files in lists.items():
        for file, _ in files:
            (root / file).write_bytes(pickle.dumps({"data": pixels, label_key: [1, 0]}))
        monkeypatch.setattr(kind, attribute, [[file, md5(root / file)] for file, _ in files])
    (root / kind.meta["filename"]).write_bytes(pickle.dumps({kind.meta["key"]: ["airplane", "automobile"]}))
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(root / kind.meta["filename"])})
    source = open_images(name, cache=tmp_path)
    assert source.test.labels.tolist() == [1, 0]
    assert source.test.keys == [f"{name}/test/00000", f"{name}/test/00001"]
    assert np.array_equal(np.asarray(source.test.read(1)), pixels[1].reshape(3, 32, 32).transpose(1, 2, 0))
    assert len(source.train) == 2 * len(kind.train_list)


def test_places365(tmp_path, picture, monkeypatch):
    root = tmp_path / "places365"
    files = {"train-standard": "places365_train_standard.txt", "val": "places365_val.txt"}
    write_lines(root / "categories_places365.txt", "/a/airfield 0", "/z/zoo 1")
    write_lines(root / files["train-standard"], "/a/airfield/1.jpg 0", "/z/zoo/1.jpg 1")
    write_lines(root / files["val"], "2.jpg 1", "3.jpg 0")
    for name in ("data_256_standard/a/airfield/1", "data_256_standard/z/zoo/1", "val_256/2", "val_256/3"):
        picture(root / f"{name}.jpg")
    categories = ("categories_places365.txt", md5(root / "categories_places365.txt"))
    monkeypatch.setattr(datasets.Places365, "_CATEGORIES_META", categories)
    monkeypatch.setattr(
        datasets.Places365, "_FILE_LIST_META", {split: (file, md5(root / file)) for split, file in files.items()}
    )
    source = open_images("places365", cache=tmp_path)
    assert labels_of(source, "val") == {"val/val_256/2.jpg": "/z/zoo", "val/val_256/3.jpg": "/a/airfield"}
    assert source.train.read(1).size == (12, 10)


class SmallSet:
    """A set in the manner of torchvision: absent until it is downloaded."""

    classes = ("cat", "dog")

    def __init__(self, root, split, download):
        self._image_files = [root / split / f"{number}.png" for number in range(2)]
        self._labels = [1, 0]
        if download and split == "gone":
            raise OSError("no route to host")
        if download:
            for number, path in enumerate(self._image_files):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        if not self._image_files[0].exists():
            raise RuntimeError("Dataset not found")


SMALL = TorchvisionSet(SmallSet, {"train": {"split": "train"}, "val": {"split": "val"}}, "a small set")


def test_a_set_is_fetched_when_asked_and_found_afterwards(tmp_path):
    with pytest.raises(BadSource, match="--download"):
        open_torchvision("small", SMALL, tmp_path, download=False)
    fetched = open_torchvision("small", SMALL, tmp_path, download=True)
    found = open_torchvision("small", SMALL, tmp_path, download=False)
    for source in (fetched, found):
        assert source.classes == ["cat", "dog"]
        assert source.val.keys == ["val/val/0.png", "val/val/1.png"]
        assert source.train.read(1).getpixel((0, 0)) == (1, 0, 0)


def test_a_download_that_fails_says_what_to_do(tmp_path):
    gone = TorchvisionSet(SmallSet, {"train": {"split": "gone"}}, "a set")
    with pytest.raises(BadSource, match=r"failed \(no route to host\); check the connection"):
        open_torchvision("gone", gone, tmp_path, download=True)


ARCHIVES = {
    "cifar10": "cifar-10-python.tar.gz",
    "cifar100": "cifar-100-python.tar.gz",
    "dtd": "dtd/dtd-r1.0.1.tar.gz",
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_with_another_hash_is_not_unpacked(name, tmp_path, monkeypatch):
    asked = []

    def refuse(*words, **_):
        asked.append(words)
        raise OSError("there is no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    archive = tmp_path / name / ARCHIVES[name]
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("hostile.txt")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    with pytest.raises(BadSource, match="failed"):
        open_images(name, cache=tmp_path, download=True)
    assert asked
    assert not list(tmp_path.rglob("hostile.txt"))
