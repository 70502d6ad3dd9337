import pytest

from covpool.registry import Registry, UnknownName, check_options, nearest


def colours():
    registry = Registry[int]("colour")
    registry.register("red", 1, aliases=["crimson"])
    registry.register("blue", 2)
    return registry


def test_names_and_aliases_lead_to_the_entry():
    registry = colours()
    assert registry.get("red") == registry.get("crimson") == 1
    assert registry.names() == list(registry) == ["red", "blue"]
    assert "crimson" in registry
    assert len(registry) == 2


def test_an_unknown_name_carries_its_facts():
    with pytest.raises(UnknownName) as caught:
        colours().get("bleu")
    assert (caught.value.kind, caught.value.name, caught.value.nearest) == ("colour", "bleu", "blue")
    assert str(caught.value) == "unknown colour 'bleu'; did you mean 'blue'? (blue, crimson, red)"


def test_nothing_is_replaced_silently():
    registry = colours()
    for taken in ("red", "crimson"):
        with pytest.raises(ValueError, match="registered already"):
            registry.register(taken, 3)
    with pytest.raises(ValueError, match="registered already"):
        registry.register("pink", 3, aliases=["blue"])
    assert "pink" not in registry


def test_nothing_near_is_none():
    assert nearest("xyz", ["red", "blue"]) is None


def test_options_are_checked_against_the_signature():
    def build(size, *, steps=5, width): ...

    assert check_options("pool", "p", build, {"width": 3}, given=["size"]) == []
    mistakes = check_options("pool", "p", build, {"step": 3, "zzz": 1}, given=["size"])
    assert mistakes == [
        "pool 'p' has no option 'step'; did you mean 'steps'? (steps, width)",
        "pool 'p' has no option 'zzz'; it offers (steps, width)",
        "pool 'p' needs the option 'width'",
    ]


def test_a_target_that_takes_anything_is_not_second_guessed():
    def build(size, **anything): ...

    assert check_options("pool", "p", build, {"whatever": 3}, given=["size"]) == []


def test_of_very_many_names_only_the_nearest_are_listed():
    registry = Registry[int]("number")
    for number in range(100):
        registry.register(f"number-{number}", number)
    with pytest.raises(UnknownName, match=r"did you mean 'number-7'\? \(number-7.*, \.\.\. 100 in all\)") as caught:
        registry.get("numbr-7")
    assert len(str(caught.value)) < 250
