"""The handful of functions that numpy's arrays name in a pickle, done by hand."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from covpool.formats.span import MOST_DIMENSIONS, Span

_KINDS = re.compile(r"[<>|=]?(?:[biu][1248]|f[248]|\?)")
_NUMPY = ("numpy.core", "numpy._core")  # up to numpy 1 and from numpy 2 on
_KNOWN = {
    **{(f"{core}.multiarray", "_reconstruct"): "reconstruct" for core in _NUMPY},
    **{(f"{core}.multiarray", "scalar"): "scalar" for core in _NUMPY},
    **{(f"{core}.numeric", "_frombuffer"): "frombuffer" for core in _NUMPY},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",  # how Python 3 writes bytes for Python 2
    **{(builtins, kind): "bytes" for builtins in ("builtins", "__builtin__") for kind in ("bytes", "bytearray")},
}


@dataclass(frozen=True)
class Name:
    """One of the names on the list; a word of ours, never an object of Python's."""

    meaning: str

    @classmethod
    def known(cls, module: str, name: str) -> Name | None:
        """The name, where it is on the list."""
        meaning = _KNOWN.get((module, name))
        return None if meaning is None else cls(meaning)


@dataclass
class Made:
    """An array or a type of numbers whose state comes in a later step; ``keys`` are its places in the memo."""

    dtype: np.dtype | None
    keys: list[int] = field(default_factory=list)


def call(function: Name, given: tuple[Any, ...], span: Span) -> Any:
    """What the function of that name makes of its arguments."""
    match function.meaning, given:
        case "reconstruct", (Name("ndarray"), (0,), _):
            return Made(None)
        case "dtype", (str() | bytes() as code, *_):
            return Made(_dtype(code, span))
        case "scalar", (Made() | np.dtype() as dtype, bytes() as raw):
            return array((1,), dtype, False, raw, span)[0].item()
        case "frombuffer", (raw, Made() | np.dtype() as dtype, tuple() as shape, "C" | "F" as order):
            return array(shape, dtype, order == "F", raw, span)
        case "encode", (str() as text, "latin1"):
            return text.encode("latin-1")
        case "bytes", ():
            return b""
        case "bytes", (bytes() as raw,):
            return raw
    return span.fail(f"it calls {function.meaning!r} with arguments that numpy does not write; it is damaged")


def complete(made: Made, state: Any, span: Span) -> np.ndarray | np.dtype:
    """The array or type, now that its state is known."""
    if made.dtype is not None:
        return _ordered(made.dtype, state, span)
    match state:
        case (1, tuple() as shape, Made() | np.dtype() as dtype, bool() | int() as fortran, raw):
            return array(shape, dtype, bool(fortran), raw, span)
    return span.fail("the state of an array is not as numpy writes it; it is damaged")


def array(shape: tuple[Any, ...], dtype: Made | np.dtype, fortran: bool, raw: Any, span: Span) -> np.ndarray:
    """A read-only array over the bytes, which must be exactly as many as its shape needs."""
    kind = dtype.dtype if isinstance(dtype, Made) else dtype
    if isinstance(raw, str):
        raw = raw.encode("latin-1")  # text of Python 2 read as Python 3 writes it
    if not isinstance(raw, bytes | memoryview) or kind is None:
        span.fail("an array does not hold numbers as bytes; arrays of objects are refused, save plain numbers")
    lengths = all(isinstance(length, int) and not isinstance(length, bool) and length >= 0 for length in shape)
    if not lengths or len(shape) > MOST_DIMENSIONS or math.prod(shape) * kind.itemsize != len(raw):
        span.fail(f"an array of shape {shape[:8]} and type {kind} has {len(raw)} bytes; it is damaged")
    return np.frombuffer(raw, kind).reshape(shape, order="F" if fortran else "C")


def _dtype(code: str | bytes, span: Span) -> np.dtype:
    text = code.decode("latin-1") if isinstance(code, bytes) else code
    if not _KINDS.fullmatch(text):
        span.fail(f"an array has the type {text[:20]!r}; numbers are read, objects and text are refused")
    return np.dtype(text)


def _ordered(dtype: np.dtype, state: Any, span: Span) -> np.dtype:
    match state:
        case (3 | 4, "<" | ">" | "|" | "=" | b"<" | b">" | b"|" | b"=" as order, None, None, None, *_):
            sign = order if isinstance(order, str) else order.decode()
            return dtype if sign in "|=" else np.dtype(f"{sign}{dtype.kind}{dtype.itemsize}")
    return span.fail("the state of a type of numbers is not as numpy writes it; it is damaged")
