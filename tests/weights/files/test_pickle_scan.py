import io
import pickle

import pytest

from covpool.weights.files.pickle_scan import names_in_pickle


def names(raw):
    return list(names_in_pickle(io.BytesIO(raw)))


def test_names_are_found_wherever_they_are():
    assert names(pickle.dumps([1, {"a": (complex(1), {3})}], 2)) == ["__builtin__.complex", "__builtin__.set"]


def test_pickles_one_after_another_are_scanned_one_by_one():
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps({2}, 2))
    assert [list(names_in_pickle(file)), list(names_in_pickle(file))] == [[], ["__builtin__.set"]]


def test_shared_and_deep_values_of_checkpoints_pass():
    betas = (0.9, 0.999)
    groups = [{"betas": betas, "params": list(range(3000))} for _ in range(50)]
    assert names(pickle.dumps({"a": {"b": {"c": {"groups": groups}}}}, 2)) == []


def test_a_tuple_of_tuples_that_takes_for_ever_to_hash_is_refused():
    value = (1, 2)
    for _ in range(40):
        value = (value, value)
    with pytest.raises(ValueError, match="share each other"):
        names(pickle.dumps({"a": value}, 2))


def test_a_nesting_that_overflows_the_stack_is_refused():
    with pytest.raises(ValueError, match="nested too deep"):
        names(b"\x80\x02)" + b"\x85" * 100_000 + b".")


@pytest.mark.parametrize("protocol", [0, 4])
def test_other_ways_to_name_things_are_refused_or_seen(protocol):
    raw = pickle.dumps(complex, protocol)
    if protocol == 4:
        with pytest.raises(ValueError, match="STACK_GLOBAL"):
            names(raw)
    else:
        assert names(raw) == ["__builtin__.complex"]
