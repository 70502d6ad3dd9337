"""The public names and signatures, one a line. ``make api`` rewrites docs/api.txt from here."""

import inspect
from importlib import import_module

from house.tree import PACKAGE, ROOT

SNAPSHOT = ROOT / "docs" / "api.txt"


def public_api() -> str:
    """Every name of every room's ``__all__`` with its signature."""
    rooms = ["covpool", *(f"covpool.{p.name}" for p in sorted(PACKAGE.iterdir()) if (p / "__init__.py").exists())]
    return "".join(f"{line}\n" for room in rooms for line in _lines(room))


def _lines(room: str) -> list[str]:
    module = import_module(room)
    return [f"{room}.{name}{_signature(getattr(module, name))}" for name in sorted(getattr(module, "__all__", []))]


def _signature(entry: object) -> str:
    if not callable(entry):
        return f": {type(entry).__name__}"
    try:
        return "(" + ", ".join(_parameter(p) for p in inspect.signature(entry).parameters.values()) + ")"
    except ValueError:
        return ""


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    optional = "" if parameter.default is parameter.empty else "=..."
    return f"{stars}{parameter.name}{optional}"


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api(), encoding="utf-8")
