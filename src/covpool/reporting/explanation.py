"""The page and the picture of explained scores: where each network looked, and which pairs of channels decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from covpool.reporting.drawing.axes import tag
from covpool.reporting.drawing.heat import data_uri, from_data_uri, heat, overlay, strongest
from covpool.reporting.numerals import MINUS, percent, three_digits
from covpool.reporting.page_template import page_template, verbatim

SCHEMA = "covpool-explanation/1"
_MOST_CELLS = 1024  # of one map that say their number on hover
_SIDE, _GAP, _BAND = 300, 16, 44  # pixels of the PNG sheet
_INKS = ("#1c1e21", "#62676f")


def render_explanation(found: Mapping[str, Any]) -> str:
    """HTML that needs no other file and no network, from what ``covpool explain`` writes as JSON."""
    pictures = [_picture(one) for one in found["pictures"]]
    names = [view["name"] for view in found["pictures"][0]["views"]]
    return page_template("explanation.html").render(
        title="Where and why" if len(pictures) > 1 else f"Where and why: {found['pictures'][0]['image']}",
        networks=names,
        pictures=pictures,
        facts=[(name, str(value)) for name, value in (found.get("facts") or {}).items()],
        style=verbatim("report.css") + verbatim("explanation.css"),
        script=verbatim("report.js") + verbatim("explanation.js"),
    )


def _picture(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": one["image"], "views": [_view(view) for view in one["views"]]}


def _view(view: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": view["name"],
        "pool": view.get("pool", ""),
        "picture": view["picture"],
        "class": view["class"],
        "probability": percent(view["probability"]),
        "score": signed(view["score"]),
        "best": [(b["class"], percent(b["probability"]), f"{100 * b['probability']:.1f}%") for b in view["best"]],
        "sum": sentence(view),
        "strongest": three_digits(strongest(view["map"])),
        "heat": data_uri(heat(view["map"])),
        "cells": _cells(view["map"]),
        "pairs": [_pair(pair, view["picture"]) for pair in view["pairs"]],
    }


def _pair(pair: Mapping[str, Any], picture: str) -> dict[str, Any]:
    channels = (
        f"channels {pair['first']} \N{MULTIPLICATION SIGN} {pair['second']}"
        if pair["first"] != pair["second"]
        else f"channel {pair['first']}, its variance"
    )
    where = f", candidate {pair['candidate'] + 1}" if pair["candidate"] else ""
    entry = "" if pair["entry"] is None else f"weight times entry of the vector: {signed(pair['entry'])}"
    return {
        "name": channels + where,
        "amount": signed(pair["amount"]),
        "adds": pair["amount"] >= 0,
        "entry": entry,
        "picture": picture,
        "heat": data_uri(heat(pair["map"])),
    }


def sentence(view: Mapping[str, Any]) -> str:
    """What the map adds up to, and how exactly."""
    total = signed(view["total"])
    if view["rule"] == "derivative":
        return (
            "This pool sees directions only, so there is no split of the score: the map is its derivative by the "
            f"logarithm of each position\N{RIGHT SINGLE QUOTATION MARK}s scale, and adds up to {total}."
        )
    held = " with the length of the vector held," if view["held_norms"] else ""
    how = (
        f"exact{held} up to {abs(view['error']):.0e}"
        if view["rule"] == "euler"
        else f"{held.strip(' ,')}{', ' * bool(held)}integrated with {view['nodes']} gradients, off by "
        f"{abs(view['error']):.0e}"
    )
    parts = f"{signed(view['constant'])} without the map, {total} from its positions"
    return f"Score {signed(view['score'])} = {parts} ({how})."


def signed(value: float) -> str:
    """Three digits with a sign.

    Example:
        >>> signed(0.1234), signed(0.0)
        ('+0.123', '0')
    """
    text = three_digits(abs(value))
    if not float(text):
        return "0"
    return ("+" if value > 0 else MINUS) + text


def _cells(rows: Sequence[Sequence[float]]) -> Markup:
    """A grid of clear squares that say their number."""
    height, width = len(rows), len(rows[0])
    if height * width > _MOST_CELLS:
        return Markup("")
    marks = [
        tag("rect", tag("title", f"row {y + 1}, column {x + 1}: {signed(value)}"), x=x, y=y, width=1, height=1)
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
    ]
    where = {"viewBox": f"0 0 {width} {height}", "preserveAspectRatio": "none"}
    return tag(
        "svg", *marks, class_="cells", role="group", aria_label="what each position adds", data_across=width, **where
    )


def sheet(one: Mapping[str, Any]) -> Image.Image:
    """One picture as its networks see it: the crop, then its map for each network, with names and numbers."""
    views = one["views"]
    columns = 1 + len(views)
    image = Image.new("RGB", (columns * (_SIDE + _GAP) + _GAP, _SIDE + _BAND + 2 * _GAP), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    first = from_data_uri(views[0]["picture"])
    tiles = [(first.resize((_SIDE, _SIDE)), one["image"], "")]
    for view in views:
        below = from_data_uri(view["picture"])
        said = f"{view['class']} {percent(view['probability'])} %, score {signed(view['score'])}"
        tiles.append((overlay(below, view["map"], size=_SIDE), f"{view['name']} {view.get('pool', '')}", said))
    for place, (tile, *lines) in enumerate(tiles):
        left = _GAP + place * (_SIDE + _GAP)
        image.paste(tile, (left, _GAP))
        for number, (text, colour) in enumerate(zip(lines, _INKS, strict=True)):
            draw.text((left, _GAP + _SIDE + 6 + 18 * number), _fitting(text, font), fill=colour, font=font)
    return image


def _fitting(text: str, font: Any) -> str:
    """As much of a line as is as wide as a tile."""
    text = text.replace(MINUS, "-")
    while text and font.getlength(text) > _SIDE:
        text = text[:-2].rstrip(".") + "."
    return text
