"""Events come back as written; what a resumed run repeats is taken out first."""

import json
import math

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from covpool.training.run.journal import Journal, read_journal, rewind_journal, write_summary


def step(number, loss=0.5):
    return {"event": "step", "epoch": 0, "step": number, "loss": loss, "lr": 0.1}


def test_events_come_back_in_order_and_what_is_no_number_is_null(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, tmp_path / "tensorboard")
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
    journal = Journal(path, tmp_path / "tensorboard")
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


def test_the_curves_are_in_the_event_files_once(tmp_path, monkeypatch):
    # files of one second are read in the order of their names, in which a tenth writer comes before the ninth
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
    first = Journal(tmp_path / "a.jsonl", tmp_path / "curves")
    for number in (1, 2, 3):
        first.write(step(number, float(number)))
    first.close()
    again = Journal(tmp_path / "a.jsonl", tmp_path / "curves", first_step=1)
    for number in (2, 3):
        again.write(step(number, 10.0 * number))
    again.close()
    curves = EventAccumulator(str(tmp_path / "curves")).Reload()
    assert [(s.step, s.value) for s in curves.Scalars("step/loss")] == [(1, 1.0), (2, 20.0), (3, 30.0)]


def test_the_summary_begins_with_timms_columns(tmp_path):
    path = tmp_path / "summary.csv"
    row = {"epoch": 0, "train_loss": 1.5, "eval_loss": 1.0, "eval_top1": 0.5, "eval_top5": 1.0, "lr": 0.1}
    write_summary(path, [{**row, "train_top1": 0.4, "step": 4, "seconds": 2.0, "unknown": "left out"}])
    header, line = path.read_text(encoding="utf-8").splitlines()
    assert header == "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,train_top1,step,seconds"
    assert line == "0,1.5,1.0,0.5,1.0,0.1,0.4,4,2.0"
