"""Events come back as written; what a resumed run repeats is taken out first."""

import json
import math
from pathlib import Path

import pytest

from covpool.training.run import NotWritten
from covpool.training.run.journal import Journal, read_journal, rewind_journal, write_summary


def step(number, loss=0.5):
    return {"event": "step", "epoch": 0, "step": number, "loss": loss, "lr": 0.1}


def test_events_come_back_in_order_and_what_is_no_number_is_null(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write(step(1, 0.1 + 0.2))
    journal.write({"event": "epoch", "step": 2, "eval_loss": math.nan})
    journal.close()
    events = read_journal(path)
    assert events[0]["loss"] == 0.1 + 0.2
    assert events[1]["eval_loss"] is None


def test_half_a_line_at_the_end_is_left_out(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps(step(1)) + '\n{"event": "st', encoding="utf-8")
    assert read_journal(path) == [step(1)]


def test_rewinding_keeps_what_will_not_be_repeated(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write(step(1))
    size = journal.size()
    for event in (step(2), {"event": "checkpoint"}, {"event": "interrupted"}, step(3)):
        journal.write(event)
    journal.close()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"event": "ste')
    rewind_journal(path, size)
    assert [event["event"] for event in read_journal(path)] == ["step", "interrupted"]
    assert path.read_text(encoding="utf-8").endswith("\n")


def test_the_summary_begins_with_timms_columns(tmp_path):
    path = tmp_path / "summary.csv"
    row = {"epoch": 0, "train_loss": 1.5, "eval_loss": 1.0, "eval_top1": 0.5, "eval_top5": 1.0, "lr": 0.1}
    write_summary(path, [{**row, "train_top1": 0.4, "step": 4, "seconds": 2.0, "unknown": "left out"}])
    header, line = path.read_text(encoding="utf-8").splitlines()
    assert header == "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,train_top1,step,seconds"
    assert line == "0,1.5,1.0,0.5,1.0,0.1,0.4,4,2.0"


def test_what_a_power_cut_made_of_a_journal_is_left_out_and_told(tmp_path, caplog):
    path = tmp_path / "journal.jsonl"
    whole = b'{"event": "step", "step": 1}\n'
    path.write_bytes(whole + bytes(40) + b"\n" + b'{"event": "st\n' + whole)
    rewind_journal(path, path.stat().st_size)
    assert path.read_bytes() == 2 * whole
    assert "has lost events from before the checkpoint" in caplog.text
    caplog.clear()
    rewind_journal(path, 2 * len(whole))
    assert not caplog.text
    rewind_journal(path, 5 * len(whole))
    assert "has lost events" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_told_by_name_and_not_again_when_the_journal_closes():
    journal = Journal(Path("/dev/full"))
    with pytest.raises(NotWritten, match=r"/dev/full.*No space left on device"):
        journal.write({"event": "start"})
    journal.close()
