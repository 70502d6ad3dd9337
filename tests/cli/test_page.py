import shlex

import pytest

from covpool.cli.main import VERBS
from covpool.cli.page import WIDTH


@pytest.mark.parametrize("name", VERBS)
def test_every_page_has_a_paragraph_an_example_and_a_word_for_every_option(name):
    parser = VERBS[name].load().build()
    page = parser.format_help()
    paragraph, usage, examples, *rest = page.split("\n\n")
    assert len(paragraph) > 60
    assert usage.startswith(f"usage: covpool {name} ")
    assert examples.startswith("example")
    assert f"covpool {name}" in examples
    options = [action for action in parser._actions if action.dest not in ("help", *_groups(parser))]
    assert [a.dest for a in options if not a.help] == []
    assert [a.dest for a in options if _name(a) not in "\n\n".join(rest)] == []
    assert max(map(len, page.splitlines())) <= WIDTH


def _name(action):
    return action.option_strings[0] if action.option_strings else action.metavar or action.dest.upper()


def _groups(parser):
    dests = [action.dest for action in parser._actions]
    return {dest for dest in dests if any(other.startswith(f"{dest}.") for other in dests)}


@pytest.mark.parametrize("name", VERBS)
def test_the_examples_of_a_page_are_lines_that_the_verb_understands(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "1.png").touch()
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "space.yaml").write_text("optimizer.lr: 1e-4..1e-2:log\n")
    (tmp_path / "runs" / "first").mkdir(parents=True)
    verb = VERBS[name].load()
    for example in verb.build().examples:
        if "--resume" in example:
            (tmp_path / "runs" / "first" / "recipe.yaml").write_text("name: first\n")
        if "--reference" in example:
            (tmp_path / "first.json").touch()
        program, called, *words = shlex.split(example.partition(" > ")[0])
        assert (program, called) == ("covpool", name)
        verb.build().read(words)
