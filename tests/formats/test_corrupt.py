import pickle

from covpool.formats.corrupt import CorruptFile


def test_the_facts_are_attributes_and_outlive_a_process_border():
    error = pickle.loads(pickle.dumps(CorruptFile("a.ckpt", "it is cut", 7)))
    assert (error.path, error.reason, error.offset) == ("a.ckpt", "it is cut", 7)
    assert str(error) == "cannot read a.ckpt: it is cut (at byte 7)"
    assert isinstance(error, ValueError)
