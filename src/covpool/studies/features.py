"""Feature maps of a frozen backbone, extracted once and kept on the disk.

float32, as the backbone gives them: half precision would halve the files, but its relative error of 5e-4 reaches the
small eigenvalues that a matrix square root brings forward, and a frozen row should equal the assembled network.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import covpool
from covpool.data import ImageSet, Loader, Preprocessing, eval_loader, eval_transform
from covpool.data.loader import OnBadImage
from covpool.evaluation import write_json
from covpool.models import StageFeatures

logger = logging.getLogger("covpool")

FORMAT = 1  # of the files; part of the key
FLUSH_BATCHES = 16  # batches between two notes of progress; what a killed extraction does again at most


@dataclass(frozen=True)
class StoredMaps:
    """Maps of a set of pictures: stage -> (pictures, C, H, W) memory-mapped; ``kept``: the readable pictures."""

    maps: dict[str, NDArray[np.float32]]
    kept: NDArray[np.int64]

    @property
    def skipped(self) -> int:
        """Pictures that could not be read."""
        return len(next(iter(self.maps.values()))) - len(self.kept)


def extract(
    trunk: StageFeatures,
    images: ImageSet,
    preprocessing: Preprocessing,
    cache: Path,
    *,
    name: str,
    batch_size: int = 32,
    workers: int = 0,
    on_bad_image: OnBadImage = "stop",
    device: torch.device,
    progress: Callable[[int], None] = lambda done: None,
) -> StoredMaps:
    """The maps of ``images`` from ``cache``, where a former call left them, or from the backbone.

    The folder is named by a hash of the pictures (see ``picture_identity``), the preprocessing, the backbone, its
    weights, the stages and the version of the library. It gets its name only when it is complete; an extraction that
    was killed goes on from its last note of progress.

    Args:
        name: of the backbone, for the key.
        progress: called with the number of pictures done.

    Raises:
        OSError: the disk has not enough room; the sentence says how much is needed.
        CorruptImage: a picture cannot be read, where ``on_bad_image`` is "stop".
    """
    about = {
        "format": FORMAT,
        "version": covpool.__version__,
        "pictures": picture_identity(images),
        "preprocessing": preprocessing.to_dict(),
        "backbone": name,
        "weights": weights_digest(trunk),
        "stages": list(trunk.stages),
        "on_bad_image": on_bad_image,
    }
    folder = cache / hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]
    if not (folder / "about.json").exists():
        loader = eval_loader(
            images,
            eval_transform(preprocessing),
            batch_size=batch_size,
            workers=workers,
            on_bad_image=on_bad_image,
        )
        try:
            _fill(folder, about, trunk.to(device), loader, len(images), preprocessing.image_size, progress)
        except KeyboardInterrupt:
            logger.warning("the extraction was interrupted; the same comparison goes on with it")
            raise
        finally:
            loader.close()
    progress(len(images))
    return _open(folder, trunk.stages)


def picture_identity(images: ImageSet) -> dict[str, Any]:
    """What tells one set of pictures from another: names, labels, sizes and times of files, pixels of 16 of them."""
    digest = hashlib.sha256(json.dumps(list(images.keys)).encode())
    digest.update(images.labels.tobytes())
    place = Path(images.place)
    if place.is_file():
        digest.update(_file_state(place))
    elif place.is_dir():
        for key in images.keys:
            digest.update(_file_state(place / key))
    for index in np.unique(np.linspace(0, len(images) - 1, 16).astype(int)):
        digest.update(_pixels(images, int(index)))
    return {"count": len(images), "digest": digest.hexdigest()}


def weights_digest(network: torch.nn.Module) -> str:
    """A hash of every parameter and buffer."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _file_state(path: Path) -> bytes:
    state = path.stat() if path.exists() else None
    return b"absent" if state is None else f"{state.st_size} {state.st_mtime_ns}".encode()


def _pixels(images: ImageSet, index: int) -> bytes:
    try:
        return images.read(index).tobytes()
    except ValueError:  # broken: the extraction will say so
        return b"broken"


def _fill(
    folder: Path,
    about: Mapping[str, Any],
    trunk: StageFeatures,
    loader: Loader,
    count: int,
    image_size: int,
    progress: Callable[[int], None],
) -> None:
    """Extract into a folder with a provisional name and rename it at the end."""
    partial = folder.with_name(f"{folder.name}.partial")
    start = _begin(partial, trunk, count, image_size)
    files = {stage: np.load(_stage_file(partial, stage), mmap_mode="r+") for stage in trunk.stages}
    kept = np.load(partial / "kept.npy", mmap_mode="r+")
    device = next(iter(trunk.parameters())).device
    for batch in loader.epoch(0, start):
        # channels last: half the time of EfficientNet-Lite0 on a CPU
        pictures = batch.images.to(device, memory_format=torch.channels_last)
        with torch.inference_mode():
            maps = trunk(pictures)
        rows = batch.indices.numpy()
        for stage, file in files.items():
            file[rows] = maps[stage].float().cpu().numpy()
        kept[rows] = True
        if loader.next_batch % FLUSH_BATCHES == 0:
            _note(partial, loader.next_batch, [*files.values(), kept])
        progress(int(rows[-1]) + 1)
    _note(partial, loader.next_batch, [*files.values(), kept])
    write_json(partial / "about.json", {**about, "skipped": loader.skipped})
    if folder.exists():  # another process was faster; its files hold the same
        shutil.rmtree(partial)
    else:
        partial.rename(folder)


def _begin(partial: Path, trunk: StageFeatures, count: int, image_size: int) -> int:
    """Make the files, unless a former extraction left them; the batch to start with."""
    note = partial / "progress.json"
    if note.exists():
        start = json.loads(note.read_text())["next_batch"]
        logger.info("features: going on with the extraction that was left at batch %d", start)
        return start
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    device = next(iter(trunk.parameters())).device
    with torch.inference_mode():
        shapes = {k: m.shape[1:] for k, m in trunk(torch.zeros(1, 3, image_size, image_size, device=device)).items()}
    need, free = 4 * count * sum(map(int, (s.numel() for s in shapes.values()))), shutil.disk_usage(partial).free
    logger.info("features of %d pictures: %.2f GB in %s", count, need / 1e9, partial.parent)
    if need > 0.95 * free:
        raise OSError(
            f"the features need {need / 1e9:.1f} GB; {partial.parent} has {free / 1e9:.1f} GB free. "
            "Name another folder for the cache, fewer stages, or a smaller image size"
        )
    for stage, shape in shapes.items():
        np.lib.format.open_memmap(_stage_file(partial, stage), "w+", np.float32, (count, *shape))
    np.save(partial / "kept.npy", np.zeros(count, bool))
    return 0


def _note(partial: Path, next_batch: int, files: list[Any]) -> None:
    for file in files:
        file.flush()
    write_json(partial / "progress.json", {"next_batch": next_batch})


def _open(folder: Path, stages: tuple[str, ...]) -> StoredMaps:
    maps = {stage: np.load(_stage_file(folder, stage), mmap_mode="r") for stage in stages}
    return StoredMaps(maps, np.flatnonzero(np.load(folder / "kept.npy")))


def _stage_file(folder: Path, stage: str) -> Path:
    return folder / f"stage{stage}.npy"
