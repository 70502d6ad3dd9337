"""docs/pools.md describes every pool of the table as it is."""

import inspect
import re

import pytest

from covpool.pooling import create_pool, pools
from house.tree import ROOT

PAGE = (ROOT / "docs" / "pools.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([\w-]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
NEEDED = {"avg-expand": {"width": 10}, "flatten": {"positions": 4}}


def entry(name, title):
    found = re.search(rf"^- \*\*{title}:\*\* (.*?)(?=^- \*\*|\Z)", SECTIONS[name], re.MULTILINE | re.DOTALL)
    assert found, f"the section of {name} has no {title}"
    return found[1].strip()


def options_of(name):
    parameters = inspect.signature(pools.get(name).build).parameters
    return {k: p.default for k, p in parameters.items() if k not in ("in_features", "reduce_to")}


def test_every_pool_of_the_table_has_a_section_and_every_section_a_pool():
    assert set(SECTIONS) == set(pools.names())


@pytest.mark.parametrize("name", pools.names())
def test_a_section_gives_source_cost_and_aliases(name):
    assert entry(name, "Source")
    assert entry(name, "Cost")
    for alias, canonical in pools.aliases().items():
        assert canonical != name or f"`{alias}`" in SECTIONS[name]


@pytest.mark.parametrize("name", pools.names())
def test_the_dimension_is_that_of_the_pool(name):
    expression = re.search(r"`(.+?)`", entry(name, "Dimension"))[1]
    values = {**options_of(name), **NEEDED.get(name, {}), "C": 8}
    assert eval(expression, {}, values) == create_pool(name, 8, **NEEDED.get(name, {})).out_features


@pytest.mark.parametrize("name", pools.names())
def test_the_options_are_those_of_the_signature(name):
    named = set(re.findall(r"`(\w+)`", entry(name, "Options")))
    assert options_of(name).keys() <= named
    assert named <= options_of(name).keys() | {"isqrt", "reduce_to", "avg"}
