from pathlib import Path

from covpool.cli.handbook import handbook

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_in_docs_is_what_help_says():
    """After a wanted change: python -m covpool.cli.handbook > docs/cli.md"""
    assert PAGE.read_text(encoding="utf-8") == handbook()
