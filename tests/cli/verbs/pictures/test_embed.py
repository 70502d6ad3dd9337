import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture
def photos(tmp_path):
    """photos/<digit>/<i>.png, 4 of each of 3 digits."""
    digits = load_digits()
    for label in range(3):
        folder = tmp_path / "photos" / str(label)
        folder.mkdir(parents=True)
        for i, pixels in enumerate(digits.images[digits.target == label][:4]):
            Image.fromarray((pixels * 15.9).astype(np.uint8)).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_every_image_has_a_row_a_key_and_a_label(covpool, trained, photos, tmp_path):
    said = covpool("embed", trained, "--data", "photos", "-o", "v.npy")
    assert said.code == 0, said.err
    vectors = np.load(tmp_path / "v.npy")
    rows = list(csv.DictReader((tmp_path / "v.csv").read_text().splitlines()))
    about = json.loads((tmp_path / "v.json").read_text())
    assert vectors.dtype == np.float32
    assert len(vectors) == len(rows) == about["rows"] == 12
    assert [row["key"].split("/")[-2] for row in rows] == [row["class"] for row in rows]
    assert about["length"] == vectors.shape[1]
    assert len(about["weights"]["sha256"]) == 64
    assert "wrote v.npy: 12 vectors" in said.err
    assert "add --force" in covpool("embed", trained, "--data", "photos", "-o", "v.npy").err


def test_the_whitening_is_fitted_on_the_train_split_and_kept_beside(covpool, trained, tmp_path):
    said = covpool("embed", trained, "--data", "digits", "--split", "test", "--pca", 8, "--normalize", "-o", "v.npy")
    assert said.code == 0, said.err
    assert "PCA of 1,000 vectors of digits (train)" in said.err
    vectors = np.load(tmp_path / "v.npy")
    assert vectors.shape[1] == 8
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (tmp_path / "v.whitening.safetensors").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.csv", "v.json", "v.npy", "v.whitening.safetensors"]


def test_a_folder_without_classes_and_float16_and_parquet(covpool, trained, photos, tmp_path):
    (photos / "loose.png").write_bytes((photos / "0/0.png").read_bytes())
    (tmp_path / "secret.png").write_bytes((photos / "0/0.png").read_bytes())
    (photos / "out.png").symlink_to(tmp_path / "secret.png")
    words = ["embed", trained, "--data", "photos", "--unlabelled", "--float16"]
    assert covpool(*words, "-o", "v.parquet").code == 0
    assert covpool(*words, "-o", "v.npy").code == 0
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert table["key"].to_pylist() == [*(f"{d}/{i}.png" for d in range(3) for i in range(4)), "loose.png"]
    assert set(table["label"].to_pylist()) == {-1}
    stored = np.array(table["vector"].to_pylist(), np.float16)
    assert np.array_equal(stored, np.load(tmp_path / "v.npy"))


def test_a_broken_image_is_left_out_when_told(covpool, trained, photos, tmp_path):
    (photos / "1/2.png").write_bytes(b"cut")
    assert covpool("embed", trained, "--data", "photos", "-o", "v.npy").code == 1
    assert not (tmp_path / "v.npy").exists()
    said = covpool("embed", trained, "--data", "photos", "-o", "v.npy", "--on-bad-image", "skip")
    assert said.code == 0
    assert "skipped" in said.err
    assert json.loads((tmp_path / "v.json").read_text())["rows"] == 11


def test_mistakes_are_told_together(covpool, trained, photos):
    said = covpool("embed", trained, "--data", "photos", "-o", "v.txt", "--pca", 0, "--unlabelled", "--split", "val")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 3 mistakes"
    assert "has no val images" in covpool("embed", trained, "--data", "photos", "--split", "val", "-o", "v.npy").err
    said = covpool("embed", trained, "--data", "photos", "-o", "v.npy", "--pca", 50)
    assert "needs 1 to 11 directions; got 50" in said.err
