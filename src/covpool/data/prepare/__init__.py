"""Pictures made ready for training: shards, records and mapped pixels."""

from covpool.data.prepare.plan import FORMATS, Format, Plan, make_plan
from covpool.data.prepare.preparing import prepare

__all__ = ["FORMATS", "Format", "Plan", "make_plan", "prepare"]
