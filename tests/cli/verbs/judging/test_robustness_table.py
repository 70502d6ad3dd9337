"""The table says which number is which."""

from covpool.cli.verbs.judging.robustness_table import table
from covpool.data.corruptions import EXTRA, STANDARD
from covpool.evaluation.robustness import Robustness, summary


def test_averages_are_named_by_what_they_average():
    errors = {name: dict.fromkeys(range(1, 6), 0.5) for name in (*STANDARD, *EXTRA)}
    averages = summary(errors, 0.2, is_imagenet=True)
    shown = table(Robustness(images=9, clean_error=0.2, errors=errors, averages=averages, pictures="released"))
    titles = [
        f"{what} {which}"
        for which in ("of the standard 15", "of all 19, as Assemble averages")
        for what in ("mean error, unnormalised", "mCE", "relative mCE")
    ]
    assert [sum(line.startswith(title) for line in shown.splitlines()) for title in titles] == [1] * 6
    assert "9 (released pictures)" in shown
    assert f"{averages['mce_standard_15']:.1f}" in shown


def test_an_empty_result_has_an_empty_table():
    assert table(Robustness()) == ""
