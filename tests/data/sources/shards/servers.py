"""A web server of a folder that fails in the ways it is told to."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Faulty(SimpleHTTPRequestHandler):
    """``faults[name]``: what happens to the next requests of that file, one after the other."""

    def __init__(self, *words, faults, asked, **options):
        self.faults, self.asked = faults, asked
        super().__init__(*words, **options)

    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.asked.append(name)
        waiting = self.faults.get(name, [])
        fault = waiting.pop(0) if waiting else None
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault is not None:
            self._answer((self.directory + "/" + name), fault)
        else:
            super().do_GET()

    def _answer(self, path, fault):
        with open(path, "rb") as file:
            content = file.read()
        self.send_response(200)
        if fault != "no length":
            self.send_header("Content-Length", str(len(content) + (fault == "wrong length")))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
        self.close_connection = True


@contextmanager
def serving(folder, faults=None):
    """Yields (address, names of the files that were asked for)."""
    asked = []
    handler = partial(Faulty, directory=str(folder), faults=faults or {}, asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
