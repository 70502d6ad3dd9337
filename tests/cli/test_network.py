"""No verb asks the network for anything, unless a flag or an address says so."""

import shutil
import socket

import huggingface_hub.constants as hub
import pytest
from PIL import Image

from covpool.cli.main import VERBS

# {run}: a run folder, {data}: class folders, {image}: a picture of them
COMMANDS = [
    "train small/digits --steps 1 --schedule.warmup_epochs 0 --run new --quiet",
    "train finetune/modern --data {data} --run new --quiet",  # its recipe has pretrained: true
    "train --resume {run} --quiet",
    "doctor {run}",
    "compare --data digits --frozen --backbones resnet18 --pools avg --seeds 1 --out new --quiet",
    "compare --data digits --backbones resnet18 --pools avg --seeds 1 --out new --quiet",
    "evaluate {run} --data digits --quiet",
    "evaluate {run} --data cifar10 --quiet",
    pytest.param("robustness {run} --data {data} --corruptions fog --severities 1 --quiet", marks=pytest.mark.slow),
    "predict {run} {image} --quiet",
    "explain {image} --weights {run} --quiet",
    "embed {run} --data {data} -o new.npy --quiet",
    "search {image} --index none.npy --weights {run} --quiet",
    "retrieval none.npy",
    "calibrate {run} --data digits --quiet",
    pytest.param("analyze {run} --data digits --images 8 --quiet", marks=pytest.mark.slow),
    "report {run} --output new.html",
    pytest.param("sweep finetune/modern --data {data} --space space.yaml --trials 1 --out new", marks=pytest.mark.slow),
    "data check {data} -o new.html --quiet",
    "data check cifar10 -o new.html --quiet",
    "bench --pools avg",
    "weights show {run}/best.pt",
    "pools isqrt",
    pytest.param("networks resnet18", marks=pytest.mark.slow),
    "techniques",
    "recipes small/digits",
]


class Reached(OSError):
    """The network was asked."""


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Everything that was asked of the network, which does not answer; caches are empty."""
    found = []

    def refuse(*words, **_):
        found.append(words)
        raise Reached(f"the network was asked for {words}")

    def connect(self, address):
        return real(self, address) if self.family == socket.AF_UNIX else refuse(address)

    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
    return found


@pytest.fixture
def named(trained, tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            Image.new("RGB", (16, 16), (9, 5, 5)).save(tmp_path / "data" / split / name / "0.png")
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "space.yaml").write_text("optimizer.lr: 1e-3..1e-2:log")
    return {"run": tmp_path / "run", "data": tmp_path / "data", "image": tmp_path / "data/val/cat/0.png"}


def test_every_verb_is_tried():
    lines = [command if isinstance(command, str) else command.values[0] for command in COMMANDS]
    assert {line.split()[0] for line in lines} == set(VERBS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_verb_asks_no_server(covpool, asked, named, command):
    said = covpool(*[word.format(**named) for word in command.split()])
    assert asked == [], said.err
    assert "unexpected" not in said.err
    if "finetune/modern" in command or command.startswith("compare"):
        assert "allow the download (--download" in said.err


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("train finetune/modern --data {data} --run new --download --quiet", marks=pytest.mark.slow),
        pytest.param(
            "compare --data digits --frozen --backbones resnet18 --pools avg --out new --pretrained --quiet",
            marks=pytest.mark.slow,
        ),
        "evaluate {run} --data cifar10 --download --quiet",
        "data check https://example.org/train-000.tar -o new.html --quiet",
    ],
)
def test_a_flag_or_an_address_lets_it(covpool, asked, named, command, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    said = covpool(*[word.format(**named) for word in command.split()])
    assert said.code != 0
    assert asked, said.err
