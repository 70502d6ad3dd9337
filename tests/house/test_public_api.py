"""The promise to users: what is public, and that a change of it is seen."""

import covpool
from house.public_api import SNAPSHOT, public_api


def test_the_public_api_is_the_one_on_record():
    """After a wanted change run ``make api`` and let the diff be read."""
    assert public_api() == SNAPSHOT.read_text(encoding="utf-8")


def test_the_front_door_offers_at_most_fifteen_names_and_all_of_them_exist():
    assert len(covpool.__all__) <= 15
    assert all(getattr(covpool, name) is not None for name in covpool.__all__)
