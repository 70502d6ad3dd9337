from covpool.reporting.sections.kinds import SECTIONS, section_of
from covpool.reporting.sections.parts import Found


def test_an_unknown_kind_has_a_section_too():
    assert section_of("covpool-never-seen", [Found("x", {"schema": "covpool-never-seen/1", "a": 1})]).tables


def test_a_kind_is_named_as_schemas_are():
    assert all(kind.startswith("covpool-") and "/" not in kind for kind in SECTIONS)
