"""ImageNet-P: videos in class folders, as mp4 files or as folders of frames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from covpool.data import EXTENSIONS, BadSource, CorruptImage, decode
from covpool.evaluation.robustness.measures.reference import ALEXNET_FLIPS
from covpool.evaluation.robustness.measures.sequences import Stability, compares_to_first, stability
from covpool.evaluation.robustness.subject import AsItIs, Progress, Subject

_VIDEOS = (".mp4", ".avi", ".mkv", ".webm")


def perturbations_in(root: str | Path, difficulty: int = 1) -> dict[str, list[Path]]:
    """Perturbation -> its videos, in order; ``root/<perturbation>/<class>/<video>``.

    A video is an mp4 file or a folder of frames, ordered by the numbers in their names. Harder noise lies in folders of
    its own (``gaussian_noise_2``) and is found under the plain name; the rest is the same pictures at a longer stride.

    Raises:
        BadSource: no such folder, or no videos of a known perturbation in it.
    """
    root = Path(root).expanduser()
    found = {}
    for name in ALEXNET_FLIPS:
        folder = f"{name}_{difficulty}" if difficulty > 1 and compares_to_first(name) else name
        videos = _videos_in(root / folder)
        if videos:
            found[name] = videos
    if not found:
        raise BadSource(
            str(root), [f"{str(root)!r} holds no videos such as tilt/n01440764/1.mp4; name the folder that does"]
        )
    return found


def _videos_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [path for path in folder.rglob("*") if not path.name.startswith(".")]
    videos = {path for path in files if path.suffix.lower() in _VIDEOS}
    frames = {path.parent for path in files if path.suffix.lower() in EXTENSIONS}
    return sorted(videos | frames)


@dataclass
class Videos(Dataset):
    """Position -> the frames of a video, uint8 (F, S, S, 3), as the network sees them."""

    paths: Sequence[Path]
    geometry: AsItIs

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> Tensor:
        path = self.paths[position]
        frames = _frames_of_folder(path) if path.is_dir() else _frames_of_file(path)
        squares = [np.asarray(self.geometry(frame)) for frame in frames]
        if len(squares) < 2:
            raise CorruptImage(str(path), f"a video needs at least 2 frames; it has {len(squares)}")
        return torch.from_numpy(np.stack(squares))


def _frames_of_folder(folder: Path) -> Iterator[Image.Image]:
    frames = [path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")]
    for path in sorted(frames, key=_counted):
        yield decode(path.read_bytes(), path.name, str(folder))


def _counted(path: Path) -> list[tuple[bool, int | str]]:
    """frame-2 comes before frame-10."""
    words = re.split(r"(\d+)", path.stem)
    return [(not word.isdigit(), int(word) if word.isdigit() else word) for word in words]


def _frames_of_file(path: Path) -> Iterator[Image.Image]:
    try:
        import av
    except ImportError as error:
        sentence = (
            f"{str(path)!r} is a video, which PyAV reads; install it (pip install av), or unpack each video into a "
            f"folder of frames: ffmpeg -i {path.name} {path.stem}/%03d.png"
        )
        raise BadSource(str(path), [sentence]) from error
    try:
        with av.open(str(path)) as video:
            for frame in video.decode(video=0):
                yield frame.to_image()
    except (OSError, ValueError) as error:  # PyAV's own errors are among these
        raise CorruptImage(path.name, f"it cannot be decoded ({error})", str(path.parent)) from error


def judge_videos(
    subject: Subject, videos: Sequence[Path], *, to_first: bool, difficulty: int = 1, progress: Progress | None = None
) -> Stability:
    """Stability of the network over these videos; arguments as in ``stability``.

    Args:
        progress: called with (videos done, videos in all).
    """
    frames = Videos(videos, AsItIs(subject.preprocessing))
    logits = []
    loader = DataLoader(frames, batch_size=None, num_workers=subject.workers, collate_fn=_unchanged)
    for done, pixels in enumerate(loader, start=1):
        logits.append(torch.cat([subject.logits(part) for part in pixels.split(subject.batch_size)]))
        if progress is not None:
            progress(done, len(videos))
    return stability(logits, to_first=to_first, difficulty=difficulty)


def _unchanged(frames: Any) -> Any:
    return frames
