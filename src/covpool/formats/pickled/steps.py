"""The steps that plain data needs; those that look up code, call it or make objects are not here.

Source: CPython, Lib/pickletools.py (opcodes of protocols 0 to 5).
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import Any

from covpool.formats.pickled.arrays import Made, Name, call, complete
from covpool.formats.pickled.stack import MARK, MOST_DIGITS, REMEDY, Machine


def _integer(m: Machine) -> None:
    text = m.line(MOST_DIGITS)
    if text in (b"00", b"01"):
        return m.push(text == b"01")
    try:
        m.push(int(text))
    except ValueError:
        m.span.fail(f"{text!r} should be a number; it is damaged")


def _real(m: Machine) -> None:
    text = m.line(MOST_DIGITS)
    try:
        m.push(float(text))
    except ValueError:
        m.span.fail(f"{text!r} should be a number; it is damaged")


def _long(code: str) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        count = m.span.number(code)
        if count > MOST_DIGITS:
            m.span.fail(f"a number of {count} bytes is refused; it is damaged")
        m.push(int.from_bytes(m.span.take(count), "little", signed=True))

    return step


def _quoted(m: Machine) -> None:
    text = m.line()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        m.span.fail("a text has no quotes; it is damaged")
    try:
        m.push(codecs.escape_decode(text[1:-1])[0])
    except ValueError:
        m.span.fail("a text has a wrong escape; it is damaged")


def _text(code: str) -> Callable[[Machine], None]:
    return lambda m: m.push(str(m.span.take(m.span.number(code)), "utf-8", "surrogatepass"))


def _append(m: Machine) -> None:
    value = m.plain(m.pop())
    _of(m, list).append(value)


def _append_all(m: Machine) -> None:
    values = [m.plain(value) for value in m.above_mark()]
    _of(m, list).extend(values)


def _set_one(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    _fill(m, _of(m, dict), [key, value])


def _set_all(m: Machine) -> None:
    items = m.above_mark()
    _fill(m, _of(m, dict), items)


def _fill(m: Machine, target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        m.span.fail("a dict has a key without a value; it is damaged")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, str | bytes | int):  # the hash of a nested tuple can take forever
            m.span.fail(f"a dict has a key of type {type(key).__name__}; text, bytes and whole numbers are read")
        target[key] = m.plain(value)
    return target


def _of(m: Machine, kind: type) -> Any:
    if type(m.stack[-1]) is not kind:
        m.span.fail(f"a step needs a {kind.__name__} and finds {type(m.stack[-1]).__name__}; it is damaged")
    return m.stack[-1]


def _last(count: int) -> Callable[[Machine], None]:
    return lambda m: m.push(tuple(reversed([m.pop() for _ in range(count)])))


def _named(m: Machine, module: Any, name: Any) -> None:
    if not isinstance(module, str) or not isinstance(name, str):
        m.span.fail("a name is no text; it is damaged")
    found = Name.known(module, name)
    if found is None:
        m.span.fail(f"it asks for {f'{module}.{name}'[:80]!r}, which is no plain data and may run code; {REMEDY}")
    m.push(found)


def _named_in_lines(m: Machine) -> None:
    module, name = m.line(256), m.line(256)
    _named(m, module.decode("utf-8"), name.decode("utf-8"))


def _named_on_stack(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    _named(m, module, name)


def _reduce(m: Machine) -> None:
    given, function = m.pop(), m.pop()
    if not isinstance(function, Name) or not isinstance(given, tuple):
        m.span.fail(f"it calls what is no function of ours; {REMEDY}")
    m.push(call(function, given, m.span))


def _build(m: Machine) -> None:
    state, made = m.pop(), m.pop()
    if not isinstance(made, Made):
        m.span.fail(f"it sets the state of an object of type {type(made).__name__}; {REMEDY}")
    value = complete(made, state, m.span)
    m.memo.update(dict.fromkeys(made.keys, value))
    m.push(value)


def _protocol(m: Machine) -> None:
    version = m.span.number("B")
    if version > 5:
        m.span.fail(f"it is of protocol {version}; 0 to 5 are read")


STEPS: dict[int, Callable[[Machine], Any]] = {
    code[0]: step
    for code, step in {
        b"\x80": _protocol,
        b"\x95": lambda m: m.span.take(8),  # a frame: its length is of no use here
        b"N": lambda m: m.push(None),
        b"\x88": lambda m: m.push(True),
        b"\x89": lambda m: m.push(False),
        b"I": _integer,
        b"L": lambda m: m.push(m.whole()),
        b"J": lambda m: m.push(m.span.number("i")),
        b"K": lambda m: m.push(m.span.number("B")),
        b"M": lambda m: m.push(m.span.number("H")),
        b"\x8a": _long("B"),
        b"\x8b": _long("I"),
        b"F": _real,
        b"G": lambda m: m.push(struct.unpack(">d", m.span.take(8))[0]),
        b"S": _quoted,
        b"T": lambda m: m.push(m.content("I")),
        b"U": lambda m: m.push(m.content("B")),
        b"C": lambda m: m.push(m.content("B")),
        b"B": lambda m: m.push(m.content("I")),
        b"\x8e": lambda m: m.push(m.content("Q")),
        b"\x96": lambda m: m.push(m.content("Q")),
        b"V": lambda m: m.push(m.line().decode("raw_unicode_escape")),
        b"\x8c": _text("B"),
        b"X": _text("I"),
        b"\x8d": _text("Q"),
        b"(": lambda m: m.push(MARK),
        b"0": lambda m: m.stack.pop(),
        b"1": lambda m: m.above_mark(),
        b"]": lambda m: m.push([]),
        b"l": lambda m: m.push([m.plain(value) for value in m.above_mark()]),
        b"a": _append,
        b"e": _append_all,
        b")": lambda m: m.push(()),
        b"t": lambda m: m.push(tuple(m.above_mark())),
        b"\x85": _last(1),
        b"\x86": _last(2),
        b"\x87": _last(3),
        b"}": lambda m: m.push({}),
        b"d": lambda m: m.push(_fill(m, {}, m.above_mark())),
        b"s": _set_one,
        b"u": _set_all,
        b"p": lambda m: m.remember(m.whole()),
        b"q": lambda m: m.remember(m.span.number("B")),
        b"r": lambda m: m.remember(m.span.number("I")),
        b"\x94": lambda m: m.remember(len(m.memo)),
        b"g": lambda m: m.push(m.memo[m.whole()]),
        b"h": lambda m: m.push(m.memo[m.span.number("B")]),
        b"j": lambda m: m.push(m.memo[m.span.number("I")]),
        b"c": _named_in_lines,
        b"\x93": _named_on_stack,
        b"R": _reduce,
        b"b": _build,
    }.items()
}
