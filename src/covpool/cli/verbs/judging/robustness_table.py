"""What ``covpool robustness`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from covpool.reporting.numerals import NOTHING, count, interval, percent

_AVERAGES = {
    "mean_error": "mean error, unnormalised",
    "mce": "mCE",
    "relative_mce": "relative mCE",
}
_WHICH = {"standard_15": "of the standard 15", "assembled_19": "of all 19, as Assemble averages"}


def table(result: Any) -> str:
    """Errors in percent by corruption and severity, the averages under their names, and whatever else was judged."""
    blocks = [_corruptions(result), _averages(result), _sequences(result.sequences), _attacks(result.attacks)]
    return "\n".join("".join(f"{line}\n" for line in block) for block in [*blocks, _shifted(result.shifted)] if block)


def _corruptions(result: Any) -> list[str]:
    if not result.errors:
        return []
    levels = sorted({level for of in result.errors.values() for level in of})
    rows = [["error in %", *map(str, levels), "mean"]]
    for name, of in result.errors.items():
        mean = sum(of.values()) / len(of)
        rows.append([name, *(percent(of.get(level)) for level in levels), percent(mean)])
    return list(_aligned(rows))


def _averages(result: Any) -> list[str]:
    rows = []
    if result.clean_error is not None:
        rows.append(["clean error", f"{percent(result.clean_error)} %"])
    for key, value in result.averages.items():
        what, which = next((_AVERAGES[what], key[len(what) + 1 :]) for what in _AVERAGES if key.startswith(f"{what}_"))
        shown = (
            NOTHING if value is None else f"{100 * value:.1f} %" if what == _AVERAGES["mean_error"] else f"{value:.1f}"
        )
        rows.append([f"{what} {_WHICH[which]}", shown])
    if result.against:
        names = len(result.against["averages"])
        where = f"against {result.against['network'] or 'the reference'} over {names} corruptions"
        rows += [[f"{title} {where}", _one(result.against[key])] for key, title in list(_AVERAGES.items())[1:]]
    if result.images:
        source = "released pictures" if result.pictures == "released" else "pictures corrupted by covpool"
        rows.append(["images", f"{count(result.images)} ({source})"])
    if result.skipped:
        rows.append(["skipped", count(result.skipped)])
    return list(_aligned(rows))


def _sequences(found: Mapping[str, Any]) -> list[str]:
    if not found:
        return []
    rows = [[f"sequences, difficulty {found['difficulty']}", "flip %", "top-5 distance"]]
    rows += [[name, percent(of["flip"]), f"{of['top5']:.2f}"] for name, of in found["perturbations"].items()]
    rows.append(["mFR of the standard 10", _one(found["mfr_standard_10"]), ""])
    return list(_aligned(rows))


def _attacks(found: Mapping[str, Any]) -> list[str]:
    if not found:
        return []
    levels = list(next(of for name, of in found.items() if name != "clean"))
    rows = [["error in %, epsilon", *levels]]
    rows += [[name, *(percent(of.get(level)) for level in levels)] for name, of in found.items() if name != "clean"]
    rows.append(["without attack", percent(found["clean"]["0"]), *[""] * (len(levels) - 1)])
    return list(_aligned(rows))


def _shifted(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [name, f"{percent(of['top1'])} % {interval(*of['top1_interval'])}", f"{count(of['images'])} images"]
        for name, of in found.items()
    ]
    return list(_aligned([["top-1 on", "", ""], *rows])) if rows else []


def _one(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Names to the left, numbers to the right."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()
