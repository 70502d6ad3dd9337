from covpool.models.techniques import techniques


def test_every_technique_has_a_line(covpool):
    said = covpool("techniques")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[2:]] == techniques.names()


def test_one_technique_is_described_under_its_alias_too(covpool):
    said = covpool("techniques", "anti-alias")
    assert said == covpool("techniques", "blur-pool")
    assert "also called: blur-pool" in said.out
    assert "  kernel  (default: 3)" in said.out
    assert "docs/techniques/anti-alias.md" in said.out
    assert "for training from scratch only" in covpool("techniques", "zero-gamma").out


def test_an_unknown_technique_is_answered_with_the_nearest(covpool):
    said = covpool("techniques", "antialias")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: unknown technique 'antialias'; did you mean 'anti-alias'?")


def test_training_takes_a_list_with_commas_and_reports_its_mistakes(covpool, tmp_path):
    run = str(tmp_path / "run")
    said = covpool("train", "--data", "digits", "--network.techniques", "[see, se(rato=2, x=3)]", "--run", run)
    assert said.code == 2
    assert "unknown technique 'see'; did you mean 'se'?" in said.err
    assert "technique 'se' has no option 'rato'; did you mean 'ratio'?" in said.err
    assert "technique 'se' has no option 'x'" in said.err
