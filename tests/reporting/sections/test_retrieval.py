from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Found
from covpool.reporting.sections.retrieval import section


def found(name, ks):
    data = {
        "schema": "covpool-retrieval/1",
        "metric": "cosine",
        "recall": dict.fromkeys(ks, 0.5),
        "recall_interval": {k: [0.4, 0.6] for k in ks},
        "map_at_r": 0.25,
        "r_precision": 0.3,
        "mean_average_precision": 0.35,
        "queries": 1200,
        "gallery": 1199,
        "unmatched": 2 * (name == "first"),
        "unmatched_count_as": "miss",
    }
    return Found(name, data, f"{name}.json")


def test_results_with_other_k_stand_in_one_table():
    shown = section([found("first", ["1", "10"]), found("second", ["1", "2"])])
    table = shown.tables[0]
    assert [column.title for column in table.columns][2:5] == ["recall@1, %", "recall@2, %", "recall@10, %"]
    assert [cell.text for cell in table.rows[0]][2:5] == ["50.00", "", "50.00"]
    assert table.rows[0][2].origin == "first.json#/recall/1"
    assert "first: 2 queries have no other picture of their class and count as misses." in shown.to_markdown()
    assert "1,200" in shown.to_markdown()


def test_the_kind_is_known():
    assert section_of("covpool-retrieval", [found("first", ["1"])]).title == "Retrieval"
