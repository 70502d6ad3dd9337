import pytest
import torch

from covpool.weights import KEEP, Rule, WeightsMismatch, load_weights, rename


def test_the_first_rule_that_matches_the_whole_name_counts():
    rules = [Rule("a", None), Rule(r"a(.)", r"first.\1"), Rule(r"(.+)", r"second.\1")]
    renamed, ledger = rename({"a": 1, "ab": 2, "abc": 3}, rules)
    assert renamed == {"first.b": 2, "second.abc": 3}
    assert ledger.dropped == ["a"]
    assert ledger.matched == {"ab": "first.b", "abc": "second.abc"}


def test_names_without_a_rule_are_unmatched():
    renamed, ledger = rename({"a": 1, "b": 2}, [Rule("a", "x")])
    assert renamed == {"x": 1}
    assert ledger.unmatched == ["b"]
    assert not ledger.complete


def test_a_rule_may_transform_the_array_on_its_way():
    renamed, _ = rename({"kernel": torch.ones(2, 3)}, [Rule("kernel", "weight", torch.Tensor.t)])
    assert renamed["weight"].shape == (3, 2)


def test_a_template_may_be_a_function_of_the_match():
    rule = Rule(r"layer(\d+)", lambda match: f"layers.{int(match[1]) - 1}")
    assert rule.rename("layer3") == "layers.2"
    assert rule.rename("layers3") is None


def test_two_arrays_of_one_new_name_are_an_error_that_names_both():
    with pytest.raises(ValueError, match="'a1' and 'a2' are both renamed to 'a'"):
        rename({"a1": 1, "a2": 2}, [Rule(r"a\d", "a")])


def test_a_mismatch_lists_both_sides_with_the_nearest_names():
    network = torch.nn.Linear(2, 3)
    with pytest.raises(WeightsMismatch) as error:
        load_weights(network, {"weigth": torch.zeros(3, 2), "scale": torch.zeros(1), "bias": torch.zeros(4)})
    ledger = error.value.ledger
    assert ledger.unmatched == ["weigth", "scale"]
    assert ledger.unfilled == ["weight"]
    assert ledger.misshapen == {"bias": ((3,), (4,))}
    assert error.value.nearest["weigth"] == "weight"
    said = str(error.value)
    assert "2 without a place in the network: weigth (nearest: weight), scale" in said
    assert "1 of the network without weights: weight" in said
    assert "bias needs (3,), got (4,)" in said


def test_long_lists_are_shortened_in_the_sentence_but_whole_in_the_ledger():
    with pytest.raises(WeightsMismatch, match="and 15 more") as error:
        load_weights(torch.nn.ReLU(), {f"layer{i}": torch.zeros(1) for i in range(20)}, rules=[KEEP])
    assert len(error.value.ledger.unmatched) == 20
