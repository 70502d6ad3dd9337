"""The verb repeats what a run said when it stopped."""

import json


def broken_run(covpool):
    options = ("--epochs", "1", "--schedule.warmup_epochs", "0", "--transform.std", "[1e-40,1,1]", "--run", "here")
    return covpool("train", "small/digits", *options)


def test_a_run_that_meets_nan_says_where_and_why_and_the_verb_repeats_it(covpool):
    said = broken_run(covpool)
    assert said.code == 1
    assert "error: training needs a finite loss; got nan at step 1" in said.err
    assert "first: the input, batch 1 of the step holds values that are no numbers" in said.err
    assert all(f"  {number}. " in said.err for number in (1, 2, 3))
    assert said.err.rstrip().endswith("to look at it again: covpool doctor here")
    again = covpool("doctor", "here")
    assert again.code == 0
    assert again.out in said.err
    facts = json.loads(covpool("doctor", "here", "--json").out)
    assert (facts["step"], facts["finding"]["stage"], len(facts["causes"])) == (1, "input", 3)


def test_a_sound_run_and_no_run_are_told_apart_from_a_fault(covpool, trained):
    assert "holds no step that went wrong" in covpool("doctor", trained).err
    said = covpool("doctor", "nowhere")
    assert (said.code, said.err) == (2, "error: covpool doctor needs the folder of a run; there is none at nowhere\n")
    (trained / "shards").mkdir(exist_ok=True)
    assert "needs the folder of a run" in covpool("doctor", trained / "shards").err
