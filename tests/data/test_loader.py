import os
import random
import signal
import subprocess
import sys
import tarfile
import textwrap
from itertools import islice

import numpy as np
import pytest
import torch

from covpool.data import CorruptImage, Preprocessing, eval_loader, eval_transform, open_images, train_loader
from covpool.data import train_transform as augmented

P = Preprocessing(12, (0.5,) * 3, (0.5,) * 3, 1.0)


class Noisy:
    """A transform of the user's own that draws from every generator."""

    def __call__(self, image):
        return torch.rand(3, 4, 4) + float(np.random.rand()) + random.random()


@pytest.fixture
def images(class_folders):
    return open_images(class_folders({"cat": 13, "dog": 10}), val_fraction=0).train


def loader_of(images, workers=0, transform=None, **options):
    transform = augmented(P, "crop") if transform is None else transform
    return train_loader(images, transform, batch_size=4, seed=7, workers=workers, **options)


def same(one, other):
    one, other = list(one), list(other)
    return len(one) == len(other) and all(
        torch.equal(x, y) for a, b in zip(one, other, strict=True) for x, y in zip(a, b, strict=True)
    )


def test_batches_hold_what_they_say(images):
    transform = eval_transform(P)
    batches = list(eval_loader(images, transform, batch_size=4).epoch(0))
    assert [len(batch.labels) for batch in batches] == [4, 4, 4, 4, 4, 3]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(23))
    for batch in batches:
        assert batch.images.dtype == torch.float32
        assert batch.labels.dtype == batch.indices.dtype == torch.int64
        for image, label, index in zip(*batch, strict=True):
            assert torch.equal(image, transform(images.read(int(index))))
            assert label == images.labels[index]


@pytest.mark.parametrize("transform", [None, Noisy()], ids=["ours", "foreign"])
def test_the_number_of_workers_changes_no_bit(images, transform):
    alone = loader_of(images, 0, transform)
    for workers in (1, 2):
        shared = loader_of(images, workers, transform)
        assert all(same(alone.epoch(e), shared.epoch(e)) for e in (0, 1))
        assert same(alone.epoch(1, 3), shared.epoch(1, 3))
        shared.close()


def test_an_epoch_left_early_does_not_leak_into_the_next(images):
    alone, shared = loader_of(images), loader_of(images, 2)
    assert same(islice(alone.epoch(0), 2), islice(shared.epoch(0), 2))
    assert same(alone.epoch(1), shared.epoch(1))


def test_a_start_in_the_middle_gives_the_very_same_rest(images):
    loader = loader_of(images)
    assert same(list(loader.epoch(5))[2:], loader.epoch(5, 2))
    assert list(loader.epoch(5, len(loader))) == []


def test_epochs_differ_in_order_and_in_augmentation(images):
    loader = loader_of(images)
    first, second = (torch.cat([b.indices for b in loader.epoch(e)]) for e in (0, 1))
    assert first.tolist() != second.tolist()
    pictures = [{int(i): x for b in loader.epoch(e) for i, x in zip(b.indices, b.images, strict=True)} for e in (0, 1)]
    assert not any(torch.equal(pictures[0][i], pictures[1][i]) for i in range(23))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("transform", [None, Noisy()], ids=["ours", "foreign"])
def test_the_generators_of_the_main_process_are_left_alone(images, workers, transform):
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    list(loader_of(images, workers, transform).epoch(0))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]


@pytest.fixture
def broken(class_folders):
    """23 pictures, of which 3 are broken: one cut, one empty, one a dead link."""
    root = class_folders({"cat": 13, "dog": 10})
    cut = root / "cat" / "3.png"
    cut.write_bytes(cut.read_bytes()[:60])
    (root / "cat" / "5.png").write_bytes(b"")
    (root / "dog" / "0.png").unlink()
    (root / "dog" / "0.png").symlink_to(root / "gone.png")
    return open_images(root, val_fraction=0).train


BROKEN = {"cat/3.png", "cat/5.png", "dog/0.png"}


@pytest.mark.parametrize("workers", [0, 2])
def test_stop_raises_one_sentence_that_names_the_file(broken, workers, capfd):
    with pytest.raises(CorruptImage, match=r"broken picture '(cat/3|cat/5|dog/0).png' in '.*photos'"):
        list(loader_of(broken, workers).epoch(0))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("workers", [0, 2])
