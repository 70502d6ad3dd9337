import contextlib
import io
import logging
import pickle
import random
import re
import tarfile
import time

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from covpool.data import BadSource, CorruptImage, Preprocessing, eval_loader, eval_transform, open_images, train_loader
from covpool.data import train_transform as augmented
from data.tars import png, samples, value_of, write_shards, write_tar
from formats.damage import damaged, put

P = Preprocessing(6, (0.5,) * 3, (0.5,) * 3, 1.0)


@pytest.fixture
def folder(tmp_path):
    write_shards(tmp_path / "set", "train", [5, 1, 7, 10])
    write_shards(tmp_path / "set", "val", [4])
    return tmp_path / "set"


def numbers(images):
    return [value_of(images.read(i)) for i in range(len(images))]


@pytest.mark.parametrize("how", ["{}", "{}/train-{{0000..0003}}.tar", "pipe:cat {}/train-{{0000..0003}}.tar"])
def test_every_sample_of_every_shard_is_there_once(folder, tmp_path, how):
    source = open_images(how.format(folder), cache=tmp_path / "cache", val_fraction=0)
    assert numbers(source.train) == list(range(23))
    assert source.train.labels.tolist() == [i % 3 for i in range(23)]
    assert source.classes == ["0", "1", "2"]
    assert pickle.loads(pickle.dumps(source.train)).keys[22] == "000022.png"
    if how == "{}":
        assert numbers(source.val) == list(range(4))


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_see_every_sample_once(folder, world_size, workers):
    images = open_images(folder).train
    loaders = [
        train_loader(
            images, augmented(P, "crop"), batch_size=3, seed=5, workers=workers, rank=rank, world_size=world_size
        )
        for rank in range(world_size)
    ]
    for epoch in (0, 1):
        seen = [torch.cat([batch.indices for batch in loader.epoch(epoch)]) for loader in loaders]
        assert sorted(torch.cat(seen).tolist()) == list(range(23))
    assert len({len(loader) for loader in loaders}) == 1
    for loader in loaders:
        loader.close()


