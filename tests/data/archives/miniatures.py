"""A miniature of each published set: the files that its authors' archives unpack to, with few classes."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def jpeg(seed):
    buffer = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    Image.fromarray(values).save(buffer, "JPEG")
    return buffer.getvalue()


def mat(**variables):
    buffer = io.BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


def lines(*rows):
    return ("\n".join(rows) + "\n").encode()


def structs(names, rows):
    return np.array([tuple(row) for row in rows], dtype=[(name, object) for name in names])


def cells(*names):
    return np.array(names, dtype=object)


def with_pictures(files, *names):
    return {**files, **{name: jpeg(seed) for seed, name in enumerate(names)}}


def cub():
    kinds = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "003.Sooty_Albatross", "004.Groove_billed_Ani"]
    names = [f"{kind}/{kind[4:]}_{n:04d}_{n}.jpg" for kind in kinds for n in (1, 2, 3)]
    root = "CUB_200_2011/"
    files = {
        root + "README": b"about\n",
        root + "classes.txt": lines(*(f"{i} {kind}" for i, kind in enumerate(kinds, 1))),
        root + "images.txt": lines(*(f"{i} {name}" for i, name in enumerate(names, 1))),
        root + "image_class_labels.txt": lines(*(f"{i + 1} {i // 3 + 1}" for i in range(12))),
        root + "train_test_split.txt": lines(*(f"{i + 1} {int(i % 3 != 2)}" for i in range(12))),
        root + "bounding_boxes.txt": lines(*(f"{i + 1} 1.0 1.0 9.0 9.0" for i in range(12))),
        "attributes.txt": b"1 has_bill_shape::curved_(up_or_down)\n",
        root + "parts/parts.txt": b"1 back\n2 beak\n",
        root + "attributes/class_attribute_labels_continuous.txt": b"0.0 0.1\n",
        "._CUB_200_2011": b"what macOS puts into archives",
        root + "._classes.txt": b"what macOS puts into archives",
    }
    return with_pictures(files, *(f"{root}images/{name}" for name in names))


def aircraft():
    root = "fgvc-aircraft-2013b/data/"
    numbers = ["0034309", "0034958", "0037511", "0047305", "0062763", "0063400"]
    variants = ["707-320", "F/A-18", "Model B200"]
    families, makers = ["Boeing 707", "F/A-18", "King Air"], ["Boeing", "McDonnell Douglas", "Beechcraft"]
    files = {root + "variants.txt": lines(*variants), root + "images_box.txt": b"0034309 3 144 998 431\n"}
    files |= {root + "families.txt": lines(*families), root + "manufacturers.txt": lines(*sorted(makers))}
    for place, split in enumerate(("train", "val", "test")):
        pair = numbers[2 * place : 2 * place + 2]
        rows = [f"{pair[0]} {variants[place]}", f"{pair[1]} {variants[(place + 1) % 3]}"]
        files[f"{root}images_variant_{split}.txt"] = lines(*rows)
        files[f"{root}images_{split}.txt"] = lines(*pair)
        for level, names in (("family", families), ("manufacturer", makers)):
            rows = [f"{pair[0]} {names[place]}", f"{pair[1]} {names[(place + 1) % 3]}"]
            files[f"{root}images_{level}_{split}.txt"] = lines(*rows)
    return with_pictures(files, *(f"{root}images/{number}.jpg" for number in numbers))


_BOX = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"]


def cars():
    fields = [*_BOX, "class", "fname"]
    train = structs(fields, [(1, 1, 9, 9, 2, "00001.jpg"), (1, 1, 9, 9, 4, "00002.jpg"), (1, 1, 9, 9, 1, "00003.jpg")])
    test = structs(fields, [(1, 1, 9, 9, 3, "00001.jpg"), (1, 1, 9, 9, 2, "00002.jpg")])
    unlabelled = structs([*_BOX, "fname"], [(1, 1, 9, 9, "00001.jpg"), (1, 1, 9, 9, "00002.jpg")])
    models = cells("AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Acura TL Sedan 2012", "Ram C/V Cargo Van 2012")
    files = {
        "devkit/cars_meta.mat": mat(class_names=models),
        "devkit/cars_train_annos.mat": mat(annotations=train),
        "devkit/cars_test_annos.mat": mat(annotations=unlabelled),
        "cars_test_annos_withlabels.mat": mat(annotations=test),
    }
    pictures = [*(f"cars_train/{n:05d}.jpg" for n in (1, 2, 3)), "cars_test/00001.jpg", "cars_test/00002.jpg"]
    return with_pictures(files, *pictures)


def cars_labelled_in_the_devkit():
    files = cars()
    return {**files, "devkit/cars_test_annos.mat": files.pop("cars_test_annos_withlabels.mat")}


def cars_in_one_folder():
    rows = [(f"car_ims/{n:06d}.jpg", 1, 1, 9, 9, label, test) for n, label, test in ((1, 1, 0), (2, 1, 1), (3, 2, 0))]
    annotations = structs(["relative_im_path", *_BOX, "class", "test"], rows)
    files = {"cars_annos.mat": mat(annotations=annotations, class_names=cells("AM General", "Acura RL"))}
    return with_pictures(files, *(row[0] for row in rows))


def food101():
    names = {"train": ["apple_pie/1005649", "sushi/1014775"], "test": ["sushi/1026328", "apple_pie/1011328"]}
    files = {f"food-101/meta/{split}.txt": lines(*found) for split, found in names.items()}
    files["food-101/meta/classes.txt"] = lines("apple_pie", "sushi")
    for split, found in names.items():
        by_class = {dish: [name for name in found if name.startswith(dish)] for dish in ("apple_pie", "sushi")}
        files[f"food-101/meta/{split}.json"] = json.dumps(by_class).encode()
    files["food-101/meta/labels.txt"] = lines("Apple pie", "Sushi")
    return with_pictures(files, *(f"food-101/images/{name}.jpg" for found in names.values() for name in found))


def food101_of_json():
    return {name: content for name, content in food101().items() if not name.endswith(".txt")}


def pets():
    rows = {
        "trainval": ["Abyssinian_100 1 1 1", "great_dane_2 2 2 1"],
        "test": ["great_dane_4 2 2 1", "Abyssinian_3 1 1 1"],
    }
    files = {f"annotations/{split}.txt": lines(*found) for split, found in rows.items()}
    files["annotations/list.txt"] = lines(
        "#Image CLASS-ID SPECIES BREED ID",
        "#ID: 1:37 Class ids",
        "#SPECIES: 1:Cat 2:Dog",
        "#All images with 1st letter as captial are cat images",
        *rows["trainval"],
        *rows["test"],
    )
    files["annotations/._trimaps"] = files["annotations/trimaps/._Abyssinian_100.png"] = (
        b"what macOS puts into archives"
    )
    files["annotations/trimaps/Abyssinian_100.png"] = files["annotations/xmls/Abyssinian_100.xml"] = (
        b"no picture to learn"
    )
    files["images/Abyssinian_100.mat"] = b"a stray file of the archive"
    return with_pictures(files, *(f"images/{row.split()[0]}.jpg" for found in rows.values() for row in found))


def flowers():
    numbers = {"trnid": [1, 2], "valid": [4, 3], "tstid": [5, 6]}
    files = {
        "imagelabels.mat": mat(labels=np.array([[1, 2, 1, 2, 1, 2]], np.uint8)),
        "setid.mat": mat(**{name: np.array([found], np.uint16) for name, found in numbers.items()}),
    }
    return with_pictures(files, *(f"jpg/image_{n:05d}.jpg" for n in range(1, 7)))


def places():
    files = {
        "categories_places365.txt": lines("/a/airfield 0", "/a/apartment_building/outdoor 1"),
        "places365_train_standard.txt": lines(
            "/a/airfield/00000001.jpg 0", "/a/apartment_building/outdoor/00000001.jpg 1"
        ),
        "places365_val.txt": lines("Places365_val_00000001.jpg 1"),
        "places365_test.txt": lines("Places365_test_00000001.jpg"),
    }
    train = ["data_256/a/airfield/00000001.jpg", "data_256/a/apartment_building/outdoor/00000001.jpg"]
    return with_pictures(files, *train, "val_256/Places365_val_00000001.jpg")


def places_easy():
    root = "places365_standard/"
    names = {"train": ["train/airfield/1.jpg", "train/zoo/2.jpg"], "val": ["val/zoo/3.jpg"]}
    files = {f"{root}{split}.txt": lines(*found) for split, found in names.items()}
    return with_pictures(files, *(root + name for found in names.values() for name in found))


def products():
    root = "Stanford_Online_Products/"
    head = "image_id class_id super_class_id path"
    train = [
        "1 1 1 bicycle_final/111085122871_0.JPG",
        "2 1 1 bicycle_final/111085122871_1.JPG",
        "3 2 6 lamp_final/2_0.JPG",
    ]
    test = ["4 3 6 lamp_final/3_0.JPG", "5 4 1 bicycle_final/4_0.JPG"]
    files = {root + "Ebay_train.txt": lines(head, *train), root + "Ebay_test.txt": lines(head, *test)}
    files[root + "Ebay_info.txt"] = lines(head, *train, *test)
    files[f"__MACOSX/{root}._Ebay_train.txt"] = b"what macOS puts into archives"
    return with_pictures(files, *(root + row.split()[3] for row in (*train, *test)))


def ifood():
    files = {
        "class_list.txt": lines("0 macaron", "1 beignet", "2 cruller"),
        "train_labels.csv": lines("img_name,label", "train_000000.jpg,2", "train_000001.jpg,0"),
        "val_labels.csv": lines("img_name,label", "val_000000.jpg,1"),
    }
    return with_pictures(files, *(f"train_set/train_00000{n}.jpg" for n in (0, 1)), "val_set/val_000000.jpg")


def ifood_of_the_authors():
    files = ifood()
    return {
        "annot/class_list.txt": files.pop("class_list.txt"),
        "annot/train_info.csv": lines("train_000000.jpg,2", "train_000001.jpg,0"),
        "annot/val_info.csv": lines("val_000000.jpg,1"),
        **{name: content for name, content in files.items() if name.endswith(".jpg")},
    }


def uec():
    root = "UECFOOD100/"
    files = {
        root + "category.txt": b"id\tname\n1\trice\n2\teels on rice\n",
        root + "1/bb_info.txt": lines("img x1 y1 x2 y2", "1 0 0 9 9", "2 0 0 9 9", "10 0 0 9 9"),
        root + "2/bb_info.txt": lines("img x1 y1 x2 y2", "3 0 0 9 9", "2 0 0 9 9"),
        root + "README.txt": b"about\n",
        root + "multiple_food.txt": lines("image_id category_ids", "2 1 2"),
    }
    return with_pictures(files, *(root + name for name in ("1/1.jpg", "1/2.jpg", "1/10.jpg", "2/3.jpg", "2/2.jpg")))


def unpack(files, root: Path) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pack(files, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {".tgz": "w:gz", ".gz": "w:gz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def pack_by_top(files, shelf: Path, names: dict[str, str]) -> Path:
    """Each archive of ``names`` holds the files that start with its prefix; what is left lies beside them."""
    left = dict(files)
    for archive, prefix in names.items():
        pack({name: left.pop(name) for name in list(left) if name.startswith(prefix)}, shelf / archive)
    return unpack(left, shelf)
