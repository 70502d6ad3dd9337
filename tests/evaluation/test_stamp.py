"""The stamp of a measurement."""

import json
from datetime import datetime

import torch

import covpool
from covpool.evaluation.stamp import stamp


def test_a_stamp_names_version_date_and_machine_as_json():
    mark = stamp()
    assert mark["version"] == covpool.__version__
    assert datetime.fromisoformat(mark["date"]).tzinfo is not None
    assert mark["machine"]["torch"] == torch.__version__
    assert mark["machine"]["cores"] >= 1
    assert json.loads(json.dumps(mark)) == mark
