import pickle
import tarfile

from covpool.data.sources.tar import list_tar


def test_pictures_are_read_in_place_also_after_pickling(tmp_path, picture):
    paths = [picture(tmp_path / "train" / "cat" / f"{i}.png", i) for i in range(3)]
    paths.append(picture(tmp_path / "train" / "cat" / "noextension.png", 9).rename(tmp_path / "train" / "cat" / "zjpg"))
    (tmp_path / "train" / "README.txt").write_text("text")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "train", "train")
    listing, read = list_tar(tmp_path / "a.tar")
    again = pickle.loads(pickle.dumps(read))
    expected = {f"train/cat/{path.name}": path.read_bytes() for path in paths}
    assert {name: again(i) for i, name in enumerate(listing.files)} == expected
    assert listing.ignored == {".txt": 1}
