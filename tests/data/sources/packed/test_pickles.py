import pickle
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covpool.data import BadSource, open_images

RNG = np.random.default_rng(0)


def batch(path, count, labels, side=8, key="labels", protocol=4, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = RNG.integers(0, 256, (count, 3 * side * side), dtype=np.uint8)
    path.write_bytes(pickle.dumps({"data": data, key: labels, **more}, protocol))
    return data


def picture(row, side=8):
    """By a loop, as the publishers describe it: all of red, then green, then blue, each row by row."""
    out = np.zeros((side, side, 3), np.uint8)
    for channel in range(3):
        for y in range(side):
            for x in range(side):
                out[y, x, channel] = row[channel * side * side + y * side + x]
    return out


def test_cifar_10_is_read_from_its_batches(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    parts = [
        batch(folder / f"data_batch_{i}", 3, [0, 1, i % 2], filenames=[f"{i}{j}.png" for j in range(3)]) for i in (1, 2)
    ]
    batch(folder / "test_batch", 2, [1, 1])
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"plane", b"car"]}, 2))
    for place in (folder, tmp_path):
        source = open_images(place)
        assert source.classes == ["plane", "car"]
        assert source.train.labels.tolist() == [0, 1, 1, 0, 1, 0]
        assert np.array_equal(source.train.read(4), picture(parts[1][1]))
        assert source.train.keys[4] == "train/21.png"
        assert len(source.test) == 2
        gathered = source.train.planes(np.array([5, 0, 3]))
        assert np.array_equal(gathered[2].transpose(1, 2, 0), picture(parts[1][0]))
        assert np.array_equal(pickle.loads(pickle.dumps(source.train)).read(0), picture(parts[0][0]))


def test_cifar_100_takes_the_fine_labels(tmp_path):
    for split in ("train", "test"):
        batch(tmp_path / split, 2, [1, 0], key="fine_labels", coarse_labels=[0, 0])
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": ["apple", "bear"], "coarse_label_names": ["x"]}))
    source = open_images(tmp_path)
    assert source.classes == ["apple", "bear"]
    assert source.train.labels.tolist() == [1, 0]


def test_downsampled_imagenet_counts_labels_from_1_and_batches_to_10(tmp_path):
    parts = {
        i: batch(tmp_path / "Imagenet8_train" / f"train_data_batch_{i}", 2, [i, 3], mean=np.zeros(192))
        for i in (1, 2, 10)
    }
    batch(tmp_path / "Imagenet8_val" / "val_data", 1, np.array([10]))
    source = open_images(tmp_path)
    assert source.train.labels.tolist() == [0, 2, 1, 2, 9, 2]  # 1, 2, 10: not sorted as text
    assert np.array_equal(source.train.read(4), picture(parts[10][0]))
    assert source.classes == [str(i) for i in range(1, 11)]
    assert source.val.labels.tolist() == [9]
    (tmp_path / "map_clsloc.txt").write_text("".join(f"n{i:08d} {i} thing\n" for i in range(1, 13)))
    named = open_images(tmp_path)
    assert (len(named.classes), named.classes[9]) == (12, "n00000010")


class Attack:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"data": Attack(), "labels": [1]}, "may run code; nothing of it was run"),
        ({"data": [1], "labels": [1]}, "its 'data' is list"),
        ({"data": np.zeros((1, 10), np.uint8), "labels": [1]}, r"its 'data' is uint8 \(1, 10\)"),
        ({"data": np.zeros((1, 12)), "labels": [1]}, "its 'data' is float64"),
        ({"data": np.zeros((2, 12), np.uint8), "labels": [1]}, "1 labels for 2 pictures"),
        ({"data": np.zeros((1, 12), np.uint8), "labels": [0]}, "numbers from 1 on"),
        ({"data": np.zeros((1, 12), np.uint8), "labels": ["cat"]}, "no list of whole numbers"),
        ({"data": np.zeros((1, 12), np.uint8), "labels": [1 << 40]}, "numbers from 1 on"),
        ({"data": np.zeros((1, 12), np.uint8)}, "no list of whole numbers"),
        ({"data": np.zeros((1, 12), np.uint8), "labels": [1.5]}, "no list of whole numbers"),
        ({"data": np.zeros((1, 12), np.uint8), "labels": [10**30]}, "no list of whole numbers"),
        ([1, 2], "holds a list"),
    ],
)
def test_what_is_no_batch_is_named(tmp_path, capsys, content, sentence):
    (tmp_path / "train_data_batch_1").write_bytes(pickle.dumps(content))
    with pytest.raises(BadSource, match=sentence):
        open_images(tmp_path)
    assert capsys.readouterr().out == ""


WORDS = st.one_of(st.integers(-2, 5), st.binary(max_size=3), st.floats(), st.lists(st.integers(), max_size=2))
ARRAYS = [np.zeros((3, 12)), np.zeros((0, 12), np.uint8), np.zeros((3, 0), np.uint8), np.array(3)]
ODD = st.one_of(st.none(), st.integers(), st.lists(WORDS, max_size=4), st.sampled_from(ARRAYS), st.just([True] * 3))
MAPS = [b"\xa8", b"n1 " + b"9" * 5000, b"n1 1 cat"]
FILES = {"data_batch_1": ("batches.meta", "labels", "label_names"), "train_data_batch_1": (None, "labels", "")}


@given(st.data(), st.sampled_from(sorted(FILES)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_values_in_every_place_are_read_or_named(tmp_path, data, file):
    meta, labels, names = FILES[file]
    batch = {"data": np.zeros((3, 12), np.uint8), labels: [1, 1, 2], "filenames": [b"a", b"b", b"c"]}
    batch |= {key: data.draw(ODD) for key in data.draw(st.lists(st.sampled_from(sorted(batch)), max_size=2))}
    folder = tmp_path / str(time.monotonic_ns())
    folder.mkdir()
    (folder / file).write_bytes(pickle.dumps(batch))
    if meta:
        (folder / meta).write_bytes(pickle.dumps({names: data.draw(st.one_of(st.just([b"x", b"y", b"z"]), ODD))}))
    else:
        (folder / "map_clsloc.txt").write_bytes(data.draw(st.sampled_from(MAPS)))
    try:
        images = open_images(folder, val_fraction=0).train
    except BadSource:
        return
    assert len(images.classes) > images.labels.max()
    assert [images.read(i).mode for i in range(len(images))] == ["RGB"] * len(images)
