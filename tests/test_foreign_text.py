"""Names that a terminal or a spreadsheet would act on."""

import pytest

from covpool.foreign_text import cell, shown, text_of


@pytest.mark.parametrize("sign", ["\x1b", "\r", "\x07", "\x9b", "\u202e", "\u2066", "\u2028", "\ud800"])
def test_nothing_that_a_terminal_acts_on_is_left(sign):
    told = shown(f"cat{sign}[2J")
    assert sign not in told
    assert told.isprintable()
    assert told.startswith("cat\\")


def test_lines_and_letters_of_all_languages_stay():
    assert shown("été\n\t猫 שלום") == "été\n\t猫 שלום"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx", "\nx"])
def test_a_formula_is_guarded_and_there_is_a_way_back(text):
    assert cell(text) == f"'{text}"
    assert text_of(cell(text)) == text
    assert text_of(cell(cell(text))) == cell(text)


@pytest.mark.parametrize("text", ["cat", "-1.5", "+3e4", "'twas", "''", "", "a=b"])
def test_other_texts_stay(text):
    assert cell(text) == text
    assert text_of(text) == text
