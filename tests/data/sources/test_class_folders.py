import tarfile

import pytest

from covpool.data import BadSource, open_images


def mistakes_of(*arguments, **options):
    with pytest.raises(BadSource) as caught:
        open_images(*arguments, **options)
    return caught.value.mistakes


def as_tar(root, path):
    with tarfile.open(path, "w") as tar:
        tar.add(root, root.name)
    return path


def test_a_folder_and_its_tar_are_the_same_source(tmp_path, class_folders):
    root = class_folders({"train/cat": 2, "train/dog": 3, "val/cat": 1, "val/dog": 1, "test/cat": 1, "test/dog": 2})
    folder, tar = open_images(root), open_images(as_tar(root, tmp_path / "photos.tar"))
    assert folder.name == tar.name == "photos"
    assert folder.classes == tar.classes == ["cat", "dog"]
    for split in ("train", "val", "test"):
        one, other = getattr(folder, split), getattr(tar, split)
        assert [f"photos/{key}" for key in one.keys] == other.keys
        assert one.labels.tolist() == other.labels.tolist()
        assert one.read(0).tobytes() == other.read(0).tobytes()


def test_keys_and_labels_belong_together(class_folders):
    source = open_images(class_folders({"train/cat": 2, "train/dog": 1, "val/cat": 1, "val/dog": 1}))
    assert source.train.keys == ["train/cat/0.png", "train/cat/1.png", "train/dog/0.png"]
    assert source.train.labels.tolist() == [0, 0, 1]


def test_classes_that_train_and_val_do_not_share_are_listed_together(class_folders):
    root = class_folders({"train/cat": 1, "train/dog": 1, "train/hen": 1, "val/Cat": 1, "val/dog": 1})
    missing, strange = mistakes_of(root)
    assert missing == "val has no pictures of 2 classes (cat, hen); add some or remove from train"
    assert "val has 1 class (Cat), unknown in train (is 'Cat' meant to be 'cat'?)" in strange


def test_all_mistakes_are_reported_at_once(class_folders, picture):
    root = class_folders({"train/cat": 1, "train/dog": 0, "val/hen": 1})
    picture(root / "train" / "loose.png")
    found = "\n".join(mistakes_of(root))
    for part in ("train/dog' holds no pictures", "loose.png", "no pictures of 1 class (cat)", "1 class (hen)"):
        assert part in found


def test_pictures_without_class_folders_are_answered_with_the_layout(class_folders):
    (mistake,) = mistakes_of(class_folders({"": 3}))
    assert "holds 3 pictures but no class folders" in mistake
    assert "photos/train/cat/1.jpg" in mistake


def test_train_without_class_folders_is_answered_with_the_layout(class_folders):
    (mistake,) = mistakes_of(class_folders({"train": 3}))
    assert "train' holds 3 pictures but no class folders" in mistake


def test_a_single_class_is_refused(class_folders):
    assert "the single class 'cat'" in mistakes_of(class_folders({"cat": 3}))[0]


def test_a_place_without_pictures_says_what_it_holds(tmp_path, class_folders):
    root = class_folders({"cat": 0})
    (root / "cat" / "a.heic").write_bytes(b"x")
    (mistake,) = mistakes_of(root)
    assert "holds no pictures (ignored 1 file that is no picture (.heic 1))" in mistake


def test_other_files_are_passed_over_with_one_remark(class_folders, caplog):
    root = class_folders({"cat": 5, "dog": 5})
    (root / "labels.csv").write_text("x")
    (root / "cat" / "Thumbs.db").write_text("x")
    open_images(root, val_fraction=0)
    assert [r.message for r in caplog.records] == [
        f"ignored 2 files that are no pictures (.csv 1, .db 1) in {str(root)!r}"
    ]


def test_a_test_split_without_labels_is_passed_over(class_folders, caplog):
    root = class_folders({"train/cat": 1, "train/dog": 1, "val/cat": 1, "val/dog": 1, "test": 4})
    assert open_images(root).test is None
    assert "ignored the test split" in caplog.text


def test_val_may_lie_elsewhere(tmp_path, class_folders):
    train = class_folders({"cat": 2, "dog": 2}, tmp_path / "mine")
    for number, counts in enumerate(
        [{"cat": 1, "dog": 1}, {"x/test/cat": 1, "x/test/dog": 1}, {"val/cat": 1, "val/dog": 1}]
    ):
        val = class_folders(counts, tmp_path / f"val{number}")
        for place in (val, as_tar(val, tmp_path / f"val{number}.tar")):
            source = open_images(train, val=place)
            assert (len(source.train), len(source.val)) == (4, 2)
            assert source.val.labels.tolist() == [0, 1]


def test_val_elsewhere_is_checked_against_the_classes_of_train(tmp_path, class_folders):
    train = class_folders({"cat": 2, "dog": 2}, tmp_path / "mine")
    val = class_folders({"cat": 1, "hen": 1}, tmp_path / "other")
    found = mistakes_of(train, val=val)
    assert [mistake.split(";")[0] for mistake in found] == [
        "val has no pictures of 1 class (dog)",
        "val has 1 class (hen), unknown in train",
    ]


def test_a_single_picture_is_answered_with_the_layout(class_folders):
    root = class_folders({"cat": 1})
    assert "is a single picture; name a folder" in mistakes_of(root / "cat" / "0.png")[0]


def test_a_damaged_archive_is_a_bad_source(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"nothing of the kind" * 100)
    assert "it is no tar" in mistakes_of(tmp_path / "a.tar")[0]
