import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from covpool.data import BadSource, CorruptImage, open_images
from covpool.data.prepare import make_plan, prepare
from covpool.data.prepare.work_folder import WorkFolder
from covpool.formats.pixels import open_labels, open_pixels, read_pixel_info
from covpool.formats.tfrecord import iterate_tfrecord, read_example

CHILD = Path(__file__).with_name("child.py")
KINDS = ("shards", "tfrecord", "pixels")


@pytest.fixture
def photos(class_folders):
    """30 training and 6 validation pictures of two classes."""
    return class_folders({"train/cat": 14, "train/dog": 16, "val/cat": 3, "val/dog": 3})


def plan_of(photos, kind="shards", per_part=4, **options):
    return make_plan(open_images(photos, val_fraction=0), kind, per_part=per_part, **options)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def samples(path):
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            name, _, ending = member.name.partition(".")
            found.setdefault(name, {})[ending] = tar.extractfile(member).read()
    return found


def test_shards_hold_every_picture_once_with_its_label_and_its_own_bytes(photos, tmp_path):
    about = prepare(plan_of(photos), tmp_path / "out")
    assert [part["file"] for part in about["splits"]["val"]["parts"]] == ["val-000000.tar", "val-000001.tar"]
    found = {}
    for part in about["splits"]["train"]["parts"]:
        for name, sample in samples(tmp_path / "out" / part["file"]).items():
            assert set(sample) == {"png", "cls", "json"}
            found[name] = (json.loads(sample["json"])["key"], int(sample["cls"]), sample["png"])
    assert len(found) == about["splits"]["train"]["pictures"] == 30
    assert {key for key, _, _ in found.values()} == {f"train/cat/{i}.png" for i in range(14)} | {
        f"train/dog/{i}.png" for i in range(16)
    }
    for key, label, data in found.values():
        assert label == (0 if "cat" in key else 1)
        assert data == (photos / key).read_bytes()
    assert [key for key, _, _ in found.values()] != sorted(key for key, _, _ in found.values())  # shuffled once
    assert about["classes"] == ["cat", "dog"]
    assert json.loads((tmp_path / "out/dataset.json").read_text()) == about


def test_records_hold_what_the_imagenet_scripts_write(photos, tmp_path):
    about = prepare(plan_of(photos, "tfrecord"), tmp_path / "out")
    files = [part["file"] for part in about["splits"]["val"]["parts"]]
    assert files == ["validation-00000-of-00002", "validation-00001-of-00002"]
    examples = [read_example(span) for file in files for span in iterate_tfrecord(tmp_path / "out" / file)]
    assert [int(example["image/class/label"][0]) for example in examples] == [1, 1, 1, 2, 2, 2]
    for example in examples:
        key = example["image/filename"][0].decode()
        assert example["image/encoded"][0] == (photos / key).read_bytes()
        assert example["image/class/text"][0].decode() in key