def test_skip_leaves_broken_pictures_out_and_lists_each_once(broken, workers):
    loader = loader_of(broken, workers, on_bad_image="skip")
    for epoch in (0, 1):
        seen = torch.cat([batch.indices for batch in loader.epoch(epoch)])
        assert {broken.keys[i] for i in range(23)} - {broken.keys[i] for i in seen} == BROKEN
    assert {key for key, _ in loader.skipped} == BROKEN
    assert len(loader.skipped) == 3
    assert "the file is empty (0 bytes)" in dict(loader.skipped)["cat/5.png"]
    assert same(loader.epoch(1), loader_of(broken, on_bad_image="skip").epoch(1))


def test_a_batch_of_broken_pictures_is_passed_over_and_counted(broken):
    lost = [broken.keys.index(key) for key in sorted(BROKEN)]
    loader = eval_loader(broken.subset([0, 1, *lost[:2], 2, 3]), eval_transform(P), batch_size=2, on_bad_image="skip")
    positions = [(loader.next_batch, batch.indices.tolist()) for batch in loader.epoch(0)]
    assert positions == [(1, [0, 1]), (3, [4, 5])]


def test_a_loader_over_nothing_gives_nothing(images):
    assert list(eval_loader(images.subset([]), eval_transform(P), batch_size=4).epoch(0)) == []


def test_wrong_values_are_sentences(images):
    with pytest.raises(ValueError, match="'stop' or 'skip'; got 'ignore'"):
        loader_of(images, on_bad_image="ignore")
    with pytest.raises(ValueError, match="workers needs to be 0 or more; got -1"):
        loader_of(images, workers=-1)
    with pytest.raises(ValueError, match="a batch from 0 to 6; got 0 and 7"):
        loader_of(images).epoch(0, 7)


def test_a_mistake_in_a_transform_is_no_broken_picture(images):
    with pytest.raises(ZeroDivisionError):
        list(loader_of(images, transform=lambda image: 1 / 0).epoch(0))


@pytest.mark.slow
def test_workers_can_be_spawned_and_read_from_a_tar(images, tmp_path):
    program = """
    import torch.multiprocessing
    from covpool.data import Preprocessing, eval_loader, eval_transform, open_images

    if __name__ == "__main__":
        torch.multiprocessing.set_start_method("spawn")
        images = open_images("photos.tar", val_fraction=1).val
        loader = eval_loader(images, eval_transform(Preprocessing(8)), batch_size=5, workers=1)
        print(sum(len(batch.labels) for batch in loader.epoch(0)))
    """
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(images.place, "photos")
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "23"


def test_an_interrupt_ends_quietly_with_its_workers(images, tmp_path):
    program = """
    import itertools, signal, sys
    from covpool.data import Preprocessing, open_images, train_loader, train_transform

    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    images = open_images(sys.argv[1], val_fraction=0).train
    loader = train_loader(images, train_transform(Preprocessing(32), "crop"), batch_size=4, seed=0, workers=2)
    try:
        for epoch in itertools.count():
            for batch in loader.epoch(epoch):
                print("batch", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    """
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    command = [sys.executable, str(script), images.place]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "batch\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        out, err = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "interrupted"
    assert process.returncode == 0
    assert err == ""


def test_what_a_teacher_said_comes_with_the_batch_that_asks_for_it(images):
    said = np.random.default_rng(0).normal(size=(len(images), 3)).astype(np.float32)
    taught = images.with_teacher_logits(said)
    for batch in loader_of(taught, teacher=True).epoch(0):
        assert torch.equal(batch.teacher, torch.from_numpy(said)[batch.indices])
    assert len(next(loader_of(taught).epoch(0))) == 3
    assert len(next(loader_of(images, teacher=True).epoch(0))) == 3
    with pytest.raises(ValueError, match=rf"{len(images)} rows of at least 2 numbers"):
        images.with_teacher_logits(said[:6])


def test_the_size_of_pictures_may_grow_from_epoch_to_epoch(images):
    small, large = (augmented(Preprocessing(size, crop_pct=1.0), "crop") for size in (8, 16))
    staged = loader_of(images, transform=[(0, small), (2, large)])
    assert [next(staged.epoch(epoch)).images.shape[-1] for epoch in range(4)] == [8, 8, 16, 16]
    assert same(staged.epoch(3), loader_of(images, transform=large).epoch(3))
