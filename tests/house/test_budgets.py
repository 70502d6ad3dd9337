"""Small files, short functions, names that say what is inside."""

import ast

import pytest

from house.tree import PACKAGE, ROOT, name_of, parsed, room_of, sources

FILE_LINES = 300
FUNCTION_LINES = 40
NESTING = 3
FOLDER_FILES = 12
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "core"}
BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith)
PYTHON = sorted({*sources(), *(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "examples").rglob("*.py")})


def functions(path):
    return [n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function):
    """Lines of the body without its docstring: prose is not what the budget is about."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = first.end_lineno + 1 if documented else first.lineno
    return function.end_lineno - start + 1


def depth(node):
    inner = [depth(child) for child in ast.iter_child_nodes(node)]
    return max(inner, default=0) + isinstance(node, BLOCKS) - _is_elif_chain(node)


def _is_elif_chain(node):
    return isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_files_and_functions_keep_their_budgets(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES
    assert {f.name: body_lines(f) for f in functions(path) if body_lines(f) > FUNCTION_LINES} == {}
    assert {f.name: depth(f) for f in functions(path) if depth(f) > NESTING} == {}


@pytest.mark.parametrize("folder", sorted(p for p in PACKAGE.rglob("*") if p.is_dir()), ids=name_of)
def test_a_folder_holds_a_dozen_files_at_most(folder):
    assert len([p for p in folder.glob("*.py") if p.name != "__init__.py"]) <= FOLDER_FILES


def test_no_file_or_folder_has_a_name_that_says_nothing():
    everything = [p for top in ("src", "tests", "benchmarks", "examples") for p in (ROOT / top).rglob("*")]
    assert [name_of(p) for p in everything if p.stem in FORBIDDEN] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_the_source_is_ascii_documented_and_prints_only_in_the_cli(path):
    text = path.read_text(encoding="utf-8")
    assert text.isascii()
    assert not text or ast.get_docstring(parsed(path))
    if room_of(path) != "cli":
        names = {n.func.id for n in ast.walk(parsed(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert "print" not in names


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_every_public_function_and_class_has_a_docstring(path):
    public = [
        n for n in parsed(path).body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")
    ]
    assert [n.name for n in public if not ast.get_docstring(n)] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_pickles_are_never_loaded_without_the_allow_list(path):
    calls = [n for n in ast.walk(parsed(path)) if isinstance(n, ast.Call)]
    for call in calls:
        if ast.unparse(call.func) == "torch.load":
            assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in call.keywords)
    called = {ast.unparse(call.func) for call in calls}
    assert not called & {"pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"}
    assert not any(k.arg == "allow_pickle" and ast.unparse(k.value) == "True" for c in calls for k in c.keywords)


def test_tests_mirror_the_package():
    """A test file in a room's folder is named after a file of that room."""
    strays = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        relative = path.relative_to(ROOT / "tests")
        if len(relative.parts) > 1 and (PACKAGE / relative.parts[0]).is_dir():
            stem = path.stem.removeprefix("test_")
            candidates = {stem, f"_{stem}"}
            folder = PACKAGE.joinpath(*relative.parts[:-1])
            if not any((folder / f"{c}.py").exists() or (folder / c).is_dir() for c in candidates):
                strays.append(name_of(path))
    about_all_pools = {f"tests/pooling/test_{what}.py" for what in ("contract", "export", "laws", "attacks")}
    about_all_verbs = {f"tests/cli/test_{what}.py" for what in ("payloads", "network", "hostile_names")}
    about_rooms = {"tests/models/test_families.py", "tests/training/distributed/test_recipes.py"}
    assert set(strays) <= about_all_pools | about_all_verbs | about_rooms
