"""Reading plain data collects unknown fields, wrong types and wrong values before it raises."""

import pytest

from covpool.recipes import Recipe, RecipeError
from covpool.recipes.schema.reading import read_yaml


def mistakes(data):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict(data)
    return caught.value.mistakes


def test_four_mistakes_are_four_sentences():
    found = mistakes(
        {
            "optimiser": {},
            "network": {"backbone": 50},
            "loader": {"on_bad_image": "ignore"},
            "schedule": {"epochs": 0},
        }
    )
    assert len(found) == 4
    assert "did you mean 'optimizer'?" in found[0]
    assert found[1:] == [
        "network.backbone needs text; got 50",
        "loader.on_bad_image needs 'stop' or 'skip'; got 'ignore'",
        "schedule.epochs needs at least 1; got 0",
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"seed": 1.5}, "seed needs a whole number; got 1.5"),
        ({"seed": True}, "seed needs a whole number; got True"),
        ({"ema": "0.9"}, "ema needs a number or none; got '0.9'"),
        ({"channels_last": "yes"}, "channels_last needs true or false; got 'yes'"),
        ({"schedule": {"milestones": [1, 2.5]}}, "schedule.milestones needs a list, each a whole number; got [1, 2.5]"),
        ({"transform": {"mean": [0.5]}}, "transform.mean needs a list of 3, each a number or none; got [0.5]"),
        ({"network": {"reduce_to": "all"}}, "network.reduce_to needs a whole number or 'auto' or none; got 'all'"),
        ({"network": {"backbone_options": 3}}, "network.backbone_options needs a mapping; got 3"),
        ({"optimizer": 3}, "optimizer needs a mapping of fields; got 3"),
        ({"loss": "a(b"}, "loss needs a choice: the choice 'a(b' lacks its closing bracket"),
    ],
)
def test_a_wrong_type_says_what_was_needed_and_what_came(data, sentence):
    assert mistakes(data)[0].startswith(sentence)


def test_a_whole_number_serves_as_a_number_and_a_list_as_a_tuple():
    recipe = Recipe.from_dict({"optimizer": {"lr": 1}, "schedule": {"kind": "step", "milestones": [2]}})
    assert isinstance(recipe.optimizer.lr, float)
    assert recipe.schedule.milestones == (2,)


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), ("5E3", 5e3), ("-.5e2", -50.0), ("1.e1", 10.0)])
def test_a_number_with_an_exponent_is_a_number(text, value):
    assert read_yaml(f"lr: {text}") == {"lr": value}


def test_what_looks_like_a_number_and_is_none_stays_text():
    assert read_yaml("a: 1e\nb: e4\nc: '1e-4'") == {"a": "1e", "b": "e4", "c": "1e-4"}


def test_a_text_that_is_no_yaml_is_a_recipe_error():
    with pytest.raises(RecipeError, match="no YAML"):
        Recipe.from_yaml("a: [1")
    with pytest.raises(RecipeError, match="needs a mapping"):
        Recipe.from_yaml("just text")


def test_a_tag_that_would_build_an_object_is_refused():
    with pytest.raises(RecipeError, match="no YAML"):
        read_yaml("!!python/object/apply:os.getcwd []")


def test_a_text_that_begins_like_a_number_is_a_text():
    assert read_yaml("range: 1e-3..1e-2:log\nname: 1e5x") == {"range": "1e-3..1e-2:log", "name": "1e5x"}
