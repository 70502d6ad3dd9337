"""Numbers as a reader wants to see them."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate in percent, without the sign.

    Example:
        >>> percent(0.9723)
        '97.2'
    """
    return NOTHING if rate is None else f"{100 * rate:.{digits}f}"


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of two rates in percentage points, always with a sign.

    Example:
        >>> points(0.0153), points(-0.0004)
        ('+1.5', '0.0')
    """
    if difference is None:
        return NOTHING
    text = f"{100 * difference:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", MINUS)


def interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """An interval of rates in percent, or of differences in points.

    Example:
        >>> interval(0.964, 0.978), interval(0.006, 0.024, signed=True)
        ('[96.4, 97.8]', '[+0.6, +2.4]')
    """
    show = points if signed else percent
    return "" if low is None or high is None else f"[{show(low)}, {show(high)}]"


def count(value: float | None) -> str:
    """A whole number with commas.

    Example:
        >>> count(32896)
        '32,896'
    """
    return NOTHING if value is None else f"{round(value):,}"


def short(value: float | None) -> str:
    """Three digits and a letter for thousands, millions, ...

    Example:
        >>> short(1_234_567), short(940), short(3.2e9), short(0)
        ('1.23 M', '940', '3.20 G', '0')
    """
    if value is None:
        return NOTHING
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{three_digits(value / size)} {letter}"
    return three_digits(value) if value % 1 else f"{value:.0f}"


def three_digits(value: float | None) -> str:
    """Three significant digits, never an exponent.

    Example:
        >>> three_digits(0.4215), three_digits(42.15), three_digits(4215.0)
        ('0.421', '42.1', '4215')
    """
    if value is None:
        return NOTHING
    size = abs(value)
    if size == 0:
        return "0"
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:.{digits}f}"


def duration(seconds: float | None) -> str:
    """Seconds as h, min, s.

    Example:
        >>> duration(7.31), duration(95), duration(7260)
        ('7.3 s', '1 min 35 s', '2 h 01 min')
    """
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
