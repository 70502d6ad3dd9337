"""Remote shards give the very batches that local ones give, however little of them may stay here."""

import fsspec
import pytest
import torch

from covpool.data import (
    BadSource,
    Preprocessing,
    eval_loader,
    eval_transform,
    open_images,
    train_loader,
    train_transform,
)
from covpool.data.errors import ShardLost
from covpool.data.sources.shards import fetch
from data.sources.shards.servers import serving
from data.tars import write_shards

P = Preprocessing(6, (0.5,) * 3, (0.5,) * 3, 1.0)
COUNTS = [5, 4, 7, 6, 5, 6, 4, 5]
SIZE = 20480  # of the largest shard


@pytest.fixture
def served(tmp_path):
    paths = write_shards(tmp_path / "served", "train", COUNTS)
    assert max(path.stat().st_size for path in paths) == SIZE
    return tmp_path / "served"


def batches(source, cache, workers=0, start=0, epoch=3, **options):
    images = open_images(source, cache=cache, val_fraction=0).train
    augment = train_transform(P, "crop", scale=(0.3, 1))
    loader = train_loader(images, augment, batch_size=4, seed=5, workers=workers, **options)
    found = list(loader.epoch(epoch, start))
    loader.close()
    return found


def kept_in(cache):
    """The shards of a cache, without one that waits for room and may not be gone yet."""
    return [path for path in (cache / "shards").iterdir() if path.suffix != ".part"]


def same(ones, others):
    assert len(ones) == len(others) > 0
    for one, other in zip(ones, others, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", ["", f"window=2,ahead=2,limit={6 * SIZE}", "window=3"])
def test_batches_are_those_of_local_shards_bit_by_bit(served, tmp_path, workers, options):
    mark = "#" if options else ""
    local = f"{served}/train-{{0000..0007}}.tar" + (f"#{part}" if (part := options.partition(",")[0]) else "")
    whole = batches(local, tmp_path / "none")
    with serving(served) as (address, _):
        remote = f"{address}/train-{{0000..0007}}.tar{mark}{options}"
        same(batches(remote, tmp_path / "cache", workers), whole)
        same(batches(remote, tmp_path / "cache", workers, start=4), whole[4:])
        kept = kept_in(tmp_path / "cache")
    assert len(kept) <= 6 if "limit" in options else len(kept) == 8


def test_ranks_share_what_one_process_sees(served, tmp_path):
    options = f"{served}/train-{{0000..0007}}.tar#window=2"
    ranks = [batches(f"file://{options},limit={6 * SIZE}", tmp_path / "c", rank=r, world_size=2) for r in (0, 1)]
    seen = sorted(index for rank in ranks for batch in rank for index in batch.indices.tolist())
    assert seen == list(range(sum(COUNTS)))


def test_an_evaluation_needs_no_window(served, tmp_path):
    name = f"file://{served}/train-{{0000..0007}}.tar#limit={4 * SIZE}"
    with pytest.raises(BadSource, match="an order over the whole set would fetch a shard for nearly every picture"):
        open_images(name, cache=tmp_path, val_fraction=0)
    write_shards(served, "val", COUNTS)
    images = open_images(name.replace("train-", "val-"), cache=tmp_path, val_fraction=0).val
    loader = eval_loader(images, eval_transform(P), batch_size=4)
    assert torch.cat([batch.indices for batch in loader.epoch()]).tolist() == list(range(sum(COUNTS)))
    assert len(kept_in(tmp_path)) <= 4


def test_a_limit_without_room_for_its_windows_is_named(served, tmp_path):
    with pytest.raises(BadSource, match=r"no room for two windows of 2 and 2 ahead of 20,480 bytes: 122,880"):
        open_images(f"file://{served}/train-{{0000..0007}}.tar#limit=100k,window=2", cache=tmp_path)


def test_an_index_is_made_once(served, tmp_path):
    with serving(served) as (address, asked):
        name = f"{address}/train-{{0000..0007}}.tar#window=1,limit={4 * SIZE}"
        open_images(name, cache=tmp_path, val_fraction=0)
        assert len(asked) == 8
        assert len(open_images(name, cache=tmp_path, val_fraction=0).train) == sum(COUNTS)
        assert len(asked) == 8


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shard_that_is_lost_while_reading_stops_with_a_sentence(served, tmp_path, workers, monkeypatch):
    monkeypatch.setattr(fetch, "_WAITS", ())
    name = f"file://{served}/train-{{0000..0007}}.tar#window=1,ahead=0,limit={2 * SIZE}"
    images = open_images(name, cache=tmp_path, val_fraction=0).train
    for path in served.iterdir():
        path.unlink()
    options = {"workers": workers, "on_bad_image": "skip"}
    loader = train_loader(images, train_transform(P, "none"), batch_size=4, seed=0, **options)
    with pytest.raises(ShardLost, match=r"cannot be had.*go on with the run \(--resume\)"):
        list(loader.epoch())
    loader.close()


def test_object_storage_by_a_protocol_of_fsspec(served, tmp_path):
    for path in served.iterdir():
        with fsspec.open(f"memory://bucket/set/{path.name}", "wb") as file:
            file.write(path.read_bytes())
    whole = batches(str(served), tmp_path / "none")
    same(batches("memory://bucket/set/train-{0000..0007}.tar", tmp_path / "cache"), whole)
    same(batches(f"memory://bucket/set/train-{{0000..0007}}.tar#cache={tmp_path}/other", tmp_path / "none"), whole)
    assert len(list((tmp_path / "other" / "shards").iterdir())) == 8


def test_sampling_by_class_and_windows_exclude_each_other(served, tmp_path):
    with pytest.raises(ValueError, match="draws from the whole set; leave out the window="):
        batches(f"{served}#window=2", tmp_path, sampling="balanced")
