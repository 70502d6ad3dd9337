import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from covpool.data import BadSource, open_images
from covpool.data.sources.shards.store import Store
from data.tars import value_of, write_shards


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; says of files named 'short' more bytes than there are."""

    asked = 0

    def log_message(self, *_):
        type(self).asked += 1

    def end_headers(self):
        super().end_headers()

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and "short" in self.path:
            value = str(int(value) + 1)
        super().send_header(keyword, value)


@pytest.fixture
def server(tmp_path):
    write_shards(tmp_path / "served", "train", [3, 4])
    (tmp_path / "served" / "short.tar").write_bytes(b"abc")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "served")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_shards_of_a_server_are_fetched_once(server, tmp_path):
    name = f"{server}/train-{{0000..0001}}.tar"
    source = open_images(name, cache=tmp_path / "cache", val_fraction=0)
    assert [value_of(source.train.read(i)) for i in range(7)] == list(range(7))
    before = Quiet.asked
    assert len(open_images(name, cache=tmp_path / "cache", val_fraction=0).train) == 7
    assert Quiet.asked == before


def test_what_is_absent_or_cut_is_named_and_leaves_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr("covpool.data.sources.shards.fetch.time.sleep", lambda seconds: None)
    with pytest.raises(BadSource, match="HTTP 404"):
        Store(tmp_path).fetched(f"{server}/none.tar")
    with pytest.raises(BadSource, match="after 5 tries"):
        Store(tmp_path).fetched(f"{server}/short.tar")
    with pytest.raises(BadSource, match=r"after 5 tries \(.*refused"):
        Store(tmp_path).fetched("http://127.0.0.1:9/a.tar")
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path):
    with pytest.raises(BadSource, match=r"ended with 1 \(cat: .*No such file"):
        Store(tmp_path).fetched("pipe:cat /nonexistent.tar")
