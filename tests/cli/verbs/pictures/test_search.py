import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture
def index(covpool, trained, tmp_path):
    digits = load_digits()
    for label in range(3):
        folder = tmp_path / "photos" / str(label)
        folder.mkdir(parents=True)
        for i, pixels in enumerate(digits.images[digits.target == label][:4]):
            Image.fromarray((pixels * 15.9).astype(np.uint8)).save(folder / f"{i}.png")
    assert covpool("embed", trained, "--data", "photos", "--pca", 5, "--normalize", "-o", "v.npy").code == 0
    return tmp_path / "v.npy"


def test_a_stored_picture_finds_itself_first(covpool, trained, index):
    words = ["search", "photos/2/1.png", "photos/0/3.png", "--index", "v.npy", "--weights", trained, "--top-k", 3]
    said = covpool(*words, "--format", "json")
    assert said.code == 0, said.err
    rows = json.loads(said.out)
    assert [row["image"] for row in rows] == ["photos/2/1.png", "photos/0/3.png"]
    assert [row["found"][0]["key"].endswith(name) for row, name in zip(rows, ("2/1.png", "0/3.png"), strict=True)]
    assert rows[0]["found"][0]["score"] == pytest.approx(1, abs=1e-5)
    assert [len(row["found"]) for row in rows] == [3, 3]
    by_faiss = json.loads(covpool(*words, "--format", "json", "--backend", "faiss").out)
    assert [[f["row"] for f in r["found"]] for r in by_faiss] == [[f["row"] for f in r["found"]] for r in rows]


def test_the_table_spells_out_what_would_steer_a_terminal(covpool, trained, index, tmp_path):
    table = tmp_path / "v.csv"
    table.write_text(table.read_text().replace("0.png", "0.png\x1b[2J"))
    said = covpool("search", "photos/1/0.png", "--index", "v.npy", "--weights", trained, "--top-k", 99)
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "\\x1b[2J" in said.out
    assert len(said.out.splitlines()) == 13


def test_the_sheet_opens_nothing_that_is_not_in_the_data(covpool, trained, index, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (9, 9), "red").save(secret)
    table = tmp_path / "v.csv"
    lines = table.read_text().splitlines()
    lines[1] = "0,../secret.png,0,0"
    lines[2] = f"1,{secret},0,0"
    table.write_text("\n".join(lines) + "\n")
    words = ["search", "photos/1/0.png", "--index", "v.npy", "--weights", trained, "--top-k", 12, "--sheet", "s.png"]
    said = covpool(*words, "--data", "photos")
    assert said.code == 0, said.err
    assert "2 pictures of the index are not in photos" in said.err
    sheet = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).reshape(-1, 3)
    assert not (sheet == (255, 0, 0)).all(axis=1).any()
    assert "--sheet needs --data" in covpool(*words, "--force").err


def test_the_sheet_follows_no_link_out_of_the_data(covpool, trained, index, tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "secret.png")
    (tmp_path / "photos" / "1" / "0.png").unlink()
    (tmp_path / "photos" / "1" / "0.png").symlink_to(tmp_path / "secret.png")
    words = ["search", "photos/1/1.png", "--index", "v.npy", "--weights", trained, "--top-k", 12, "--sheet", "s.png"]
    said = covpool(*words, "--data", "photos")
    assert said.code == 0, said.err
    assert "stay empty: " in said.err
    assert "1/0.png (out of photos)" in said.err
    sheet = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).reshape(-1, 3)
    assert not (sheet == (255, 0, 0)).all(axis=1).any()


def test_other_weights_and_hostile_indexes_are_refused(covpool, trained, index, tmp_path):
    words = ["search", "photos/1/0.png", "--index", "v.npy", "--weights", trained]
    about = tmp_path / "v.json"
    good = about.read_text()
    about.write_text(good.replace(json.loads(good)["weights"]["sha256"], "0" * 64))
    assert "made with other weights" in covpool(*words).err
    about.write_text('{"schema": "covpool-vectors/1", "rows": 12, "classes": "no list"}')
    said = covpool(*words)
    assert said.code == 2
    assert "does not say how its vectors were made" in said.err
    about.unlink()
    assert "unfinished" in covpool(*words).err
    assert "there are no vectors at" in covpool(*words[:3], "none.npy", *words[4:]).err