def test_resuming_in_the_middle_and_other_numbers_of_workers_change_no_bit(folder):
    images = open_images(folder).train

    def batches(workers, start=0):
        options = {"batch_size": 3, "seed": 5, "rank": 1, "world_size": 2}
        loader = train_loader(images, augmented(P, "crop", scale=(0.3, 1)), workers=workers, **options)
        found = list(loader.epoch(4, start))
        loader.close()
        return found

    whole = batches(0)
    for other, expected in ((batches(2), whole), (batches(0, 2), whole[2:]), (batches(1, 2), whole[2:])):
        assert len(other) == len(expected) > 0
        for one, two in zip(other, expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_names_of_classes_come_from_json_files_or_a_list(tmp_path):
    members = [("a.png", png(0)), ("a.cls", b"1"), ("a.json", b'{"class": "dog"}')]
    members += [("b.png", png(1)), ("b.json", b'{"label": 0, "class": "cat"}')]
    write_tar(tmp_path / "set" / "train-0.tar", members)
    assert open_images(tmp_path / "set", val_fraction=0).classes == ["cat", "dog"]
    (tmp_path / "set" / "classes.txt").write_text("katze\nhund\nmaus\n")
    assert open_images(tmp_path / "set", val_fraction=0).classes == ["katze", "hund", "maus"]


def test_labels_may_be_names_and_folders_name_them_too(tmp_path):
    write_tar(
        tmp_path / "train-0.tar",
        [
            ("dog/1.png", png(0)),
            ("x.jpg", png(1)),
            ("x.cls", b"cat\n"),
            ("y.png", png(2)),
            ("y.json", b'{"label":"dog"}'),
        ],
    )
    images = open_images(f"{tmp_path}/train-{{0..0}}.tar", val_fraction=0).train
    assert [images.classes[label] for label in images.labels] == ["dog", "cat", "dog"]


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE = {
    "a link": [special("000001.png", tarfile.SYMTYPE, "/etc/passwd")],
    "a hard link": [special("000001.png", tarfile.LNKTYPE, "000000.png")],
    "a device": [special("000001.png", tarfile.CHRTYPE)],
    "absolute": [("/etc/000001.png", png(1))],
    "out of it": [("../000001.png", png(1))],
    "no label": [("000001.png", png(1))],
    "a huge label": [("000001.png", png(1)), ("000001.cls", b"9" * 5000)],
    "a label below zero": [("000001.png", png(1)), ("000001.cls", b"-1")],
    "a label that would be a bomb": [("000001.png", png(1)), ("000001.cls", b"999999999")],
    "damaged json": [("000001.png", png(1)), ("000001.json", b"[" * 60000)],
    "a pickle": [("000001.pyd", b"cos\nsystem\n(S'touch ran'\ntR.")],
    "twice": [("000000.png", png(1)), ("000000.cls", b"0")],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_shard_is_named_and_the_rest_goes_on(tmp_path, monkeypatch, caplog, kind):
    monkeypatch.chdir(tmp_path)
    write_tar(tmp_path / "s" / "train-0.tar", [*samples(0, 1), *HOSTILE[kind], *samples(2, 2)])
    with caplog.at_level(logging.WARNING):
        images = open_images("s", val_fraction=0).train
    assert numbers(images) == [0, 2, 3]
    said = f"left out of the shard '{tmp_path / 's' / 'train-0.tar'}'"
    assert said in caplog.text
    with pytest.raises(BadSource, match=re.escape(said)):
        open_images("s", val_fraction=0, on_damage="stop")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "etc").exists()


def test_the_samples_before_a_cut_stay(folder, caplog):
    path = folder / "train-0003.tar"
    path.write_bytes(path.read_bytes()[:9000])
    images = open_images(folder).train
    assert 13 < len(images) < 23
    assert numbers(images) == list(range(len(images)))
    assert "cut short" in caplog.text


def test_a_broken_picture_in_a_shard_stops_or_is_skipped_as_in_a_folder(tmp_path):
    write_tar(tmp_path / "train-0.tar", [*samples(0, 3), ("000003.png", png(3)[:40]), ("000003.cls", b"0")])
    images = open_images(tmp_path, val_fraction=0).train
    loader = eval_loader(images, eval_transform(P), batch_size=2, on_bad_image="skip")
    assert torch.cat([batch.indices for batch in loader.epoch(0)]).tolist() == [0, 1, 2]
    with pytest.raises(CorruptImage, match=r"000003\.png"):
        list(eval_loader(images, eval_transform(P), batch_size=2).epoch(0))


def test_mistakes_are_sentences(folder, tmp_path):
    with pytest.raises(BadSource, match=r"cannot read the shard .*train-0004.tar' \(No such file"):
        open_images(f"{folder}/train-{{0000..0004}}.tar")
    with pytest.raises(BadSource, match="holds no labelled pictures"):
        open_images(write_tar(tmp_path / "e" / "train-0.tar", [("a.txt", b"a")]).parent)
    write_tar(folder / "extra.tar", samples(0, 2))
    with pytest.raises(BadSource, match="others that name none"):
        open_images(folder)


def test_damaged_shards_are_read_or_named(tmp_path):
    write_tar(tmp_path / "whole.tar", samples(0, 4))
    whole, rng = (tmp_path / "whole.tar").read_bytes()[:9000], random.Random(3)
    (tmp_path / "s").mkdir()
    read = 0
    for _ in range(150):
        put(tmp_path / "s" / "train-0.tar", damaged(rng, whole))
        try:
            images = open_images(tmp_path / "s", val_fraction=0).train
        except BadSource:
            continue
        loader = eval_loader(images, eval_transform(P), batch_size=8, on_bad_image="skip")
        read += sum(len(batch.labels) for batch in loader.epoch(0))
    assert read > 100


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library leaves its file open
def test_shards_of_the_webdataset_library_are_read_and_ours_by_it(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "train-0.tar")) as writer:
        for i in range(4):
            writer.write({"__key__": f"{i:03d}", "png": png(i), "cls": i % 2})
    images = open_images(tmp_path, val_fraction=0).train
    assert numbers(images) == list(range(4))
    assert images.labels.tolist() == [0, 1, 0, 1]
    ours = write_tar(tmp_path / "ours.tar", samples(0, 3))
    found = [sample["cls"] for sample in webdataset.WebDataset(str(ours), shardshuffle=False)]
    assert found == [b"0", b"1", b"2"]


def test_numbers_and_names_do_not_mix(tmp_path):
    write_tar(tmp_path / "train-0.tar", [*samples(0, 2), ("x.png", png(1)), ("x.cls", b"cat")])
    with pytest.raises(BadSource, match="others by names"):
        open_images(tmp_path)


def npy(numbers):
    file = io.BytesIO()
    np.save(file, numbers)
    return file.getvalue()


