import json


def test_a_run_becomes_a_page(covpool, trained, tmp_path):
    said = covpool("report", trained)
    assert (said.code, said.out, said.err) == (0, "", "wrote report.html\n")
    assert "<h1><bdi>Run run</bdi></h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_existing_page_is_kept_unless_forced(covpool, trained, tmp_path):
    (tmp_path / "report.html").write_text("precious")
    assert covpool("report", trained).code == 2
    assert (tmp_path / "report.html").read_text() == "precious"
    assert covpool("report", trained, "--force").code == 0


def test_tables_go_to_stdout_or_to_the_file_whose_ending_says_so(covpool, trained, tmp_path):
    assert covpool("report", trained, "--format", "md").out.startswith("## Runs\n\n| run | network |")
    assert covpool("report", trained, "--output", "x.csv").code == 0
    assert (tmp_path / "x.csv").read_text().startswith("run,network,top1")


def test_what_is_no_result_is_told(covpool, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"schema": "other"}))
    assert covpool("report").code == 2
    said = covpool("report", "x.json")
    assert said.code == 2
    assert "its schema is 'other'" in said.err
    assert "there is nothing at nowhere" in covpool("report", "nowhere").err
