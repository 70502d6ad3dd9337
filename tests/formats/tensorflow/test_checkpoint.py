import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.crc32c import crc32c, masked
from covpool.formats.protobuf import varint
from covpool.formats.span import Span
from covpool.formats.tensorflow import read_tensorflow, write_tensorflow
from covpool.formats.tensorflow.table import FOOTER, TRAILER
from formats.damage import damaged, put, same_length, survives

FILES = Path(__file__).parents[1] / "files" / "tensorflow"  # the README there says how TensorFlow wrote them
DATA = "data-00000-of-00001"


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8 - 1


def test_a_checkpoint_of_the_saver_is_read_with_its_partitioned_variable():
    arrays = read_tensorflow(FILES / "model.ckpt-7.index")
    assert set(arrays) == {"conv2d/kernel", "batch_normalization/gamma", "global_step", "parted"}
    assert arrays["global_step"] == 7
    for name in ("conv2d/kernel", "batch_normalization/gamma", "parted"):
        np.testing.assert_array_equal(arrays[name], ramp(*arrays[name].shape))
    assert arrays.order is None


@pytest.mark.parametrize("name", ["model.ckpt-7", "model.ckpt-7.index", f"model.ckpt-7.{DATA}", "checkpoint", "."])
def test_any_of_its_files_names_a_checkpoint(tmp_path, name):
    for part in ("index", DATA):
        shutil.copy(FILES / f"model.ckpt-7.{part}", tmp_path)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model.ckpt-7"\n')
    assert "parted" in read_tensorflow(tmp_path / name)


def test_every_type_is_read_and_texts_are_left_out():
    arrays = read_tensorflow(FILES / "types")
    assert arrays.left_out == {"text": "a text"}
    assert (arrays["empty"].shape, arrays["scalar"], arrays["complex"]) == ((3, 0), 2.5, 1 + 2j)
    for name in set(arrays) - {"empty", "scalar", "complex"}:
        expected = [[0, 1, 2], [3, 4, 5]] if name != "bool" else [[False, True, True], [True, True, True]]
        assert arrays[name].tolist() == expected
        assert arrays.stored[name].dtype == name


def test_an_index_of_many_blocks_is_read():
    arrays = read_tensorflow(FILES / "many")
    assert len(arrays) == 300
    assert all(arrays[f"tower/layer_{i}/batch_normalization/gamma"].tolist() == [i, -i] for i in range(300))


def test_the_object_graph_gives_the_order_of_get_weights():
    arrays = read_tensorflow(FILES / "tf2opt")
    assert [name.removeprefix("model/") for name in arrays.order] == [
        "conv/kernel", "conv/bias", "bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance", "fc/kernel",
        "fc/bias", "blocks/layer_with_weights-0/kernel",
    ]  # fmt: skip
    assert "model/conv/kernel/.OPTIMIZER_SLOT/optimizer/momentum" in arrays
    for name in arrays.order:
        np.testing.assert_array_equal(arrays[name], ramp(*arrays[name].shape))
    assert list(read_tensorflow(FILES / "keras").order)[:2] == ["conv/kernel", "conv/bias"]


@pytest.mark.parametrize("name", ["model.ckpt-7", "types", "many", "tf2opt"])
def test_what_is_written_comes_back(tmp_path, name):
    arrays = read_tensorflow(FILES / name)
    write_tensorflow(arrays, tmp_path / "x")
    again = read_tensorflow(tmp_path / "x")
    assert sorted(again) == sorted(arrays)
    for key, array in arrays.items():
        assert again[key].shape == array.shape
        np.testing.assert_array_equal(again[key], array)


def copied(tmp_path, name="model.ckpt-7"):
    for part in ("index", DATA):
        shutil.copy(FILES / f"{name}.{part}", tmp_path / f"x.{part}")
    return tmp_path / "x.index", tmp_path / f"x.{DATA}"


def test_a_changed_number_is_found_by_its_checksum(tmp_path):
    _, data = copied(tmp_path)
    raw = bytearray(data.read_bytes())
    raw[40] ^= 1
    data.write_bytes(raw)
    with pytest.raises(CorruptFile, match="the checksum of 'conv2d/kernel' does not fit"):
        read_tensorflow(tmp_path / "x")["conv2d/kernel"]


def test_missing_and_cut_data_files_are_named(tmp_path):
    _, data = copied(tmp_path)
    data.write_bytes(data.read_bytes()[:-50])
    with pytest.raises(CorruptFile, match="has only 322"):
        read_tensorflow(tmp_path / "x")
    data.unlink()
    with pytest.raises(CorruptFile, match=f"its data file x.{DATA} is missing"):
        read_tensorflow(tmp_path / "x")


def test_a_compressed_block_is_refused_by_name(tmp_path):
    index, _ = copied(tmp_path)
    raw = bytearray(index.read_bytes())
    start, size = blocks(raw)[1]
    raw[start + size] = 1
    index.write_bytes(signed(raw, blocks(index.read_bytes())))
    with pytest.raises(CorruptFile, match="1 is Snappy"):
        read_tensorflow(index)


def blocks(raw):
    """(start, size) of the block of blocks and of the first block of entries, from an undamaged index."""
    footer = Span(bytes(raw), "x", len(raw) - FOOTER)
    varint(footer), varint(footer)
    index = varint(footer), varint(footer)
    return [index, (0, varint(_handle(raw, *index)))]


def _handle(raw, start, size):
    block = Span(bytes(raw), "x", start, start + size)
    varint(block)
    rest = varint(block)
    varint(block)
    block.take(rest)
    varint(block)
    return block


def signed(raw, places):
    """With checksums that fit, so that what stands behind them is tested too."""
    raw = bytearray(raw)
    for start, size in places:
        end = start + size + 1
        raw[end : end + TRAILER - 1] = masked(crc32c(bytes(raw[start:end]))).to_bytes(4, "little")
    return bytes(raw)


def mutate(tmp_path, count):
    rng = random.Random(0)
    survived = 0
    for name in ("model.ckpt-7", "tf2opt"):
        index, data = copied(tmp_path, name)
        whole, numbers = index.read_bytes(), data.read_bytes()
        places = blocks(whole)
        for _ in range(count // 2):
            kind = rng.randrange(4)
            put(index, damaged(rng, whole) if kind == 0 else whole)
            put(data, damaged(rng, numbers) if kind == 1 else numbers)
            if kind > 1:
                put(index, signed(same_length(rng, whole[:-FOOTER]) + whole[-FOOTER:], places))
            survived += survives(read_tensorflow, index)
    return survived


def test_a_thousand_mutations_read_or_are_refused(tmp_path):
    assert 10 < mutate(tmp_path, 1000) < 950


@pytest.mark.slow
def test_ten_thousand_mutations_read_or_are_refused(tmp_path):
    assert 100 < mutate(tmp_path, 10_000) < 9500


def test_a_folder_without_weights_is_told_so(tmp_path):
    with pytest.raises(CorruptFile, match="it is a folder without weights"):
        read_tensorflow(tmp_path)
