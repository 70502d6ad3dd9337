import json

WORDS = ["small/digits", "--epochs", "1", "--device", "cpu", "schedule.warmup_epochs=0"]


def test_trials_are_made_told_and_gone_on_with(covpool, tmp_path):
    said = covpool(
        "sweep", *WORDS, "optimizer.lr=1e-3..1e-2:log", "network.pool=avg,gem", "--trials", "1", "--out", "s"
    )
    assert said.code == 0
    assert "trial 0 finished, " in said.err
    assert "covpool train s/best.yaml" in said.out
    again = covpool("sweep", "--resume", "s", "--trials", "2", "--quiet")
    assert again.code == 0
    assert "2 trials: 2 finished" in again.out
    assert "trial" not in again.err
    assert len(json.loads((tmp_path / "s" / "sweep.json").read_text())["trials"]) == 2
    assert covpool("recipes", "show", "s/best.yaml").out.startswith("name: small/digits-best")


def test_a_space_may_come_from_a_file(covpool, tmp_path):
    (tmp_path / "space.yaml").write_text("optimizer.lr: 1e-3..1e-2:log\nnetwork.pool: [avg, 'isqrt(steps=2)']\n")
    said = covpool("sweep", *WORDS, "--space", "space.yaml", "--trials", "1", "--out", "s", "--quiet")
    assert said.code == 0
    assert "network.pool" in said.out


def test_all_mistakes_are_told_together(covpool, tmp_path):
    said = covpool("sweep", "small/digts", "optimizer.lrr=1..2", "--trials", "0", "--time-limit", "3x")
    assert said.code == 2
    assert said.err.startswith("error: 4 mistakes")
    assert "covpool sweep needs a recipe" in covpool("sweep").err
    said = covpool("sweep", "small/digits", "optimizer.lr=-1..2")
    assert said.code == 2
    assert "optimizer.lr needs a number above 0" in said.err
    assert not (tmp_path / "runs").exists()
    said = covpool("sweep", "--resume", "nowhere", "ema=none,0.5", "--seed", "1")
    assert "--resume keeps the plan of its sweep; drop recipe, seed" in said.err
    assert "nowhere holds no sweep" in covpool("sweep", "--resume", "nowhere").err


def test_places_that_are_files_and_a_space_that_is_no_yaml_are_told_first(covpool, tmp_path):
    (tmp_path / "notes.txt").write_text("a: [")
    said = covpool("sweep", "small/digits", "--out", "notes.txt/x", "--space", "notes.txt")
    assert (said.code, said.err.splitlines()[0]) == (2, "error: 2 mistakes")
    assert "--out notes.txt/x cannot be made: notes.txt is a file" in said.err
    assert "--space notes.txt cannot be read as YAML" in said.err
