import pickle

from covpool.data import BadSource, CorruptImage


def test_errors_survive_the_way_from_a_worker():
    for error in (CorruptImage("cat/1.jpg", "it is empty", "photos"), BadSource("photos", ["one", "two"])):
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_several_mistakes_are_listed_and_one_is_a_sentence():
    assert str(BadSource("photos", ["only this"])) == "only this"
    assert str(BadSource("photos", ["one", "two"])).splitlines() == ["2 mistakes in 'photos':", "- one", "- two"]
