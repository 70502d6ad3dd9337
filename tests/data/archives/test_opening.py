"""Each published set in miniature: unpacked, and in the archives as they are published."""

import pytest

from covpool.data import BadSource, open_images
from covpool.data.archives import archives, recognised
from data.archives import miniatures as made

# set -> what it unpacks to, the published archives (name -> what is in it), pictures of each split by label
CASES = {
    "cub-200-2011": (made.cub, {"CUB_200_2011.tgz": ""}, {"train": [0, 0, 1, 1, 2, 2, 3, 3], "test": [0, 1, 2, 3]}),
    "cub-200-2011-zeroshot": (
        made.cub,
        {"CUB_200_2011.tgz": ""},
        {"train": [0] * 3 + [1] * 3, "test": [2] * 3 + [3] * 3},
    ),
    "fgvc-aircraft": (
        made.aircraft,
        {"fgvc-aircraft-2013b.tar.gz": ""},
        {"train": [0, 1], "val": [1, 2], "test": [2, 0]},
    ),
    "fgvc-aircraft-trainval": (
        made.aircraft,
        {"fgvc-aircraft-2013b.tar.gz": ""},
        {"train": [0, 1, 1, 2], "test": [2, 0]},
    ),
    "fgvc-aircraft-family": (
        made.aircraft,
        {"fgvc-aircraft-2013b.tar.gz": ""},
        {"train": [0, 1], "val": [1, 2], "test": [2, 0]},
    ),
    "fgvc-aircraft-manufacturer": (
        made.aircraft,
        {"fgvc-aircraft-2013b.tar.gz": ""},
        {"train": [1, 2], "val": [2, 0], "test": [0, 1]},
    ),
    "stanford-cars": (
        made.cars,
        {"cars_train.tgz": "cars_train/", "cars_test.tgz": "cars_test/", "car_devkit.tgz": "devkit/"},
        {"train": [1, 3, 0], "test": [2, 1]},
    ),
    "stanford-cars-zeroshot": (
        made.cars,
        {"cars_train.tgz": "cars_train/", "cars_test.tgz": "cars_test/", "car_devkit.tgz": "devkit/"},
        {"train": [1, 0, 1], "test": [3, 2]},
    ),
    "food101": (made.food101, {"food-101.tar.gz": ""}, {"train": [0, 1], "test": [1, 0]}),
    "oxford-pets": (
        made.pets,
        {"images.tar.gz": "images/", "annotations.tar.gz": "annotations/"},
        {"train": [0, 1], "test": [1, 0]},
    ),
    "flowers102": (made.flowers, {"102flowers.tgz": "jpg/"}, {"train": [0, 1], "val": [1, 0], "test": [0, 1]}),
    "flowers102-trainval": (made.flowers, {"102flowers.tgz": "jpg/"}, {"train": [0, 1, 1, 0], "test": [0, 1]}),
    "places365": (
        made.places,
        {
            "train_256_places365standard.tar": "data_256/",
            "val_256.tar": "val_256/",
            "filelist_places365-standard.tar": "",
        },
        {"train": [0, 1], "val": [1]},
    ),
    "stanford-online-products": (
        made.products,
        {"Stanford_Online_Products.zip": ""},
        {"train": [0, 0, 1], "test": [2, 3]},
    ),
    "ifood2019": (
        made.ifood,
        {"train_set.zip": "train_set/", "val_set.zip": "val_set/"},
        {"train": [2, 0], "val": [1]},
    ),
    "uec-food100": (made.uec, {"UECFOOD100.zip": ""}, {"train": [0, 0, 0, 1, 1]}),
}


def labels(source):
    sets = {split: getattr(source, split) for split in ("train", "val", "test")}
    return {split: found.labels.tolist() for split, found in sets.items() if found is not None}


def opened(source, **options):
    """The splits that the authors made, each picture read."""
    found = open_images(source, val_fraction=0, **options)
    for split in ("train", "val", "test"):
        images = getattr(found, split)
        for index in range(len(images) if images is not None else 0):
            assert images.read(index).size == (12, 10)
            assert images.keys[index].startswith(f"{split}/") or images is found.test
    return found


def expected(splits):
    return splits if "val" in splits or "test" not in splits else {**splits, "val": splits["test"]}


def test_every_published_set_has_a_miniature():
    assert set(CASES) == set(archives)


@pytest.mark.parametrize("name", CASES)
def test_an_unpacked_set_is_split_and_labelled_by_its_own_lists(name, tmp_path):
    make, _, splits = CASES[name]
    root = made.unpack(make(), tmp_path / "here")
    assert labels(opened(f"{name}:{root}")) == expected(splits)


@pytest.mark.parametrize("name", CASES)
def test_the_published_archives_are_read_as_they_are(name, tmp_path):
    make, packed, splits = CASES[name]
    shelf = made.pack_by_top(make(), tmp_path / "shelf", packed)
    before = sorted(path.name for path in shelf.rglob("*"))
    source = opened(f"{name}:{shelf}", cache=tmp_path / "cache")
    assert labels(source) == expected(splits)
    assert sorted(path.name for path in shelf.rglob("*")) == before


@pytest.mark.parametrize("name", CASES)
def test_any_one_archive_of_a_set_finds_the_others_beside_it(name, tmp_path):
    make, packed, splits = CASES[name]
    shelf = made.pack_by_top(make(), tmp_path / "shelf", packed)
    for archive in packed:
        source = open_images(f"{name}:{shelf / archive}", val_fraction=0, cache=tmp_path / "cache")
        assert labels(source) == expected(splits)


