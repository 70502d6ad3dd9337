"""The section of robustness: what is shown, in which order, and what has to be said about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covpool.reporting.sections.comparison import as_text, stamp_facts
from covpool.reporting.sections.parts import Facts, Found, Heading, Legend, Listing, Note, Part, Section, colour
from covpool.reporting.sections.robustness import charts, tables

_WHERE = {"covpool": "corrupted by covpool", "released": "the released folders"}
_SETTINGS = {
    "seed": "seed of the corruptions",
    "jpeg": "JPEG quality of corrupted pictures",
    "keys": "digest of the pictures' names",
}
_MADE_BY = ("seed", "jpeg", "keys")  # settings that decide the pixels of corrupted pictures
_AVERAGED = (
    "(15): over the standard corruptions of ImageNet-C. (19): with its four extra ones, as the program of "
    "Assemble-ResNet averages; the two are not comparable. "
)
_NORMALISED = (
    "mCE: each corruption's error over AlexNet's published one, their mean in percent. Relative mCE: the same of what "
    "a corruption adds to the clean error. Under 100 is better than AlexNet. "
)


def section(found: Sequence[Found]) -> Section:
    """The averages of every network, then corruptions, sequences, attacks and other pictures, as far as judged."""
    summary = tables.averages(found)
    styles = [colour(place) for place in range(len(found))]
    parts: list[Part] = [Listing(summary, styles)] if len(summary.columns) > 1 else []
    parts += [*_about_averages(found), *_corruptions(found)]
    for heading, table, note in (
        ("Sequences of frames", tables.sequences(found), _flips(found)),
        ("Attacks", tables.attacks(found), "Top-1 error in percent by epsilon, the bound on every value in grey levels "
         "of 255. A network that withstands FGSM and PGD is not shown to be robust: stronger attacks exist."),
        ("Pictures of another kind", tables.shifted(found), "Top-1 accuracy in percent with its 95 % interval, among "
         "the classes that the folder holds."),
    ):  # fmt: skip
        if table is not None:
            parts += [Heading(heading), Listing(table), *charts.of(heading, found), Note(note)]
    return Section("Robustness", [*parts, *_facts(found)], _lead(found))


def _lead(found: Sequence[Found]) -> str:
    judged = [result for result in found if result.data["errors"]]
    if not judged:
        return "Share of wrong or changing answers where pictures change; lower is better."
    return "Top-1 error on corrupted pictures: lower is better." + _unlike(judged)


def _unlike(judged: Sequence[Found]) -> str:
    """A warning where networks were judged on corrupted pictures that were made otherwise."""
    made = {
        (result.data["pictures"], *(str((result.data.get("settings") or {}).get(key)) for key in _MADE_BY))
        for result in judged
    }
    warning = " These networks were judged on different pictures, or on pictures corrupted otherwise: their errors "
    return f"{warning}do not compare." if len(made) > 1 else ""


def _about_averages(found: Sequence[Found]) -> Iterator[Note]:
    keys = {key for result in found for key, value in (result.data["averages"] or {}).items() if value is not None}
    named = _AVERAGED if keys else ""
    normalised = _NORMALISED if any("mce" in key for key in keys) else ""
    others = [result for result in found if (result.data.get("against") or {}).get("mce") is not None]
    against = (
        "mCE against a reference: that network stands in AlexNet's place; under 100 is better than it. "
        if others
        else ""
    )
    if text := (named + normalised + against).strip():
        yield Note(text)


def _corruptions(found: Sequence[Found]) -> Iterator[Part]:
    judged = [(place, result) for place, result in enumerate(found) if result.data["errors"]]
    if not judged:
        return
    legend = Legend([(result.name, colour(place)) for place, result in judged])
    yield Heading("Error by corruption")
    if len(judged) > 1:
        yield legend
    yield charts.by_corruption(judged)
    table, styles = tables.corruptions(judged)
    yield Listing(table, styles if len(judged) > 1 else ())
    yield Note("Top-1 error in percent by severity, 1 to 5; the mean is over the severities judged.")
    lines = charts.over_severity(judged)
    if lines:
        yield Heading("Error over severity")
        if len(judged) > 1:
            yield legend
        yield from lines


def _flips(found: Sequence[Found]) -> str:
    difficulties = {str(r.data["sequences"]["difficulty"]) for r in found if r.data.get("sequences")}
    return (
        "Flip: how often the answer changes from frame to frame (noise: from the first frame), in percent. Top-5 "
        f"distance: how far the first five places move. Difficulty {', '.join(sorted(difficulties))}. mFR: flip rates "
        "over AlexNet's for the standard ten, their mean in percent."
    )


def _facts(found: Sequence[Found]) -> Iterator[Part]:
    """What is the same for all networks once, the rest for each."""
    each = [(result.name, _facts_of(result)) for result in found]
    entries: list[tuple[str, str]] = []
    for name in dict.fromkeys(name for _, facts in each for name in facts):
        values = {facts.get(name, "") for _, facts in each}
        alike = len(values) == 1
        entries += [(name, values.pop())] if alike else [(f"{name}, {of}", fs[name]) for of, fs in each if name in fs]
    yield from (Heading("How it was measured"), Facts(entries))


def _facts_of(result: Found) -> dict[str, str]:
    data, about = result.data, result.data.get("about") or {}
    facts = {
        "network": about.get("network"),
        "pictures": " ".join(filter(None, (as_text(about.get("data") or ""), about.get("split")))),
        "corrupted pictures": _WHERE.get(data["pictures"], data["pictures"]) if data["errors"] else None,
        **{_SETTINGS.get(key, key): value for key, value in (data.get("settings") or {}).items()},
        **dict(stamp_facts(data.get("stamp") or {})),
    }
    return {name: as_text(value) for name, value in facts.items() if value not in (None, "", {}, [])}
