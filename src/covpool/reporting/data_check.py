"""The page of a data check: what is in a set of pictures and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from covpool.reporting.drawing.axes import Scale, tag, tick_label
from covpool.reporting.numerals import count, percent
from covpool.reporting.page_template import page_template, verbatim

SCHEMA = "covpool-data-check/1"
_MOST_BARS = 60  # classes that are all drawn; of more the largest and the smallest
_ENDS = 25
_MOST_BROKEN = 200
_NAMES = {"train": "training", "val": "validation", "test": "test"}
_HEIGHT = 320


def render_check(found: Mapping[str, Any]) -> str:
    """HTML that needs no other file and no network, from what ``covpool data check`` writes as JSON."""
    splits = found["splits"]
    return page_template("data.html").render(
        title=f"Check of {found['source']}",
        style=verbatim("report.css") + verbatim("data.css"),
        script=verbatim("report.js"),
        lead=found["description"],
        findings=findings(found),
        splits=[_split_row(name, split) for name, split in splits.items()],
        bars=_bars(found["classes"], splits),
        left_out=max(0, len(found["classes"]) - 2 * _ENDS) if len(found["classes"]) > _MOST_BARS else 0,
        legend=[(name, f"s{number}") for number, name in enumerate(splits, 1)],
        sizes=_size_chart(splits),
        broken=_broken(splits),
        formats=_named_counts(splits, "formats"),
        remarks=_named_counts(splits, "remarks"),
        odd=[(name, row["remark"], row["keys"]) for name, split in splits.items() for row in split["odd"]],
        groups=[
            ("Leaks between splits", "leaks", found["leaks"]),
            ("Duplicates within a split", "duplicates", found["duplicates"]),
        ],
        samples=found["samples"],
        distance=found["distance"],
    )


def findings(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """('bad' | 'odd' | 'fine', sentence) for everything that was looked at, the worst first."""
    splits = found["splits"]
    said = [*_leak_findings(found), *_broken_findings(splits), *_duplicate_findings(found["duplicates"])]
    said += _class_findings(found["classes"], splits)
    handled = {remark for split in splits.values() for remark in split["remarks"]} - {"grey"}
    if handled:
        said.append(("odd", f"some files are unusual, all are read: {', '.join(sorted(handled))}"))
    return sorted(said, key=lambda item: ("bad", "odd", "fine").index(item[0]))


def _leak_findings(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    leaks = found["leaks"]
    if leaks["pairs"]:
        sentence = (
            f"{_pictures(leaks['pictures'])} of one split can be seen in another as well: accuracy on them is no "
            f"evidence ({count(leaks['equal_pixels'])} of {count(leaks['pairs'])} pairs have equal pixels)"
        )
        return [("bad", sentence)]
    return [("fine", "no picture of one split is in another")] if len(found["splits"]) > 1 else []


def _broken_findings(splits: Mapping[str, Any]) -> list[tuple[str, str]]:
    broken = sum(len(split["broken"]) for split in splits.values())
    total = sum(split["pictures"] for split in splits.values())
    if not broken:
        return [("fine", f"all {count(total)} pictures can be read")]
    return [("bad", f"{_pictures(broken)} of {count(total)} cannot be read ({percent(broken / total, 2)} %)")]


def _duplicate_findings(duplicates: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not duplicates["pairs"]:
        return [("fine", "no picture is in a split twice")]
    number = duplicates["pictures"]
    said = [("odd", f"{_pictures(number)} {'repeats' if number == 1 else 'repeat'} another of the same split")]
    if duplicates["across_classes"]:
        pairs = duplicates["across_classes"]
        said.append(("bad", f"{count(pairs)} {_s('pair', pairs)} of equal pictures carry different classes"))
    return said


def _class_findings(classes: Sequence[str], splits: Mapping[str, Any]) -> list[tuple[str, str]]:
    said = []
    for name, split in splits.items():
        empty = [classes[label] for label, number in enumerate(split["counts"]) if not number]
        if empty and len(empty) < len(classes):
            few = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
            said.append(("odd", f"{_NAMES[name]} has no picture of {count(len(empty))} classes ({few})"))
    counts = [number for number in splits.get("train", {}).get("counts", []) if number]
    if counts and max(counts) >= 10 * min(counts):
        said.append(("odd", f"training classes differ in size: from {count(min(counts))} to {count(max(counts))}"))
    return said


def _pictures(number: int) -> str:
    return f"{count(number)} {_s('picture', number)}"


def _s(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"


def _split_row(name: str, split: Mapping[str, Any]) -> dict[str, Any]:
    counts = [number for number in split["counts"] if number]
    return {
        "name": _NAMES[name],
        "pictures": count(split["pictures"]),
        "classes": count(len(counts)),
        "per_class": f"{count(min(counts))} to {count(max(counts))}" if counts else "",
        "broken": count(len(split["broken"])),
        "width": _range(split["sizes"].get("width")),
        "height": _range(split["sizes"].get("height")),
        "megabytes": f"{split['bytes'] / 1e6:,.1f}",
        "mean": _three(split["channels"].get("mean")),
        "std": _three(split["channels"].get("std")),
    }


def _range(sizes: Mapping[str, float] | None) -> str:
    if not sizes:
        return ""
    return f"{sizes['median']:.0f} ({sizes['least']:.0f} to {sizes['most']:.0f})"


def _three(values: Iterable[float] | None) -> str:
    return ", ".join(f"{value:.4f}" for value in values) if values else ""


def _bars(classes: Sequence[str], splits: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a class, largest first, with a bar for each split; percent of the longest bar."""
    totals = [sum(split["counts"][label] for split in splits.values()) for label in range(len(classes))]
    order = sorted(range(len(classes)), key=lambda label: (-totals[label], label))
    if len(order) > _MOST_BARS:
        order = [*order[:_ENDS], *order[-_ENDS:]]
    longest = max((max(split["counts"], default=0) for split in splits.values()), default=0) or 1
    return [
        {
            "name": classes[label],
            "parts": [
                (f"s{number}", f"{100 * split['counts'][label] / longest:.2f}%", count(split["counts"][label]))
                for number, split in enumerate(splits.values(), 1)
            ],
        }
        for label in order
    ]


