from covpool.data.sources.layout import Listing, is_hidden, plural, read_layout


def layout_of(files, folders=()):
    return read_layout(Listing.of("photos", files, folders, lambda row: b""))


def counts(layout):
    return {name: {c: len(found) for c, found in split.classes.items()} for name, split in layout.splits.items()}


def test_splits_have_many_spellings():
    layout = layout_of(["Train/cat/1.jpg", "VALIDATION/cat/1.jpg", "testing/cat/1.jpg"])
    assert counts(layout) == {"train": {"cat": 1}, "val": {"cat": 1}, "test": {"cat": 1}}


def test_class_folders_at_the_top_are_one_split():
    assert counts(layout_of(["cat/1.jpg", "dog/a/b/2.jpg", "dog/3.jpg"])) == {"all": {"cat": 1, "dog": 2}}


def test_wrapping_folders_are_looked_through():
    assert counts(layout_of(["pack/images/cat/1.jpg", "pack/images/dog/1.jpg"])) == {"all": {"cat": 1, "dog": 1}}
    assert counts(layout_of(["pack/train/cat/1.jpg"])) == {"train": {"cat": 1}}
    twice = layout_of(["training/training/cat/1.jpg", "validation/validation/cat/2.jpg"])
    assert counts(twice) == {"train": {"cat": 1}, "val": {"cat": 1}}


def test_a_single_class_folder_is_no_wrapping():
    assert counts(layout_of(["cat/1.jpg"])) == {"all": {"cat": 1}}


def test_extensions_in_any_case_count_and_hidden_files_do_not():
    files = [f"cat/{i}{e}" for i, e in enumerate([".JPG", ".JPEG", ".Png", ".webp", ".bmp", ".tif", ".TIFF", ".gif"])]
    hidden = ["__MACOSX/cat/1.jpg", "cat/._1.jpg", ".git/x.jpg", "cat/.DS_Store", "@eaDir/x.jpg"]
    listing = Listing.of("photos", files + hidden, [".git", "cat"], lambda row: b"")
    assert listing.files == files
    assert listing.folders == ["cat"]
    assert listing.ignored_sentence() == ""
    assert is_hidden("a/.b/c")


def test_other_files_are_counted_by_extension():
    listing = Listing.of("photos", ["a.txt", "cat/b.TXT", "c.csv", "README"], [], lambda row: b"text")
    assert listing.ignored_sentence() == "ignored 4 files that are no pictures (.txt 2, .csv 1, no extension 1)"


def test_without_an_extension_the_content_decides():
    starts = {0: b"\xff\xd8\xff\xe0", 1: b"#!/bin/sh", 2: b"RIFF\0\0\0\0WEBP"}
    listing = Listing.of("photos", ["cat/n9151jpg", "cat/run", "cat/w"], [], starts.__getitem__)
    assert (listing.files, listing.rows) == (["cat/n9151jpg", "cat/w"], [0, 2])


def test_composed_and_decomposed_accents_are_one_class():
    layout = layout_of(["train/caf\u00e9/1.jpg", "val/cafe\u0301/1.jpg"])
    assert list(layout.splits["train"].classes) == list(layout.splits["val"].classes)


def test_classes_are_in_sorted_order():
    assert list(layout_of(["b/1.jpg", "a 1/1.jpg", "C/1.jpg"]).splits["all"].classes) == ["C", "a 1", "b"]


def test_empty_class_folders_and_loose_pictures_are_mistakes():
    layout = layout_of(["train/cat/1.jpg", "train/loose.jpg"], ["train/dog"])
    mistakes = layout.splits["train"].mistakes("photos")
    assert mistakes[0].startswith("class folder 'photos/train/dog' holds no pictures")
    assert "such as 'train/loose.jpg'" in mistakes[1]


def test_two_val_folders_are_a_mistake():
    layout = layout_of(["train/cat/1.jpg", "val/cat/1.jpg", "valid/cat/1.jpg"])
    assert layout.mistakes == ["'photos' has 'val' and 'valid', both val splits; keep one"]


def test_folders_beside_train_are_passed_over_and_named():
    layout = layout_of(["train/cat/1.jpg", "extra/1.jpg"], ["annotations"])
    assert layout.remarks == ["ignored 'extra' beside the splits of 'photos'"]


def test_a_split_beside_classes_without_train_is_a_mistake():
    layout = layout_of(["test/cat/1.jpg", "cat/1.jpg", "dog/1.jpg"])
    assert "has the split 'test' beside 'cat', 'dog' but no 'train'" in layout.mistakes[0]


def test_numbers_are_written_for_people():
    assert [plural(1, "picture"), plural(1200, "picture"), plural(2, "class")] == [
        "1 picture",
        "1,200 pictures",
        "2 classes",
    ]
