from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Chart, Found


def trial(number, state, value, lr, by_epoch=()):
    values = {} if lr is None else {"optimizer.lr": lr}
    known = {"epochs": len(by_epoch), "by_epoch": list(by_epoch), "seconds": 12.0, "run": f"trials/{number}"}
    return {"trial": number, "state": state, "value": value, "values": values, "host": "h", "reason": "", **known}


def found(direction="maximize"):
    trials = [
        trial(0, "finished", 0.5, 0.001, [[1, 0.4], [2, 0.5]]),
        trial(1, "pruned", 0.3, 0.1, [[1, 0.3]]),
        trial(2, "finished", 0.9, 0.01, [[1, 0.6], [2, 0.9]]),
        trial(3, "running", None, None),
    ]
    facts = {"metric": "top1", "direction": direction, "space": {"optimizer.lr": "1e-3..1e-1:log"}, "best": 2}
    data = {"schema": "covpool-sweep/1", **facts, "trials": trials, "importances": {"optimizer.lr": 1.0}}
    return Found("lr", data, "lr/sweep.json")


def test_trials_are_listed_best_first_with_the_curves_of_the_best():
    shown = section_of("covpool-sweep", [found()])
    (table,) = shown.tables
    assert [cells[0].text for cells in table.rows] == ["2", "0", "1", "3"]
    assert [cells[3].text for cells in table.rows] == ["0.01", "0.001", "0.1", ""]
    assert table.rows[0][3].origin == "lr/sweep.json#/trials/2/values/optimizer.lr"
    (chart,) = (part for part in shown.parts if isinstance(part, Chart))
    assert "trial 2, epoch 2: 0.9" in chart.drawing
    assert "optimizer.lr 100 %" in shown.to_markdown().replace("\\", "")


def test_a_loss_is_best_where_it_is_lowest():
    (table,) = section_of("covpool-sweep", [found("minimize")]).tables
    assert table.rows[0][0].text == "0"
