import subprocess
import sys

import pytest

from covpool import __version__
from covpool.cli.main import VERBS, overview

LIGHT = (
    "import sys; from covpool.cli.main import main; code = main({words!r}); sys.exit(code or 'torch' in sys.modules)"
)


def test_help_names_every_verb_and_goes_to_stdout(covpool):
    said = covpool("--help")
    assert (said.code, said.err) == (0, "")
    assert all(f"  {name} " in said.out and verb.line in said.out for name, verb in VERBS.items())


def test_without_a_verb_the_help_goes_to_stderr_and_the_usage_was_wrong(covpool):
    assert covpool() == (2, "", overview())


def test_the_version_is_the_package_s(covpool):
    assert covpool("--version").out == f"covpool {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["recipes"], ["recipes", "show", "small/conv4"], *([v, "--help"] for v in VERBS)],
)
def test_help_and_recipes_load_no_torch(words):
    done = subprocess.run([sys.executable, "-c", LIGHT.format(words=words)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unknown_verb_is_answered_with_the_nearest_one(covpool):
    said = covpool("trian")
    assert said.code == 2
    assert said.err.startswith("error: unknown verb 'trian'; did you mean 'train'? (compare, train,")


def test_help_of_a_verb_can_be_asked_for_in_two_ways(covpool):
    assert covpool("help", "pools") == covpool("pools", "--help")
    assert covpool("pools", "isqrt", "-h").code == 0


def test_a_reader_that_leaves_early_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m covpool recipes show small/conv4 | head -n 1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


def test_the_traceback_is_shown_with_debug_only(covpool):
    assert "Traceback" not in covpool("recipes", "show", "nothing").err
    assert "Traceback" in covpool("recipes", "show", "nothing", "--debug").err