def test_pixels_are_mapped_in_the_stored_order(photos, tmp_path):
    plan = plan_of(photos, "pixels", size=8)
    prepare(plan, tmp_path / "out")
    info = read_pixel_info(tmp_path / "out")
    assert info.counts == {"train": 30, "val": 6}
    pixels, labels = open_pixels(tmp_path / "out", info, "val"), open_labels(tmp_path / "out", info, "val")
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    for place in range(6):
        picture = plan.sets["val"].read(place).resize((8, 8), 4)  # 4: the box filter
        assert np.array_equal(pixels[place], np.asarray(picture).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_workers_changes_no_byte(photos, tmp_path, kind):
    heard = []
    prepare(plan_of(photos, kind), tmp_path / "one")
    prepare(plan_of(photos, kind), tmp_path / "two", workers=2, progress=lambda *seen: heard.append(seen))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert heard[0] == (0, 36)
    assert heard[-1] == (36, 36)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one", "photos", "two"]


def killed(source, out, kind, workers, after, mark):
    """Start a preparation and kill it, by SIGKILL, after that many pictures."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, CHILD, source, out, kind, str(workers), mark], env=environment) as child:
        deadline = time.monotonic() + 120
        while child.poll() is None and time.monotonic() < deadline:
            if mark.exists() and int(mark.read_text() or 0) >= after:
                child.kill()
            time.sleep(0.002)
    assert child.returncode == -signal.SIGKILL


def running(mark):
    """Processes that have ``mark`` in their command line."""

    def words(path):
        try:
            return path.read_bytes()
        except OSError:  # it ended meanwhile
            return b""

    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(mark).encode() in words(path)]


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        ("shards", 2),
        pytest.param("shards", 0, marks=pytest.mark.slow),
        pytest.param("tfrecord", 0, marks=pytest.mark.slow),
        ("pixels", 0),
    ],
)
def test_a_kill_in_the_middle_is_survived_and_leaves_no_trace(photos, tmp_path, kind, workers):
    prepare(plan_of(photos, kind), tmp_path / "whole")
    out, mark, partial = tmp_path / "out", tmp_path / "mark", tmp_path / "out.partial"
    killed(photos, out, kind, workers, 14, mark)
    assert not out.exists()
    complete = {path.name for path in partial.glob("*.json")} - {"plan.json"}
    assert 1 <= len(complete) < 10
    heard = []
    about = prepare(plan_of(photos, kind), out, progress=lambda *seen: heard.append(seen))
    assert heard[0][0] >= 4 * len(complete) - 4  # what was complete is not made again
    assert content(out) == content(tmp_path / "whole")
    assert about["splits"]["train"]["pictures"] == 30
    assert not partial.exists()
    deadline = time.monotonic() + 30
    while running(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running(mark) == []  # the workers ended with the main process


def test_an_interrupted_rename_is_finished(photos, tmp_path):
    plan, out = plan_of(photos), tmp_path / "out"
    about = prepare(plan, out)
    whole = content(out)
    out.rename(tmp_path / "out.partial")
    with pytest.raises(BadSource, match="unfinished preparation of other pictures"):
        prepare(plan_of(photos, per_part=5), out)
    assert prepare(plan, out) == about
    assert content(out) == whole


def test_a_complete_preparation_is_left_alone_and_another_is_refused(photos, tmp_path):
    out = tmp_path / "out"
    prepare(plan_of(photos), out)
    written = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    prepare(plan_of(photos), out)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == written
    with pytest.raises(BadSource, match="holds something else"):
        prepare(plan_of(photos, quality=80), out)


def test_unfinished_work_is_not_continued_with_other_options_or_pictures(photos, tmp_path, picture):
    plan = plan_of(photos)
    with WorkFolder(tmp_path / "out", plan.facts()):
        pass
    picture(photos / "train/cat/new.png")
    with pytest.raises(BadSource, match="unfinished preparation of other pictures"):
        prepare(plan_of(photos), tmp_path / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_processes_do_not_prepare_the_same(photos, tmp_path):
    hold = "import sys, json; from covpool.data.prepare.work_folder import WorkFolder; from pathlib import Path\n"
    hold += "with WorkFolder(Path(sys.argv[1]), json.loads(sys.argv[2])): print('held', flush=True); sys.stdin.read()"
    facts = {**plan_of(photos).facts(), "skip_bad": False}
    words = [sys.executable, "-c", hold, str(tmp_path / "out"), json.dumps(facts)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BadSource, match="another process is preparing"):
            prepare(plan_of(photos), tmp_path / "out")
        other.stdin.close()
        other.wait()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_stops_with_its_name_or_is_left_out_and_listed(photos, tmp_path, kind, workers):
    (photos / "train/dog/3.png").write_bytes((photos / "train/dog/3.png").read_bytes()[:-40])
    (photos / "val/cat/1.png").write_bytes(b"")
    with pytest.raises(CorruptImage, match=r"broken picture '(train/dog/3|val/cat/1)\.png'"):
        prepare(plan_of(photos, kind), tmp_path / "out", workers=workers)
    about = prepare(plan_of(photos, kind), tmp_path / "other", workers=workers, skip_bad=True)
    assert {key for key, _ in about["skipped"]} == {"train/dog/3.png", "val/cat/1.png"}
    assert [about["splits"][split]["pictures"] for split in ("train", "val")] == [29, 5]


def test_after_a_broken_picture_is_repaired_the_work_goes_on(photos, tmp_path):
    sound = (photos / "train/dog/3.png").read_bytes()
    (photos / "train/dog/3.png").write_bytes(sound[:50])
    with pytest.raises(CorruptImage):
        prepare(plan_of(photos), tmp_path / "out")
    (photos / "train/dog/3.png").write_bytes(sound)
    heard = []
    about = prepare(plan_of(photos), tmp_path / "out", progress=lambda *seen: heard.append(seen))
    assert about["skipped"] == []
    assert heard[-1] == (36, 36)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_prepared_opens_as_the_same_set(photos, tmp_path, kind):
    plan = plan_of(photos, kind, size=12)
    prepare(plan, tmp_path / "out")
    source = open_images(tmp_path / "out", val_fraction=0)
    order = np.random.default_rng(0).permutation(30)  # training pictures are stored shuffled
    assert source.classes == ["cat", "dog"]
    assert source.train.labels.tolist() == plan.sets["train"].labels[order].tolist()
    assert source.val.labels.tolist() == plan.sets["val"].labels.tolist()
    if kind != "pixels":  # their squares are tested above
        for place in range(30):
            same = plan.sets["train"].read(int(order[place]))
            assert np.array_equal(np.asarray(source.train.read(place)), np.asarray(same))


@pytest.mark.parametrize(("kind", "read"), [("tfrecord", (2, 3)), ("tfrecord", (3, 3)), ("shards", (2, 2))])
def test_what_a_teacher_said_goes_along(photos, tmp_path, kind, read):
    plan = plan_of(photos, kind)
    said = np.random.default_rng(0).normal(size=(6, read[0])).astype(np.float32)
    plan.sets["val"] = plan.sets["val"].with_teacher_logits(said)
    prepare(plan, tmp_path / "out")
    opened = open_images(tmp_path / "out", val_fraction=0).val.teacher_logits(np.arange(6))
    np.testing.assert_array_equal(opened[:, : read[0]], said)
    assert opened.shape[1] == read[1]  # records have a background, 0 where the teacher knows none
    assert read[0] == read[1] or not opened[:, -1].any()


def test_a_source_of_arrays_becomes_png(tmp_path):
    about = prepare(make_plan(open_images("digits", val_fraction=0)), tmp_path / "out")
    first = samples(tmp_path / "out/val-000000.tar")
    assert about["written_anew"] == {"pixels": 1797}
    assert next(iter(first.values()))["png"].startswith(b"\x89PNG")


def test_a_plan_names_all_its_mistakes():
    with pytest.raises(ValueError, match=r"format needs .* quality needs .* at least 1; got 0"):
        make_plan(open_images("digits"), "zip", quality=0, per_part=0)
