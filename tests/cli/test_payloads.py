"""A file that would run code when unpickled, in each place that takes a file: nothing runs, a sentence says so."""

import io
import os
import pickle
import shutil
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.recipes import Recipe
from covpool.recipes.schema.reading import read_yaml, write_yaml
from covpool.studies.sweep import Plan, read_space


class Payload:
    """Makes the file ``marker`` when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def as_torch(path, payload):
    torch.save({"format": "covpool-checkpoint/1", "network": {"weight": payload}, "about": payload}, path)


def as_old_torch(path, payload):
    torch.save({"state_dict": {"weight": payload}}, path, _use_new_zipfile_serialization=False)


def as_pickle(path, payload):
    path.write_bytes(pickle.dumps({"data": payload, "labels": [0, 1], "weight": payload}))


def as_array(path, payload):
    array = np.empty(2, object)
    array[0] = payload
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=True)


def as_arrays(path, payload):
    array = np.empty(2, object)
    array[0] = payload
    with path.open("wb") as file:
        np.savez(file, logits=array, labels=array, vectors=array, weight=array)


KINDS = {"torch": as_torch, "old torch": as_old_torch, "pickle": as_pickle, "npy": as_array, "npz": as_arrays}


def add(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


RARE = ("old torch", "npy")  # the slow tests try these, too

# {file}: the payload; {data}: class folders; {image}: a picture; {run}: a run folder whose checkpoints are the payload
COMMANDS = [
    "evaluate {file} --data {data}",
    "predict {image} --weights {file}",
    "explain {image} --weights {file}",
    "embed {file} --data {data} -o out.npy",
    "search {image} --index {file} --weights {file}",
    "calibrate {file} --data {data}",
    "retrieval {file}",
    "robustness {file} --data {data}",
    "analyze {file} --data {data}",
    "weights show {file}",
    "weights import {file} --as fast_mpncov/resnet50 -o out.safetensors",
    "weights verify {file} --as fast_mpncov/resnet50",
    "train small/digits --run new --network.weights {file}",
    "train {file} --run new",
    "train --resume {run}",
    "doctor {run}",
    "report {run}",
    "report {file}",
    "analyze {run}",
    "sweep {file} --space {file}",
    "data check {file}",
    "data prepare {file} prepared",
    "compare --data {file} --frozen",
    "train small/digits --data {file} --run new",
    "train small/digits --run new --distillation teacher(weights={file})",
    "train small/digits --run new --distillation teacher(weights={file},network=resnet18)",
    "evaluate {sound} --data digits --against {file}",
    "evaluate {sound} --data digits --subset {file}",
    "predict {sound} {image} --temperature {file}",
    "predict {sound} {file}",
    "robustness {sound} --data digits --reference {file}",
    "weights verify {sound}/best.pt --golden {file}",
    "weights export {file} --to onnx -o out.onnx",
    "bench speed --runs {file}",
    "data show {file} -o out.png",
    "recipes show {file}",
    "sweep --resume {run}",
]


@pytest.fixture
def place(tmp_path):
    """Class folders, a picture and a run whose checkpoints are to be replaced."""
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (16, 16), (number * 99, 5, 5)).save(folder / f"{number}.png")
    return tmp_path


def make_run(place, trained, make, payload):
    run = place / "run"
    (run / "doctor").mkdir(parents=True)
    for name in ("recipe.yaml", "journal.jsonl"):
        (run / name).write_bytes((trained / name).read_bytes())
    for name in ("last.pt", "previous.pt", "best.pt", "doctor/state.pt"):
        make(run / name, payload)
    return run


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split()[:2]))
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind in RARE else kind for kind in KINDS]
)
def test_nothing_in_a_file_is_run(covpool, trained, place, command, kind):
    marker = place / "it ran"
    file = place / f"payload.{'pt' if 'torch' in kind else kind.replace('pickle', 'pkl')}"
    KINDS[kind](file, Payload(marker))
    named = {
        "file": file,
        "data": place / "data",
        "image": place / "data/val/cat/0.png",
        "sound": trained,
        "run": make_run(place, trained, KINDS[kind], Payload(marker)),
    }
    said = covpool(*[word.format(**named) for word in command.split()])
    assert not marker.exists()
    assert said.code in (1, 2), said
    assert "unexpected" not in said.err
    assert "error: " in said.err


@pytest.mark.parametrize("name", ["__data__.pyd", "0.npy", "0.pyd", "0.pth", "0.pickle"])
def test_a_payload_in_a_shard_is_left_out_or_refused(covpool, place, name):
    marker = place / "it ran"
    with tarfile.open(place / "train-000.tar", "w") as shard:
        picture = (place / "data/train/cat/0.png").read_bytes()
        for member, data in (("0.png", picture), (name, pickle.dumps(Payload(marker))), ("0.cls", b"0")):
            add(shard, member, data)
    covpool("data", "check", place / "train-000.tar")
    assert not marker.exists()


def commanding(place, trained):
    """A recipe, a run and a sweep whose pictures a command of their own would write."""
    marker = place / "it ran"
    recipe = read_yaml((trained / "recipe.yaml").read_text())
    recipe["data"] = f"pipe:mkdir '{marker}'"
    (place / "mine.yaml").write_text(write_yaml(recipe))
    shutil.copytree(trained, place / "run")
    shutil.copy(place / "mine.yaml", place / "run" / "recipe.yaml")
    Plan(recipe=Recipe.from_dict(recipe), space=read_space(["seed=1,2"])).write(place / "sweep")
    return marker


@pytest.mark.parametrize(
    "command",
    [
        "train mine.yaml --run new",
        "train --resume run",
        "analyze run",
        "sweep mine.yaml seed=1,2 --out new",
        "sweep --resume sweep",
    ],
)
def test_no_command_of_a_file_is_run(covpool, trained, tmp_path, command):
    marker = commanding(tmp_path, trained)
    said = covpool(*command.split())
    assert not marker.exists()
    assert said.code in (1, 2), said
    assert "is a command, which no file may have run" in said.err


def test_a_command_of_the_command_line_is_run(covpool, place):
    with tarfile.open(place / "all.tar", "w") as shard:
        for number in range(10):
            add(shard, f"{number}.png", (place / "data/train/cat/0.png").read_bytes())
            add(shard, f"{number}.cls", str(number % 2).encode())
    recipe = "small/digits --steps 1 --schedule.warmup_epochs 0 --run new --quiet"
    said = covpool("train", *recipe.split(), "--data", f"pipe:cat '{place / 'all.tar'}'")
    assert said.code == 0, said.err


def test_a_file_that_is_called_as_a_command_is_a_file(covpool, place, monkeypatch):
    for number in range(2):
        (place / f"pipe:mkdir ran{number};.tar").write_bytes(bytes(10240))
    covpool("data", "check", ".")
    covpool("data", "check", "pipe:mkdir ran0;.tar")
    covpool("data", "check", "./pipe:mkdir ran{0,1};.tar")
    assert not any((place / f"ran{number}").exists() for number in range(2))


def strange_checkpoint(run, **parts):
    state = torch.load(run / "best.pt", weights_only=True)
    torch.save({**state, **parts}, run / "best.pt")


@pytest.mark.parametrize(
    "parts",
    [
        {"architecture": {"backbone": "conv4", "nothing": 1}},
        {"architecture": {"backbone": "resnet18", "backbone_options": {"checkpoint_path": "evil.pth"}}},
        {"architecture": {"backbone": ["conv4"], "pool": 5}},
        {"architecture": None},
        {"network": 3},
        {"about": ["classes"]},
        {"about": {"classes": ["one"]}},
        {"about": {"preprocessing": {"nothing": 1}}},
    ],
    ids=str,
)
def test_a_checkpoint_that_says_strange_things_is_refused(covpool, trained, place, parts):
    shutil.copytree(trained, place / "run")
    strange_checkpoint(place / "run", **parts)
    said = covpool("predict", "run", "data/val/cat/0.png")
    assert said.code in (1, 2), said
    assert "error: " in said.err
    assert "--debug" not in said.err


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "name: !!python/object/apply:os.mkdir ['it ran']",
        "network: {backbone_options: {x: " + "[" * 3000 + "]" * 3000 + "}}",
        BOMB + "network: {backbone_options: {x: *i}}",
        BOMB + "network: {backbone_options: {<<: [{x: *i}]}}",
        "network: {backbone_options: &a {x: *a}}",
    ],
    ids=["tag", "deep", "bomb", "merged bomb", "endless"],
)
@pytest.mark.parametrize("command", ["train mine.yaml --run new", "sweep small/digits --space mine.yaml --out new"])
def test_nothing_in_yaml_is_made_or_repeated_without_end(covpool, tmp_path, text, command):
    (tmp_path / "mine.yaml").write_text(text)
    said = covpool(*command.split())
    assert said.code == 2, said
    assert "the text is no YAML" in said.err
    assert not (tmp_path / "it ran").exists()


def test_the_payload_would_have_run(tmp_path):
    as_pickle(tmp_path / "payload", Payload(tmp_path / "it ran"))
    pickle.loads((tmp_path / "payload").read_bytes())
    assert (tmp_path / "it ran").exists()
