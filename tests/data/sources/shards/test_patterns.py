import pytest

from covpool.data import BadSource
from covpool.data.sources.shards.patterns import expand, name_of


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("{0..2}.tar", ["0.tar", "1.tar", "2.tar"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{008..010}", ["008", "009", "010"]),
        ("{train,val}-{0..1}", ["train-0", "train-1", "val-0", "val-1"]),
        ("pipe:echo ${HOME} {}", ["pipe:echo ${HOME} {}"]),
    ],
)
def test_braces_count_and_list(pattern, names):
    assert expand(pattern) == names


@pytest.mark.parametrize("pattern", ["{5..1}", "{0..999999999}", "{0..999}{0..999}"])
def test_patterns_without_an_end_are_refused(pattern):
    with pytest.raises(BadSource):
        expand(pattern)


def test_the_name_is_found_in_a_command():
    assert name_of("pipe:curl -s 'https://h/d/val-3.tar?a=1'") == "val-3.tar"
