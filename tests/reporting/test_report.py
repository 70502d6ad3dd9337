import json
import re
from html.parser import HTMLParser
from random import Random

import pytest

from covpool.reporting import render, report
from reporting_cases import judged

VOID = {"meta", "img", "br"}
HOSTILE = '<script>alert("x")</script>'


class Balanced(HTMLParser):
    """Collects tags that are not closed in order, and everything that would be fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.fetched, self.tags = [], [], [], []
        self.anchors, self.ids = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.fetched += [
            v for k, v in attrs if k in ("src", "href", "action") and not v.startswith(("data:image/", "#"))
        ]
        self.anchors += [v[1:] for k, v in attrs if k == "href" and v.startswith("#")]
        self.ids += [v for k, v in attrs if k == "id"]
        if values.get("http-equiv") == "refresh":
            self.fetched.append(values["content"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def parsed(page):
    parser = Balanced()
    parser.feed(page)
    return parser


@pytest.mark.parametrize("shape", [{}, {"frozen": True}, {"classes": 30}, {"epochs": 1, "seeds": 1, "mistakes": 0}])
def test_the_page_is_well_formed_and_fetches_nothing(results_like, shape):
    found = parsed(render(results_like(**shape)))
    assert found.wrong == []
    assert found.open == []
    assert found.fetched == []
    assert set(found.anchors) <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)
    assert "http" not in re.sub(r"http-equiv", "", render(results_like(**shape)))


def test_the_page_begins_with_the_advice_and_holds_every_part(results):
    page = render(results)
    order = [page.index(text) for text in (results["advice"][:40], ">Results<", ">Accuracy<", ">Accuracy against cost<",
             ">Learning curves<", ">Confusions<", ">Misclassified images<", ">How it was measured<")]  # fmt: skip
    assert order == sorted(order)
    assert page.count("<img ") == sum(len(row["mistakes"]) for row in results["rows"])


def test_names_from_outside_are_escaped_everywhere(results):
    results["data"]["classes"][0] = HOSTILE
    results["data"]["source"] = HOSTILE
    results["advice"] = HOSTILE
    for row in results["rows"]:
        row["pool"] = row["pool"] + HOSTILE
        row["backbone"] = HOSTILE
        row["mistakes"][0] |= {"key": HOSTILE + "'\"", "label": HOSTILE, "predicted": HOSTILE}
    page = render(results)
    assert HOSTILE not in page
    assert parsed(page).tags.count("script") == 1


def test_a_picture_that_is_no_data_uri_of_an_image_is_left_out(results):
    for row in results["rows"]:
        for mistake in row["mistakes"]:
            mistake["picture"] = "https://example.org/x.png"
    assert "<img" not in render(results)


def test_the_same_results_give_the_same_page(results):
    assert render(results) == render(json.loads(json.dumps(results)))


def test_a_report_is_made_of_files_and_folders_in_every_format(results, tmp_path):
    folder = tmp_path / "compared"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results))
    assert report([folder]) == report([folder / "results.json"])
    assert report([folder], format="md").startswith("## Pooling compared on mnist5k\n\n| backbone | pool |")
    assert report([folder], format="csv").startswith("backbone,stage,pool,accuracy,")
    out = tmp_path / "new" / "page.html"
    assert report([folder, folder], out) == out.read_text(encoding="utf-8")
    assert out.read_text(encoding="utf-8").count("<article>") == 2


def test_what_is_no_result_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ValueError, match="needs to hold the result of a comparison"):
        report([tmp_path / "a.json"])
    with pytest.raises(ValueError, match="is no JSON file"):
        report([tmp_path / "b.json"])
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        report([tmp_path / "c.json"])
    with pytest.raises(ValueError, match="at least one"):
        report([])
    with pytest.raises(ValueError, match="one of the formats html, md, csv; got 'pdf'"):
        report([tmp_path / "a.json"], format="pdf")


ODD = (None, True, -1, 1e999, float("nan"), "", HOSTILE, [], [[]], {}, {"a": HOSTILE}, [HOSTILE] * 3, 10**400, "\ud800")


def mutated(value, random):
    """One part of nested data replaced by something odd, or gone."""
    if isinstance(value, dict | list) and value and random.random() < 0.8:
        copy = value.copy()
        key = random.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
        if random.random() < 0.15:
            del copy[key]
        else:
            copy[key] = mutated(copy[key], random)
        return copy
    return random.choice(ODD)


@pytest.mark.parametrize("kind", ["run", "comparison", "thing"])
def test_damaged_results_are_shown_or_refused_in_a_sentence_and_never_run(results_like, tmp_path, kind):
    made = {"run": judged(), "comparison": results_like(epochs=2, mistakes=2, pools=("avg", "isqrt"), classes=3),
            "thing": {"a": [1, {"b": 2}], "c": {"d": 1.5}}}[kind]  # fmt: skip
    schema = {"run": "covpool-result/1", "comparison": "covpool-compare/1", "thing": "covpool-thing/1"}[kind]
    random = Random(0)
    for number in range(60):
        path = tmp_path / f"{number}.json"
        damaged = mutated(made, random) if number else made
        path.write_text(json.dumps({**(damaged if isinstance(damaged, dict) else made), "schema": schema}))
        for format in ("html", "md", "csv"):
            refused, text = None, ""
            try:
                text = report([path], format=format)
            except ValueError as error:
                refused = str(error)
            assert refused is None or str(path) in refused
            assert format == "csv" or HOSTILE not in text


def test_a_broken_run_folder_is_named(tmp_path):
    for name, content in (("result.json", "{"), ("result.json", "[]"), ("summary.csv", "epoch,lr\n0,fast\n")):
        run = tmp_path / f"{name}{len(content)}"
        run.mkdir()
        (run / name).write_text(content)
        with pytest.raises(ValueError, match="cannot be read"):
            report([run])
