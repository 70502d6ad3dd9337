import pytest

from covpool.cli.errors import Usage
from covpool.cli.parser import Parser


def parser(**options):
    made = Parser("try", "About.", examples=["covpool try"], **options)
    made.add_argument("name", nargs="?")
    made.add_argument("--steps", type=int, default=3)
    made.add_argument("--mode", choices=["a", "b"], default="a")
    return made


def test_options_have_their_types_and_defaults_and_say_what_was_given():
    options = parser().read(["--steps", "5", "x"])
    assert (options.name, options.steps, options.mode, options.given) == ("x", 5, "a", ["steps"])


def test_all_mistakes_of_a_line_are_told_at_once():
    made = parser(check=lambda options: [f"checked {options.mode}"])
    with pytest.raises(Usage) as caught:
        made.read(["--steps", "x", "a", "b", "--mode", "c", "--stps", "1"])
    assert caught.value.mistakes == [
        "covpool try has no option '--stps'; did you mean '--steps'?",
        "covpool try takes NAME; got also 'b'",
        "--steps needs a whole number; got 'x'",
        "--mode needs one of a, b; got 'c'",
        "checked a",
    ]


def test_what_is_needed_and_missing_is_named():
    with pytest.raises(Usage, match=r"^covpool try needs NAME; see covpool try --help$"):
        parser(needs=["name"]).read([])
    assert parser(needs=["name"]).read(["x"]).name == "x"


def test_an_option_that_was_given_wrongly_is_not_called_missing_too():
    made = parser(needs=["size"])
    made.add_argument("--size", type=int | None)
    with pytest.raises(Usage, match=r"^--size needs a whole number or none; got 'x'$"):
        made.read(["--size", "x"])


def test_a_verb_without_positionals_takes_none():
    made = Parser("try", "About.")
    made.add_argument("--steps", type=int)
    assert made.read(["--steps", "1"]).steps == 1
    with pytest.raises(Usage, match="takes only options; got also 'x'"):
        made.read(["x"])


@pytest.mark.parametrize(
    ("verb", "actions"), [("data", "prepare, check, show"), ("weights", "show, import, verify, export")]
)
def test_a_word_that_is_none_of_the_choices_is_told_as_wrong_usage(covpool, verb, actions):
    said = covpool(verb, "shwo", "x", "-o", "y", "--frce")
    assert said.code == 2
    assert said.err.splitlines() == [
        "error: 2 mistakes",
        f"  - covpool {verb} has no option '--frce'; did you mean '--force'?",
        f"  - ACTION needs one of {actions}; got 'shwo'",
    ]
