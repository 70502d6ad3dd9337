"""Videos as folders of frames, and as files where PyAV is there."""

import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import BadSource, CorruptImage
from covpool.evaluation.robustness import judge_videos, perturbations_in, stability
from covpool.evaluation.robustness.frames import Videos, _frames_of_file
from covpool.evaluation.robustness.subject import AsItIs
from evaluation.robustness.subjects import PREPROCESSING, SIDE, picture, subject

HAS_PYAV = importlib.util.find_spec("av") is not None


def write_video(folder, seeds):
    folder.mkdir(parents=True)
    for number, seed in enumerate(seeds):
        picture(seed).resize((SIDE, SIDE)).save(folder / f"frame_{number}.png")
    return folder


@pytest.fixture
def sequences(tmp_path):
    for name in ("tilt", "gaussian_noise", "gaussian_noise_2"):
        for video in range(2):
            write_video(tmp_path / name / "n01440764" / f"v{video}", range(video, video + 12))
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_perturbations_are_found_by_their_names_and_noise_by_its_difficulty(sequences):
    assert {name: len(videos) for name, videos in perturbations_in(sequences).items()} == {
        "gaussian_noise": 2,
        "tilt": 2,
    }
    harder = perturbations_in(sequences, difficulty=2)
    assert harder["gaussian_noise"][0].parts[-3] == "gaussian_noise_2"
    assert harder["tilt"] == perturbations_in(sequences)["tilt"]
    with pytest.raises(BadSource, match="no videos such as tilt"):
        perturbations_in(sequences / "notes")


def test_frames_are_ordered_by_their_numbers(sequences):
    videos = perturbations_in(sequences)["tilt"]
    frames = Videos(videos, AsItIs(PREPROCESSING))[0]
    assert frames.shape == (12, SIDE, SIDE, 3)
    for number in (2, 10):
        expected = np.asarray(Image.open(videos[0] / f"frame_{number}.png"))
        assert np.array_equal(frames[number].numpy(), expected)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("to_first", [True, False])
def test_videos_are_judged_frame_by_frame(sequences, workers, to_first):
    videos = perturbations_in(sequences)["tilt"]
    judge = subject(workers=workers)
    heard = []
    found = judge_videos(judge, videos, to_first=to_first, progress=lambda *pair: heard.append(pair))
    logits = [
        torch.cat([judge.logits(torch.from_numpy(np.array(picture(s).resize((SIDE, SIDE))))[None]) for s in seeds])
        for seeds in (range(12), range(1, 13))
    ]
    expected = stability(logits, to_first=to_first)
    assert (found.flip, found.top5) == pytest.approx((expected.flip, expected.top5))
    assert heard == [(1, 2), (2, 2)]


def test_a_single_frame_and_a_broken_one_are_named(tmp_path):
    video = write_video(tmp_path / "tilt" / "a" / "v", [0])
    with pytest.raises(CorruptImage, match="at least 2 frames; it has 1"):
        Videos([video], AsItIs(PREPROCESSING))[0]
    (video / "frame_1.png").write_bytes(b"nothing")
    with pytest.raises(CorruptImage, match=r"frame_1\.png"):
        Videos([video], AsItIs(PREPROCESSING))[0]


@pytest.mark.skipif(HAS_PYAV, reason="PyAV is here")
def test_without_pyav_a_video_file_is_refused_with_both_ways_out(tmp_path):
    (tmp_path / "tilt" / "a").mkdir(parents=True)
    (tmp_path / "tilt" / "a" / "1.mp4").write_bytes(b"...")
    with pytest.raises(BadSource, match=r"pip install av.*ffmpeg -i 1\.mp4 1/%03d\.png"):
        Videos(perturbations_in(tmp_path)["tilt"], AsItIs(PREPROCESSING))[0]


def write_mp4(path, values, codec="mpeg4"):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for value in values:
            colours = np.full((64, 64, 3), value, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(colours, format="rgb24")))
        file.mux(stream.encode())
    return path


@pytest.mark.skipif(not HAS_PYAV, reason="needs PyAV (pip install av)")
def test_a_video_file_is_read_frame_by_frame(tmp_path):
    path = write_mp4(tmp_path / "tilt" / "a" / "1.mp4", [(value, 90, 30) for value in range(0, 200, 20)])
    frames = Videos([path], AsItIs(PREPROCESSING))[0]
    assert frames.shape == (10, SIDE, SIDE, 3)
    means = frames.float().mean(dim=(1, 2))
    assert np.allclose(means[:, 0], range(0, 200, 20), atol=10)  # red is first
    assert np.allclose(means[:, 1:], [90, 30], atol=10)
    path.write_bytes(b"no video at all")
    with pytest.raises(CorruptImage, match="cannot be decoded"):
        Videos([path], AsItIs(PREPROCESSING))[0]


@pytest.mark.skipif(not HAS_PYAV, reason="needs PyAV (pip install av)")
@pytest.mark.parametrize("workers", [0, 2])
def test_video_files_are_judged_like_the_folders_of_their_frames(tmp_path, workers):
    for number in range(3):
        path = write_mp4(tmp_path / "p" / "tilt" / "a" / f"{number}.mp4", range(10 * number, 200, 20))
        for place, frame in enumerate(_frames_of_file(path)):
            (folder := tmp_path / "f" / "tilt" / "a" / str(number)).mkdir(parents=True, exist_ok=True)
            frame.save(folder / f"{place}.png")
    judge = subject(workers=workers)
    of_files, of_folders = (
        judge_videos(judge, perturbations_in(tmp_path / root)["tilt"], to_first=False) for root in ("p", "f")
    )
    assert of_files == of_folders


@pytest.mark.skipif(not HAS_PYAV, reason="needs PyAV (pip install av)")
def test_a_video_that_is_cut_short_is_named(tmp_path):
    path = write_mp4(tmp_path / "1.mp4", range(0, 200, 20))
    path.write_bytes(path.read_bytes()[:200])  # mp4 has its table of contents at the end
    with pytest.raises(CorruptImage, match=r"1\.mp4"):
        Videos([path], AsItIs(PREPROCESSING))[0]
