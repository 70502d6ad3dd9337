"""The page of results is what its records say."""

import json
import sys

from house.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import keep
import results_page


def test_the_page_is_made_from_the_records():
    assert results_page.page() == results_page.PAGE.read_text(encoding="utf-8")


def test_records_hold_no_pictures_and_no_path_of_a_machine():
    for path in results_page.RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert "base64" not in text
        assert not any(f'"{root}' in text for root in ("/root", "/home", "/tmp", "/work"))
        assert {"date", "commit", "machine"} <= set(json.loads(text))


def test_keeping_a_record_drops_pictures_only():
    results = {"mode": "frozen", "rows": [{"id": "a", "mistakes": [{"picture": "data:"}]}]}
    assert keep.slim(results) == {"mode": "frozen", "rows": [{"id": "a", "mistakes": []}]}
