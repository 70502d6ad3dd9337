"""Who may import whom. The table of docs/ARCHITECTURE.md is this one."""

import subprocess
import sys

import pytest

from house.tree import PACKAGE, ROOT, imports, name_of, parsed, room_of, sources

MAY_IMPORT = {
    "functional": set(),
    "formats": set(),
    "recipes": set(),
    "reporting": set(),
    "pooling": {"functional"},
    "weights": {"formats"},
    "data": {"formats"},
    "models": {"pooling", "weights"},
    "evaluation": {"data", "models"},
    "analysis": {"evaluation", "models", "functional"},
    "training": {"evaluation", "data", "models", "pooling", "recipes", "weights", "functional"},
    "studies": {"training", "evaluation", "analysis", "data", "models", "pooling", "recipes"},
    "timm": {"models"},
    "registry": set(),
    "observe": set(),
    "allocator": set(),
    "network_access": set(),
    "foreign_text": set(),
    "stop_signals": set(),
}
ANYONE_MAY = {"registry", "observe", "allocator", "network_access", "foreign_text", "stop_signals", "_version"}
OUTSIDE = {  # third parties that a room may know, where few are allowed
    "functional": {"torch", "jaxtyping"},
    "formats": {"numpy"},
    "recipes": {"yaml"},
    "registry": set(),
    "observe": {"torch"},
    "allocator": set(),
    "network_access": set(),
    "foreign_text": set(),
    "stop_signals": set(),
}


def rooms_imported(path):
    return {name.split(".")[1] for name in imports(path) if name.startswith("covpool.") and name.count(".") >= 1}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_room_imports_only_what_its_line_allows(path):
    room = room_of(path)
    if room in {"cli", "__init__", "__main__"}:
        return
    allowed = MAY_IMPORT.get(room, set()) | ANYONE_MAY | {room}
    assert rooms_imported(path) <= allowed


@pytest.mark.parametrize("path", [p for p in sources() if room_of(p) in OUTSIDE], ids=name_of)
def test_the_inner_rooms_know_few_third_parties(path):
    outside = {name.split(".")[0] for name in imports(path)} - {"covpool", "__future__"} - set(sys.stdlib_module_names)
    assert outside <= OUTSIDE[room_of(path)]


def test_there_is_no_cycle_between_rooms():
    remaining = {room: set(targets) for room, targets in MAY_IMPORT.items()}
    while remaining:
        free = [room for room, targets in remaining.items() if not targets & set(remaining)]
        assert free, f"a cycle among {sorted(remaining)}"
        for room in free:
            del remaining[room]


def test_every_room_has_a_line_in_the_table():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - {"cli"} <= set(MAY_IMPORT)


def test_the_architecture_page_shows_this_table():
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for room in set(MAY_IMPORT) - ANYONE_MAY:
        targets = ", ".join(sorted(MAY_IMPORT[room])) or "nothing of ours"
        assert f"| `{room}` | {targets} |" in page


@pytest.mark.parametrize("path", [p for p in sources() if p.name == "__init__.py"], ids=name_of)
def test_the_front_of_a_room_only_imports_and_lists(path):
    if room_of(path) == "__init__":
        return
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    kinds = {type(node).__name__ for node in parsed(path).body}
    assert kinds <= {"Expr", "Import", "ImportFrom", "Assign", "FunctionDef"}


@pytest.mark.parametrize("statement", ["import covpool", "import covpool.recipes", "import covpool.cli.main"])
def test_the_light_rooms_load_no_torch(statement):
    program = f"{statement}\nimport sys\nsys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
