"""docs/techniques has a page for every technique that changes a network, and the page tells the truth."""

import inspect
import re

import pytest
import timm
import torch

from covpool.evaluation.flops import forward_flops
from covpool.models.techniques import apply_techniques, techniques
from house.tree import ROOT

FOLDER = ROOT / "docs" / "techniques"
QUICK = ("eca",)
COST = re.compile(r"\*\*Cost\*\* on `resnet50` at 224 pixels: ([+-][\d,]+) parameters, ([+-][\d,]+) multiply-adds")


def page(name):
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def measured(choices):
    with torch.device("meta"):
        backbone = apply_techniques(timm.create_model("resnet50", num_classes=0), choices).eval()
        backbone.forward = backbone.forward_features
        flops = forward_flops(backbone, torch.zeros(1, 3, 224, 224))
    return sum(p.numel() for p in backbone.parameters()), flops // 2


def test_the_index_links_every_page_of_the_folder():
    index = page("README")
    assert [
        each.name for each in FOLDER.glob("*.md") if each.name != "README.md" and f"({each.name})" not in index
    ] == []


@pytest.mark.parametrize("name", techniques.names())
def test_a_technique_has_a_page_with_every_part(name):
    text = page(name)
    assert text.startswith(f"# `{name}`")
    for part in ("What", "Formula", "Source", "Options", "Cost", "Pitfalls"):
        assert f"**{part}" in text, part
    assert "```python" in text
    options = [p for p in inspect.signature(techniques.get(name).change).parameters if p != "body"]
    assert [option for option in options if f"`{option}`" not in text] == []
    assert all(f"`{alias}`" in text for alias, target in techniques.aliases().items() if target == name)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in techniques.names()]
)
def test_the_cost_on_the_page_is_what_is_counted(name):
    said = COST.search(page(name))
    assert said, f"the page of {name} gives no cost"
    (parameters, products), (before, computed) = measured([name]), measured([])
    assert [int(number.replace(",", "")) for number in said.groups()] == [parameters - before, products - computed]