@pytest.mark.parametrize("name", [name for name in CASES if archives.get(name).is_recognised])
def test_a_set_is_recognised_without_its_name(name, tmp_path):
    make, packed, splits = CASES[name]
    root = made.unpack(make(), tmp_path / "anything")
    shelf = made.pack_by_top(make(), tmp_path / "shelf", packed)
    assert recognised(root) == name
    assert labels(opened(root)) == expected(splits)
    assert {recognised(shelf / archive) for archive in packed} == {name}
    assert labels(opened(shelf / next(iter(packed)), cache=tmp_path / "cache")) == expected(splits)


@pytest.mark.parametrize("name", CASES)
def test_a_set_in_the_cache_is_opened_by_its_name_alone(name, tmp_path):
    make, packed, splits = CASES[name]
    made.pack_by_top(make(), tmp_path / name, packed)
    assert labels(opened(name, cache=tmp_path)) == expected(splits)


def test_classes_have_the_names_of_the_authors(tmp_path):
    def classes(name, make):
        return open_images(f"{name}:{made.unpack(make(), tmp_path / name)}", val_fraction=0).classes

    assert classes("cub-200-2011", made.cub)[3] == "004.Groove_billed_Ani"
    assert classes("fgvc-aircraft", made.aircraft) == ["707-320", "F/A-18", "Model B200"]
    assert classes("fgvc-aircraft-family", made.aircraft) == ["Boeing 707", "F/A-18", "King Air"]
    assert classes("fgvc-aircraft-manufacturer", made.aircraft) == ["Beechcraft", "Boeing", "McDonnell Douglas"]
    assert classes("stanford-cars", made.cars)[3] == "Ram C/V Cargo Van 2012"
    assert classes("oxford-pets", made.pets) == ["Abyssinian", "Great Dane"]
    assert classes("places365", made.places) == ["airfield", "apartment_building/outdoor"]
    assert classes("stanford-online-products", made.products) == [
        "00001.bicycle",
        "00002.lamp",
        "00003.lamp",
        "00004.bicycle",
    ]
    assert classes("ifood2019", made.ifood) == ["macaron", "beignet", "cruller"]
    assert classes("uec-food100", made.uec) == ["rice", "eels on rice"]


def test_the_other_layouts_of_the_same_authors(tmp_path):
    cars = made.unpack(made.cars_in_one_folder(), tmp_path / "cars")
    assert labels(opened(cars)) == expected({"train": [0, 1], "test": [0]})
    cars = made.unpack(made.cars_labelled_in_the_devkit(), tmp_path / "newer" / "cars")
    assert labels(opened(cars)) == expected({"train": [1, 3, 0], "test": [2, 1]})
    food = made.unpack(made.food101_of_json(), tmp_path / "food")
    assert labels(opened(food)) == expected({"train": [0, 1], "test": [0, 1]})  # class by class, as the file has it
    easy = made.unpack(made.places_easy(), tmp_path / "places")
    assert labels(opened(f"places365:{easy}")) == {"train": [0, 1], "val": [1]}
    archive = made.pack(made.places_easy(), tmp_path / "places365standard_easyformat.tar")
    assert labels(opened(archive)) == {"train": [0, 1], "val": [1]}
    names = {"train.tar": "train_set/", "val.tar": "val_set/", "annot.tar": "annot/"}
    shelf = made.pack_by_top(made.ifood_of_the_authors(), tmp_path / "ifood", names)
    assert labels(opened(shelf)) == {"train": [2, 0], "val": [1]}


def test_missing_pictures_are_counted_and_named(tmp_path):
    root = made.unpack(made.cub(), tmp_path / "birds")
    (root / "CUB_200_2011/images/003.Sooty_Albatross/Sooty_Albatross_0002_2.jpg").unlink()
    with pytest.raises(
        BadSource, match=r"lists 1 picture that it does not hold \('CUB_200_2011/images/003.*0002_2.jpg'\)"
    ):
        open_images(root)


def test_a_missing_list_is_named(tmp_path):
    files = made.cars()
    del files["cars_test_annos_withlabels.mat"]
    root = made.unpack(files, tmp_path / "cars")
    with pytest.raises(BadSource, match=r"there is no cars_test_annos_withlabels\.mat"):
        open_images(f"stanford-cars:{root}")
    with pytest.raises(BadSource, match=r"does not hold 'food101' .*meta/classes.txt"):
        open_images(f"food101:{root}")


def test_a_label_out_of_range_is_a_sentence(tmp_path):
    files = made.ifood()
    files["val_labels.csv"] = made.lines("img_name,label", "val_000000.jpg,3")
    with pytest.raises(BadSource, match=r"'val_labels.csv' .* whole number from 0 to 2; got '3'"):
        open_images(made.unpack(files, tmp_path / "food"))


def test_a_set_that_is_nowhere_says_where_to_put_it(tmp_path):
    with pytest.raises(BadSource, match=r"'cub-200-2011' is not in .*cub-200-2011:PATH"):
        open_images("cub-200-2011", cache=tmp_path)
    with pytest.raises(BadSource, match="there is no folder or archive"):
        open_images(f"food101:{tmp_path}/nothing", cache=tmp_path)


def test_a_folder_of_class_folders_is_not_taken_for_a_published_set(class_folders):
    assert recognised(class_folders({"images": 2, "jpg": 2, "train": 1})) is None
