import hashlib

from covpool.reporting.sources import sources


def test_each_file_is_named_once_with_its_hash_and_the_way_from_the_page(tmp_path):
    run = tmp_path / "runs" / "a b"
    run.mkdir(parents=True)
    file = run / "result.json"
    file.write_text("{}")
    found = sources([str(file), "", str(file), str(tmp_path / "absent.json")], tmp_path / "pages" / "report.html")
    assert [(s.anchor, s.file) for s in found] == [("source-1", str(file))]
    assert found[0].href == "../runs/a%20b/result.json"
    assert found[0].sha256 == hashlib.sha256(b"{}").hexdigest()


def test_without_a_page_the_way_begins_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "javascript:alert(1)").write_text("{}")
    assert sources(["javascript:alert(1)"])[0].href == "javascript%3Aalert%281%29"
