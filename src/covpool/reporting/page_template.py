"""The templates, style sheets and scripts of the pages."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("covpool.reporting", "page"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def page_template(name: str) -> jinja2.Template:
    """A template of the folder ``page``; what it is given is escaped."""
    return _PAGE.get_template(name)


def verbatim(name: str) -> Markup:
    """A style sheet or script, as it is."""
    assert _PAGE.loader is not None
    source, _, _ = _PAGE.loader.get_source(_PAGE, name)
    return Markup(source)
