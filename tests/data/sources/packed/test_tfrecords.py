import logging
import pickle
import random

import numpy as np
import pytest

from covpool.data import BadSource, CorruptImage, open_images
from covpool.formats import CorruptFile
from covpool.formats.protobuf import write_field, write_varint
from covpool.formats.tfrecord import write_example, write_record
from data.tars import png, value_of
from formats.damage import damaged, put


def write(path, numbers, first=1, classes=3, logits=False, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number in numbers:
            label = number % classes + first
            features = {"image/encoded": png(number), "image/class/label": label, **more}
            features |= {"image/class/synset": f"n{label:08d}", "image/filename": f"{number}.JPEG"}
            if logits:
                features["image/logit"] = np.arange(classes + 1) + 100.0 * number
            write_record(file, write_example(features))
    return path


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        write(tmp_path / "set" / f"train-{i:05d}-of-00003", range(4 * i, 4 * i + 4), logits=True)
    write(tmp_path / "set" / "validation-00000-of-00001", range(5))
    return tmp_path / "set"


def numbers(images):
    return [value_of(images.read(i)) for i in range(len(images))]


def test_labels_count_from_1_and_the_logit_of_the_background_comes_last(folder):
    source = open_images(folder)
    assert source.classes == ["n00000001", "n00000002", "n00000003"]
    assert numbers(source.train) == list(range(12))
    assert source.train.labels.tolist() == [i % 3 for i in range(12)]
    assert source.train.keys[11] == "11.JPEG"
    assert source.train.teacher_logits([5, 0]).tolist() == [[501, 502, 503, 500], [1, 2, 3, 0]]
    assert source.train.subset([7]).teacher_logits([0]).tolist() == [[701, 702, 703, 700]]
    assert source.val.teacher_logits([0]) is None
    assert value_of(pickle.loads(pickle.dumps(source.train)).read(9)) == 9


def test_a_label_0_says_that_they_count_from_0(tmp_path):
    write(tmp_path / "train.tfrecord", range(6), first=0, logits=True)
    source = open_images(tmp_path / "train.tfrecord", val_fraction=0)
    assert source.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert source.train.teacher_logits([1]).tolist() == [[100, 101, 102, 103]]


def test_a_pattern_and_another_place_for_validation(folder, tmp_path):
    write(tmp_path / "other" / "validation-00000-of-00001", range(3, 6))
    source = open_images(f"{folder}/train-{{00000..00001}}-of-00003", val=tmp_path / "other")
    assert len(source.train) == 8
    assert numbers(source.val) == [3, 4, 5]
    write(tmp_path / "strange" / "validation-00000-of-00001", range(8), classes=4)
    with pytest.raises(BadSource, match="do not have the same"):
        open_images(folder, val=tmp_path / "strange")


def test_a_damaged_record_is_left_out_or_found_when_it_is_read(folder, caplog):
    path = folder / "train-00001-of-00003"
    whole = bytearray(path.read_bytes())
    place = whole.index(png(6))
    whole[place + 20] ^= 1
    path.write_bytes(whole[:-5])
    with caplog.at_level(logging.WARNING):
        images = open_images(folder).train
    assert "it is cut" in caplog.text
    assert len(images) == 11
    with pytest.raises(CorruptImage, match=r"'6.JPEG'.*the checksum of a record does not fit"):
        images.read(6)
    with pytest.raises(BadSource, match="it is cut"):
        open_images(folder, on_damage="stop")


def test_damaged_files_are_read_or_named(tmp_path):
    whole, rng = write(tmp_path / "whole", range(4)).read_bytes(), random.Random(0)
    for _ in range(150):
        put(tmp_path / "train.tfrecord", damaged(rng, whole))
        try:
            images = open_images(tmp_path / "train.tfrecord", val_fraction=0).train
        except BadSource:
            continue
        for i in range(len(images)):
            try:
                images.read(i)
            except CorruptImage:
                continue


def test_records_that_are_no_pictures_are_named(tmp_path):
    with (tmp_path / "train.tfrecord").open("wb") as file:
        write_record(file, write_example({"text": "no picture"}))
    with pytest.raises(BadSource, match="no sound record"):
        open_images(tmp_path / "train.tfrecord")


def test_logits_of_another_type_are_named_when_they_are_read(tmp_path):
    floats = write_field(2, write_varint(1 << 3) + write_varint(1 << 40))
    extra = write_field(1, write_field(1, write_field(1, b"image/logit") + write_field(2, floats)))
    with (tmp_path / "train.tfrecord").open("wb") as file:
        for label in (1, 2):
            write_record(file, write_example({"image/encoded": png(label), "image/class/label": label}) + extra)
    images = open_images(tmp_path / "train.tfrecord", val_fraction=0).train
    assert numbers(images) == [1, 2]
    with pytest.raises(CorruptFile, match="odd length or type"):
        images.teacher_logits([0])