def _size_chart(splits: Mapping[str, Any]) -> Markup | None:
    """Height against width, a dot a picture, both axes logarithmic."""
    points = {name: split["sizes"].get("points", []) for name, split in splits.items()}
    sides = [side for found in points.values() for pair in found for side in pair]
    if len(set(sides)) < 2:
        return None
    scale = Scale.around(sides, log=True, margin=0.05)
    marks = []
    for tick in scale.ticks(5):
        at, down = scale.percent(tick), scale.from_top(tick)
        marks += [
            tag("line", x1="0", x2="100%", y1=down, y2=down, class_="grid"),
            tag("line", x1=at, x2=at, y1="0", y2="100%", class_="grid"),
            tag("text", tick_label(tick), x="-8", y=down, dy=".32em", text_anchor="end", class_="tick"),
            tag("text", tick_label(tick), x=at, y="100%", dy="16", text_anchor="middle", class_="tick"),
        ]
    for number, found in enumerate(points.values(), 1):
        dots = [tag("circle", cx=scale.percent(w), cy=scale.from_top(h), r=2.5) for w, h in found]
        marks.append(tag("g", *dots, class_=f"size s{number}"))
    marks.append(tag("text", "width", x="50%", y="100%", dy="34", text_anchor="middle", class_="axis-title"))
    return tag("svg", *marks, class_="chart", role="img", aria_label="height against width", height=_HEIGHT)


def _broken(splits: Mapping[str, Any]) -> dict[str, Any]:
    rows = [(name, key, reason) for name, split in splits.items() for key, reason in split["broken"]]
    return {"rows": rows[:_MOST_BROKEN], "more": max(0, len(rows) - _MOST_BROKEN)}


def _named_counts(splits: Mapping[str, Any], field: str) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for split in splits.values() for name in split[field])
    return [(name, [count(split[field].get(name, 0)) for split in splits.values()]) for name in names]
