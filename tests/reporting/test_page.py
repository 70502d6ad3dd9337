"""The pages in a real browser, opened from disk with the network off."""

import json
import shutil

import pytest
from PIL import Image

from covpool.reporting import report
from covpool.reporting.explanation import render_explanation
from reporting_cases import explained, judged

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install covpool[browser]")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium or google-chrome on the PATH"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
HOSTILE = [
    "<script>document.title='owned'</script>", "\"><img src=x onerror=\"document.title='owned'\">", "' onclick='x",
    "\u202e\u05e9\u05dc\u05d5\u05dd \u202dabc", "x" * 300, "javascript:alert(1)", "</style></title>", "{{ 7 * 7 }}",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open a page without a network; whatever it asks for or complains about fails the test."""
    contexts = []

    def go(path, *, viewport=WIDE, scheme="light", **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
        page.on("request", lambda request: page.complaints.append(request.url) if _outside(request, path) else None)
        page.goto(path.as_uri())
        return page

    yield go
    for context in contexts:
        for page in context.pages:
            assert page.complaints == []
        context.close()


def _outside(request, path):
    return not request.url.startswith("data:") and request.url.partition("#")[0] != path.as_uri()


@pytest.fixture
def written(tmp_path, results_like):
    """A report of a comparison, two evaluations, and a result of a kind without a section."""

    def write(classes=("cat", "dog", "owl"), name="first"):
        for path in {tmp_path / "photos" / key for key in ("a.png", "b.png")}:
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (30, 30), "orange").save(path)
        runs = tmp_path / "runs"
        for number, run in enumerate((name, "second")):
            (runs / f"run{number}").mkdir(parents=True)
            (runs / f"run{number}" / f"{run[:40].replace('/', '_')}.json").write_text(
                json.dumps(judged(classes, keys=("a.png", "b.png"), right=5 + number))
            )
        (runs / "run1" / "thing.json").write_text(json.dumps({"schema": "covpool-thing/1", "mce": 0.75}))
        (runs / "compared").mkdir()
        (runs / "compared" / "results.json").write_text(json.dumps(results_like()))
        out = tmp_path / "report.html"
        report([runs], out, data=tmp_path / "photos")
        return out

    return write


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_the_page_fits_its_window_in_both_colours(visit, written, viewport, scheme):
    page = visit(written(), viewport=viewport, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, paper.removeprefix("rgb(").removesuffix(")").split(",")))
    assert lightness > 700 if scheme == "light" else lightness < 100


def test_tables_sort_by_click_and_by_keyboard(visit, written):
    page = visit(written())
    table = page.locator("table.sortable").first
    head = table.locator("thead button").nth(1)
    column = lambda: [float(v) for v in table.locator("tbody tr td:nth-child(2)").evaluate_all(  # noqa: E731
        "cells => cells.map(c => c.dataset.value)")]  # fmt: skip
    head.click()
    assert column() == sorted(column(), reverse=True)
    head.focus()
    page.keyboard.press("Enter")
    assert column() == sorted(column())
    assert table.locator("th[aria-sort=ascending]").count() == 1


def test_charts_say_their_values_on_hover_and_on_focus(visit, written):
    page = visit(written())
    chart = page.locator("svg.chart:has(.hit)").first
    chart.locator(".hit").last.hover()
    said = page.locator("#bubble").inner_text().split("\n")
    assert len(said) == page.locator("svg.chart:has(.hit)").first.locator(".curve").count()
    assert all("epoch 8: " in line for line in said)
    page.keyboard.press("Escape")
    assert page.locator("#bubble").is_hidden()
    chart.locator(".hit").first.focus()
    assert "epoch 1: " in page.locator("#bubble").inner_text()
    page.keyboard.press("ArrowRight")
    assert "epoch 2: " in page.locator("#bubble").inner_text()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement === document.querySelector('svg.chart:has(.hit) .hit:last-of-type')")


def test_every_chart_and_every_table_takes_one_stop_of_the_tab_key(visit, written):
    page = visit(written())
    stops = (
        """boxes => boxes.map(box => [...box.querySelectorAll('[data-says]')].filter(m => m.tabIndex === 0).length)"""
    )
    for boxes in ("svg.chart", "table.matrix", "table.sortable"):
        assert set(page.locator(boxes).evaluate_all(stops)) <= {0, 1}
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(400):
        reached.add(page.evaluate("document.activeElement.closest('svg, table')?.getAttribute('class') ?? ''"))
        page.keyboard.press("Tab")
    assert {"chart", "sortable", "matrix"} <= {str(name).split(" ")[0] for name in reached}


def test_a_confused_cell_leads_to_its_pictures(visit, written):
    page = visit(written())
    page.locator("details").evaluate_all("folds => folds.forEach(fold => fold.open = fold.closest('.confusions'))")
    link = page.locator(".matrix a[href^='#confused']").first
    link.click()
    target = page.locator(link.get_attribute("href"))
    assert target.is_visible()
    assert "cat" in target.inner_text()
    assert target.locator("img").first.evaluate("image => image.naturalWidth") > 0


def test_a_number_leads_to_its_file_and_says_its_key(visit, written):
    path = written()
    page = visit(path)
    number = page.locator("a.from").first
    number.focus()
    said = page.locator("#bubble").inner_text()
    file, key = said.split("\n")[1:]
    keys = key.removeprefix("/").split("/")
    value = json.loads((path.parent / file).read_text())
    for step in keys:
        value = value[int(step)] if isinstance(value, list) else value[step]
    assert float(said.split("\n")[0]) == value
    page.keyboard.press("Enter")
    row = page.locator(f"#{page.url.partition('#')[2]}")
    assert (path.parent / row.locator("a").get_attribute("href")).samefile(path.parent / file)


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_names_from_outside_are_text_and_break_nothing(visit, written, viewport):
    page = visit(written(classes=HOSTILE, name=HOSTILE[0]), viewport=viewport)
    assert page.title() == "covpool report"
    assert page.locator("script").count() == 1
    assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert "{{ 7 * 7 }}" in page.content()


def test_without_scripts_everything_is_there_to_read(visit, written):
    page = visit(written(), java_script_enabled=False)
    assert page.locator("table.sortable").first.is_visible()
    assert page.locator("a.from[title]").count() > 10
    assert "Where the numbers stand" in page.content()


def test_an_explanation_is_a_page_of_its_own(visit, tmp_path):
    out = tmp_path / "explained.html"
    out.write_text(render_explanation(explained(HOSTILE[0])), encoding="utf-8")
    for viewport in (NARROW, WIDE):
        page = visit(out, viewport=viewport, scheme="dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    squares = page.locator("svg.cells rect")
    squares.first.focus()
    assert page.locator("#bubble").inner_text().startswith("row 1, column 1: ")
    page.keyboard.press("ArrowDown")
    assert page.locator("#bubble").inner_text().startswith("row 2, column 1: ")
    page.locator("#blocks").check()
    assert page.locator(".heat .map").first.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
