"""README and docs are true: their Python runs, their links lead somewhere, their tree is the tree."""

import re

import pytest

from covpool.pooling import pools
from house.tree import PACKAGE, ROOT, name_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:work|tmp|root|home)/")


@pytest.fixture
def own_pools():
    """A page may register pools; the table of the other tests stays as it is."""
    entries, aliases = dict(pools._entries), dict(pools._aliases)
    yield
    pools._entries, pools._aliases = entries, aliases


def python_of(page):
    return FENCE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [p for p in PAGES if python_of(p)], ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, own_pools):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__page__"}
    for block in python_of(page):
        exec(compile(block, name_of(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere_and_no_path_of_a_machine_is_named(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert not MACHINE_PATH.search(text)


def test_the_tree_in_the_readme_names_every_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()}
    assert {room for room in rooms if f"{room}/" not in text} == set()
