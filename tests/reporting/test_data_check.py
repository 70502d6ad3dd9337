from html.parser import HTMLParser

from covpool.reporting.data_check import findings, render_check


def split(counts, **other):
    sides = {"least": 8, "p5": 8, "median": 20, "p95": 30, "most": 30}
    return {
        "pictures": sum(counts),
        "counts": counts,
        "broken": [],
        "formats": {"JPEG": sum(counts)},
        "remarks": {},
        "odd": [],
        "bytes": 1000,
        "sizes": {"width": sides, "height": sides, "short_side": sides, "points": [[8, 30], [30, 8]]},
        "channels": {"mean": [0.5] * 3, "std": [0.25] * 3},
        **other,
    }


def pairs(*chosen):
    one, other = (
        {"split": s, "key": f"{s}/1.jpg", "class": c, "thumbnail": "data:,"} for s, c in chosen or [("", "")] * 2
    )
    shown = [{"one": one, "other": other, "distance": 2}] if chosen else []
    across = int(bool(chosen) and one["class"] != other["class"])
    counts = {"pairs": len(shown), "pictures": len(shown), "across_classes": across, "equal_pixels": 0}
    return {**counts, "listed": [], "shown": shown}


def found(**changes):
    values = {
        "source": "photos",
        "description": "here",
        "classes": ["<cat>", "dog"],
        "splits": {"train": split([5, 6]), "val": split([2, 2])},
        "distance": 3,
        "leaks": pairs(),
        "duplicates": pairs(),
        "samples": [{"split": "train", "key": "a", "class": "<cat>", "thumbnail": "data:,"}],
    }
    return {**values, **changes}


class Outline(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.sources = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_sound_set_is_said_to_be_sound():
    assert {level for level, _ in findings(found())} == {"fine"}
    assert "Broken pictures" not in render_check(found())


def test_the_worst_comes_first():
    bad = split([1, 60], broken=[["train/x.jpg", "it is empty"]], remarks={"CMYK colours": 1})
    said = findings(found(splits={"train": bad, "val": split([0, 2])}, leaks=pairs(("train", "dog"), ("val", "dog"))))
    assert [level for level, _ in said] == ["bad", "bad", "odd", "odd", "odd", "fine"]
    assert "1 picture of one split can be seen in another" in said[0][1]
    assert any("validation has no picture of 1 classes (<cat>)" in sentence for _, sentence in said)


def test_the_page_is_well_formed_escaped_and_needs_nothing_else():
    leaks = pairs(("train", "<cat>"), ("val", "dog"))
    page = render_check(
        found(leaks=leaks, splits={"train": split([5, 6], broken=[["a<b", "x"]]), "val": split([2, 2])})
    )
    outline = Outline(page)
    assert outline.open == []
    assert all(source.startswith("data:") for source in outline.sources)
    assert "<cat>" not in page
    assert "a<b" not in page
    assert "different classes" in page


def test_of_many_classes_the_ends_are_drawn():
    classes = [f"class {n}" for n in range(400)]
    page = render_check(found(classes=classes, splits={"train": split(list(range(1, 401)))}))
    assert page.count('class="barrow"') == 50
    assert "350 between them are left out" in page


def test_a_set_of_one_size_has_no_chart_of_sizes():
    one = split([5, 6])
    one["sizes"]["points"] = [[32, 32]]
    assert "<h2>Sizes</h2>" not in render_check(found(splits={"train": one}))
