"""Every test here is a fault: minutes, not seconds; run by `make faults`."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_report_header():
    return f"faults: seed {os.environ.get('FAULT_SEED', '0')}, {os.environ.get('FAULT_KILLS', '100')} kills"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)
