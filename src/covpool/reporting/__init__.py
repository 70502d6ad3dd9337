"""Reports: a pure function of results and runs; no torch, nothing of ours but the files they left."""

from covpool.reporting.data_check import render_check
from covpool.reporting.report import render, report
from covpool.reporting.tables import compare_table

__all__ = ["compare_table", "render", "render_check", "report"]
