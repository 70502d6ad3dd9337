from covpool.reporting.sections.comparison import band, comparison


def test_controls_share_the_colour_of_their_pool_and_the_baseline_is_grey(results):
    rows = comparison(results)["table"]["bodies"][0]["rows"]
    assert [style for style, _, _ in rows] == ["s0", "s1", "s2", "s2 control", "s3", "s3 control"]


def test_the_best_row_is_marked_and_is_never_a_control(results):
    results["rows"][-1]["accuracy"]["mean"] = 0.999
    rows = comparison(results)["table"]["bodies"][0]["rows"]
    assert [best for _, best, _ in rows] == [False, False, False, False, True, False]


def test_every_backbone_and_stage_is_a_group(results_like):
    view = comparison(results_like(frozen=True, backbones=("conv4", "resnet18")))
    names = [body["name"] for body in view["table"]["bodies"]]
    assert names == [f"{backbone} \u00b7 {stage}" for backbone in ("conv4", "resnet18") for stage in ("middle", "last")]
    assert view["curves"] == []
    assert len(view["shapes"]) == 4


def test_the_band_of_a_curve_runs_from_the_lowest_to_the_highest_seed():
    curves = [
        {"seed": 0, "epoch": [0, 1], "eval_top1": [0.5, 0.7]},
        {"seed": 1, "epoch": [0, 1, 2], "eval_top1": [0.7, 0.9, None]},
    ]
    line = band({"pool": "avg", "role": "pool", "curves": curves}, "eval_top1", "s1", 100.0)
    assert (line.x, line.mean, line.low, line.high) == ([1, 2], [60.0, 80.0], [50.0, 70.0], [70.0, 90.0])


def test_confusions_and_mistakes_of_the_baseline_and_the_best_row_stand_open(results):
    details = comparison(results)["details"][0]
    assert [row["name"] for row in details["rows"] if row["open"]] == ["avg", "isqrt"]
    assert [row["name"] for row in details["mistakes"] if row["open"]] == ["avg", "isqrt"]
    assert details["best"] == "isqrt"


def test_with_many_classes_the_most_confused_pairs_take_the_place_of_the_matrix(results_like):
    row = comparison(results_like(classes=21))["details"][0]["rows"][0]
    assert row["squares"] == []
    assert 0 < len(row["pairs"]) <= 15


def test_the_facts_say_what_was_skipped_and_where_it_ran(results):
    facts = dict(comparison(results)["facts"])
    assert facts["skipped images"] == "1 in training, 0 in validation"
    assert "Two-core CPU" in facts["machine"]
    assert facts["covpool"] == "0.1.0, commit 0123456789ab"


def test_results_with_the_least_that_the_schema_allows_are_shown(results):
    for row in results["rows"]:
        row |= {"cost": {}, "curves": [], "confusion": [], "mistakes": [], "difference": None}
        row["accuracy"] |= {"low": None, "high": None, "per_seed": []}
    view = comparison(results)
    assert view["costs"] == []
    assert view["curves"] == []


def test_where_the_baseline_is_best_its_best_rival_stands_open_beside_it(results):
    results["rows"][0]["accuracy"]["mean"] = 0.999
    details = comparison(results)["details"][0]
    assert [row["name"] for row in details["rows"] if row["open"]] == ["avg", "isqrt"]


def test_the_first_sentence_of_the_advice_stands_out(results):
    results["advice"] = "It pays: 4.3 points (3.1 to 5.5). Cost: a longer vector. Mind this."
    assert comparison(results)["advice"] == ["It pays: 4.3 points (3.1 to 5.5).", "Cost: a longer vector. Mind this."]


def test_a_comparison_of_one_row_is_shown(results):
    results["rows"] = results["rows"][:1]
    assert comparison(results)["details"][0]["best"] == "avg"
