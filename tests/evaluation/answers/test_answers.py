"""Answers in a file, on a subset, in pairs."""

import json
import pickle
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from covpool.evaluation import Answers, Predictions, Result, topk_accuracy


def answers(indices: list[int], seed: int = 0, classes: int = 6) -> Answers:
    rows = torch.tensor(indices)
    noise = torch.randn(100, classes, generator=torch.Generator().manual_seed(seed))
    labels = torch.randint(classes, (100,), generator=torch.Generator().manual_seed(9))
    said = Predictions(noise[rows], labels[rows], rows)
    return Answers(
        predictions=said,
        keys=[f"val/\u00e9/{i}.jpg" for i in indices],
        classes=[f"c{k}" for k in range(classes)],
        skipped=2,
        about={"network": "n"},
    )


def test_a_file_gives_back_what_was_written(tmp_path):
    kept = answers([3, 1, 4, 15])
    kept.write(tmp_path / "new" / "a.npz")
    again = Answers.read(tmp_path / "new" / "a.npz")
    assert torch.equal(again.predictions.logits, kept.predictions.logits)
    assert (again.keys, again.classes, again.skipped, again.about) == (kept.keys, kept.classes, 2, {"network": "n"})
    ours, theirs = kept.result().to_dict(), again.result().to_dict()
    assert ours | {"stamp": None} == theirs | {"stamp": None}
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.npz"]


def test_numpy_alone_reads_the_file(tmp_path):
    answers([0, 1]).write(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert file["keys"].tolist() == ["val/\u00e9/0.jpg", "val/\u00e9/1.jpg"]
        assert file["logits"].shape == (2, 6)
        assert json.loads(str(file["about"])) == {"network": "n"}


class Payload:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_a_pickle_in_the_file_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", format=np.array([Payload()], dtype=object))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Payload()))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as predictions"):
            Answers.read(name)
    assert not (tmp_path / "executed").exists()


def test_a_damaged_file_is_refused_in_a_sentence(tmp_path):
    answers(list(range(20))).write(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        spoilt = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        spoilt[rng.integers(len(spoilt))] ^= int(rng.integers(1, 256))
        (tmp_path / "b.npz").write_bytes(spoilt)
        with suppress(ValueError):  # or the damage was in bytes that nobody reads
            Answers.read(tmp_path / "b.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.array([0, 6])},
        {"labels": np.array([0])},
        {"logits": np.zeros(2)},
        {"indices": np.array([0.5, 1.0])},
        {"format": np.array("other/1")},
        {"about": np.array("{")},
        {"keys": np.array(["a"])},
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(change, tmp_path):
    answers([0, 1]).write(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "b.npz", **(arrays | change))
    with pytest.raises(ValueError, match="cannot be read as predictions"):
        Answers.read(tmp_path / "b.npz")


def test_a_subset_is_judged_on_its_own_columns():
    kept = answers(list(range(50)), classes=6)
    few = replace(kept, classes=["x", "y", "z"], predictions=replace(kept.predictions, labels=torch.arange(50) % 3))
    with pytest.raises(ValueError, match="its 6 classes; got a set of 3"):
        few.result()
    result = few.restricted([5, 0, 3]).result()
    columns = few.predictions.logits[:, [5, 0, 3]]
    assert result.top1 == pytest.approx(topk_accuracy(columns, torch.arange(50) % 3))
    said = [max((5, 0, 3), key=logits.__getitem__) for logits in few.predictions.logits.tolist()]
    right = [output == (5, 0, 3)[i % 3] for i, output in enumerate(said)]
    assert result.top1 == np.mean(right)
    assert len(result.confusion) == 3
    assert result.about["subset"] == {"outputs": [5, 0, 3], "of": 6}
    assert isinstance(result, Result)


def test_pairs_are_the_pictures_that_both_judged_in_any_order():
    a, b = answers([5, 1, 3, 8]), answers([3, 9, 5, 8], seed=1)
    found = a.against(b)
    right = {i: bool(ok) for i, ok in zip([5, 1, 3, 8], a.predictions.correct, strict=True)}
    other = {i: bool(ok) for i, ok in zip([3, 9, 5, 8], b.predictions.correct, strict=True)}
    assert found.pictures == 3
    assert found.only_a == sum(right[i] and not other[i] for i in (3, 5, 8))


def test_other_pictures_or_labels_are_not_paired():
    a = answers([0, 1])
    with pytest.raises(ValueError, match="none in common"):
        a.against(answers([2, 3]))
    with pytest.raises(ValueError, match="same pictures; where one has val"):
        a.against(replace(a, keys=["val/x.jpg", "val/y.jpg"]))
    with pytest.raises(ValueError, match="of class"):
        a.against(replace(a, classes=[*reversed(a.classes)]))


def test_compressed_arrays_which_may_be_of_any_size_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", logits=np.zeros((1000, 1000)))
    with pytest.raises(ValueError, match="compressed"):
        Answers.read(tmp_path / "bomb.npz")
