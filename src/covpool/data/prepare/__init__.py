"""Pictures made ready: shards, records and mapped pixels; what is wrong with a set; what a network sees of it."""

from covpool.data.prepare.plan import FORMATS, Format, Plan, make_plan
from covpool.data.prepare.preparing import prepare

__all__ = ["FORMATS", "Format", "Plan", "make_plan", "prepare"]