def test_what_a_teacher_said_lies_beside_the_pictures(tmp_path):
    said = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    members = samples(0, 4)
    write_tar(tmp_path / "train-0.tar", members)
    plain = open_images(str(tmp_path / "train-0.tar"), val_fraction=0).train
    assert plain.teacher_logits([0]) is None
    answers = [(f"{i:06d}.logits.npy", npy(said[i])) for i in range(4)]
    taught = [member for i in range(4) for member in (*members[2 * i : 2 * i + 2], answers[i])]
    write_tar(tmp_path / "taught" / "train-0.tar", taught)
    images = open_images(str(tmp_path / "taught" / "train-0.tar"), val_fraction=0).train
    assert np.array_equal(images.teacher_logits([2, 0]), said[[2, 0]])
    assert images.subset([3]).teacher_logits([0]).tolist() == said[[3]].tolist()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x93NUMPY\x01\x00",
        npy(np.zeros((2, 3), np.float32)),
        npy(np.zeros(3, np.float64)),
        npy(np.zeros(3, np.float32))[:-4],
        npy(np.array([object()], dtype=object)),
        npy(np.zeros(3, np.float32)).replace(b"(3,)", b"(9**9,)"),
    ],
)
def test_hostile_logits_are_none(tmp_path, bad):
    path = write_tar(tmp_path / "train-0.tar", [*samples(0, 2)[:2], ("000000.logits.npy", bad), *samples(0, 2)[2:]])
    images = open_images(str(path), val_fraction=0).train
    assert images.teacher_logits([0]) is None
    assert images.read(0).size == (6, 6)


def stored(mode, format="PNG", size=(5, 4), **how):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format, **how)
    return buffer.getvalue()


def test_odd_pictures_of_a_shard_are_read_or_skipped_and_named(tmp_path, monkeypatch):
    moving = io.BytesIO()
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    turned = Image.Exif()
    turned[274] = 6
    sound = {
        "cmyk.jpg": stored("CMYK", "JPEG"),
        "grey16.png": stored("I;16"),
        "one.png": stored("RGB", size=(1, 1)),
        "moving.gif": moving.getvalue(),
        "turned.jpg": stored("RGB", "JPEG", exif=turned),
        "clear.png": stored("RGBA"),
    }
    broken = {
        "cut.jpg": stored("RGB", "JPEG", size=(64, 64))[:-200],
        "bomb.png": stored("1", size=(3000, 3000)),
        "empty.png": b"",
        "other.jpg": b"%PDF-1.7",
        "float.tif": stored("F", "TIFF"),
    }
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    pictures = {**sound, **broken}
    members = [m for n, c in pictures.items() for m in ((n, c), (f"{n.split('.')[0]}.cls", str(len(c) % 2).encode()))]
    write_tar(tmp_path / "train-0.tar", [*members, *samples(900, 2)])
    images = open_images(tmp_path, val_fraction=0).train
    loader = eval_loader(images, eval_transform(P), batch_size=4, on_bad_image="skip")
    seen = sum(len(batch.labels) for batch in loader.epoch())
    assert seen == len(sound) + 2
    assert sorted(key for key, _ in loader.skipped) == sorted(broken)
    with pytest.raises(CorruptImage):
        list(eval_loader(images, eval_transform(P), batch_size=4).epoch())


WORDS = [
    "a.png",
    "a.cls",
    "a.json",
    "b.jpg",
    "b.cls",
    "c/d.png",
    "../x.png",
    "/e.png",
    "",
    ".",
    "f.logits.npy",
    "f.png",
    "f.cls",
]
CONTENTS = [
    png(3),
    b"",
    b"0",
    b"-1",
    b"9" * 5000,
    b"cat",
    b'{"label": 1}',
    b'{"class": "\\ud800", "label": 0}',
    b"[" * 70000,
]
KINDS = [*[tarfile.REGTYPE] * 8, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, b"S", b"Z"]


@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(CONTENTS), st.sampled_from(KINDS)), max_size=8),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.dictionaries(
        st.sampled_from(["size", "path"]), st.sampled_from(["1", "9" * 5000, "x", "../a.png", "b.png"]), max_size=1
    ),
)
@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_shard_is_made_of_it_is_read_or_named(tmp_path, members, format, headers):
    path = tmp_path / str(time.monotonic_ns()) / "train-0.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w", format=format) as tar:
        for name, content, kind in members:
            info = special(name, kind, "/etc/passwd" if kind == tarfile.SYMTYPE else "")
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            info.pax_headers = headers
            tar.addfile(info, io.BytesIO(content))
    try:
        images = open_images(path.parent, val_fraction=0).train
    except BadSource:
        return
    assert len(images.classes) > images.labels.max() >= images.labels.min() >= 0
    "".join([*images.classes, *images.keys]).encode()
    for i in range(len(images)):
        with contextlib.suppress(CorruptImage):
            assert images.read(i).mode == "RGB"


def test_a_name_that_is_half_a_sign_is_mended(tmp_path):
    half = [("1.png", png(1)), ("1.json", b'{"label": "\\ud800"}'), ("2.png", png(2)), ("2.json", b'{"label": "cat"}')]
    write_tar(tmp_path / "train-0.tar", half)
    assert open_images(tmp_path, val_fraction=0).classes == ["?", "cat"]
